"""The cast: who takes part in the demo, with what means and which rules. The same seed gives the same cast."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import yaml

from remora.devnet.accounts import DevnetAccount, Role, scripted_range
from remora.domain.ids import Address
from remora.domain.money import ONE, Collateral, Price
from remora.domain.parties import Sizing

LEADERS = 3
NAMED_FOLLOWERS = 5
"""The first followers each show something; the others are the crowd."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Follower:
    """A follower of the demo: an account, its collateral at the start, and its one policy."""

    account: DevnetAccount
    name: str
    collateral: Collateral
    leader: DevnetAccount
    sizing: Sizing
    fixed_amount: Collateral = Collateral(0)
    percentage_bps: int = 0
    max_odds: Price = Price(ONE)
    max_signal_age_s: int = 120

    @property
    def wallet(self) -> Address:
        """The follower's wallet."""
        return self.account.address

    def document(self) -> dict[str, str | int]:
        """Return the policy as the policy file has it."""
        size: dict[str, str | int] = (
            {"fixed_amount": str(self.fixed_amount)}
            if self.sizing is Sizing.FIXED
            else {"percentage_bps": self.percentage_bps}
        )
        return {
            "follower": self.wallet,
            "leader": self.leader.address,
            "sizing": str(self.sizing),
            **size,
            "max_odds": str(self.max_odds),
            "max_signal_age_s": self.max_signal_age_s,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Everybody: leaders by index, followers, and which of them is short of collateral."""

    leaders: tuple[DevnetAccount, ...]
    followers: tuple[Follower, ...]

    @property
    def underfunded(self) -> tuple[Follower, ...]:
        """The followers who cannot pay what their policy makes them buy."""
        return tuple(f for f in self.followers if f.sizing is Sizing.FIXED and f.collateral < f.fixed_amount)

    def policy_file(self) -> str:
        """Return the policies as YAML."""
        return yaml.safe_dump({"policies": [follower.document() for follower in self.followers]}, sort_keys=False)

    def names(self) -> dict[str, str]:
        """Return what to call each wallet."""
        leaders: dict[str, str] = {a.address: f"leader {index}" for index, a in enumerate(self.leaders)}
        followers: dict[str, str] = {follower.wallet: follower.name for follower in self.followers}
        return leaders | followers


def cast(*, followers: int, seed: int) -> Cast:
    """Return a cast of three leaders and so many followers."""
    leaders = scripted_range(Role.LEADER, LEADERS, seed=seed)
    accounts = scripted_range(Role.FOLLOWER, followers, seed=seed)
    named = _named(accounts, leaders)[:followers]
    random = Random(seed)  # noqa: S311  it chooses amounts, not secrets
    crowd = [_one_of_many(index, accounts[index], leaders, random) for index in range(len(named), followers)]
    return Cast(leaders=leaders, followers=(*named, *crowd))


def _named(accounts: tuple[DevnetAccount, ...], leaders: tuple[DevnetAccount, ...]) -> list[Follower]:
    rows = [
        ("ann, fixed 10", 1_000, 0, Sizing.FIXED, 10, 0, "1"),
        ("bob, 10 % of the leader", 1_000, 1, Sizing.PERCENTAGE, 0, 1_000, "1"),
        ("cleo, underfunded", 5, 0, Sizing.FIXED, 20, 0, "1"),
        ("dan, max odds 0.40", 1_000, 2, Sizing.FIXED, 10, 0, "0.40"),
        ("eve, who sells", 1_000, 1, Sizing.FIXED, 15, 0, "1"),
    ]
    return [
        Follower(
            account=account,
            name=name,
            collateral=Collateral(collateral * ONE),
            leader=leaders[leader],
            sizing=sizing,
            fixed_amount=Collateral(amount * ONE),
            percentage_bps=bps,
            max_odds=Price.parse(odds),
        )
        for account, (name, collateral, leader, sizing, amount, bps, odds) in zip(accounts, rows, strict=False)
    ]


def _one_of_many(index: int, account: DevnetAccount, leaders: tuple[DevnetAccount, ...], random: Random) -> Follower:
    fixed = random.random() < 0.7  # noqa: PLR2004  most of the crowd is fixed
    return Follower(
        account=account,
        name=f"follower {index}",
        collateral=Collateral(1_000 * ONE),
        leader=random.choice(leaders),
        sizing=Sizing.FIXED if fixed else Sizing.PERCENTAGE,
        fixed_amount=Collateral(random.randint(2, 15) * ONE if fixed else 0),
        percentage_bps=0 if fixed else random.randint(300, 1_500),
    )
