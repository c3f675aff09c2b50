"""The cast: who takes part in the demo, with what means and which rules. The same seed gives the same cast."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from remora.devnet.accounts import DevnetAccount, Role, scripted_range
from remora.domain.ids import Address
from remora.domain.money import ONE, Collateral, Price, Ratio
from remora.domain.policy import Filters, Orders, Policy, Rulebook, Sizing, SizingMode
from remora.settings.policies.reader import policy_id

LEADERS = 3
NAMED_FOLLOWERS = 5
"""The first followers each show something; the others are the crowd."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Follower:
    """A follower of the demo: an account, its collateral at the start, and the rules of its one policy.

    One with `leaves` spends all but so much elsewhere, after a copy was decided and before it is paid.
    """

    account: DevnetAccount
    name: str
    collateral: Collateral
    leader: DevnetAccount
    sizing: Sizing
    max_odds: Price | None = None
    max_signal_age_s: int = 120
    max_slippage_bps: int = Filters().max_slippage_bps
    orders: Orders = Orders()
    leaves: Collateral | None = None

    @property
    def wallet(self) -> Address:
        """The follower's wallet."""
        return self.account.address

    def policy(self) -> Policy:
        """Return the policy."""
        return Policy(
            policy_id=policy_id(self.wallet, self.leader.address),
            follower=self.wallet,
            leader=self.leader.address,
            sizing=self.sizing,
            filters=Filters(
                max_odds=self.max_odds,
                max_signal_age_s=self.max_signal_age_s,
                max_slippage_bps=self.max_slippage_bps,
            ),
            orders=self.orders,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Everybody: leaders by index, followers, and which of them is short of collateral."""

    leaders: tuple[DevnetAccount, ...]
    followers: tuple[Follower, ...]

    @property
    def underfunded(self) -> tuple[Follower, ...]:
        """The followers who cannot pay when they should."""
        return tuple(follower for follower in self.followers if follower.leaves is not None)

    def rulebook(self) -> Rulebook:
        """Return the followers' policies."""
        return Rulebook(policies=tuple(follower.policy() for follower in self.followers))

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


def fixed(amount: str) -> Sizing:
    """Return the sizing of who spends the same on every entry."""
    return Sizing(mode=SizingMode.FIXED, amount=Collateral.parse(amount))


def part_of_leaders(multiplier: str) -> Sizing:
    """Return the sizing of who spends a part of what the leader spends."""
    return Sizing(multiplier=Ratio.parse(multiplier))


def _named(accounts: tuple[DevnetAccount, ...], leaders: tuple[DevnetAccount, ...]) -> list[Follower]:
    rows = [
        ("ann, fixed 10", 1_000, 0, fixed("10"), None),
        ("bob, 10 % of the leader", 1_000, 1, part_of_leaders("0.1"), None),
        ("cleo, underfunded", 25, 0, fixed("20"), None),
        ("dan, max odds 0.40", 1_000, 2, fixed("10"), Price.parse("0.40")),
        ("eve, who sells", 1_000, 1, fixed("15"), None),
    ]
    return [
        Follower(
            account=account,
            name=name,
            collateral=Collateral(collateral * ONE),
            leader=leaders[leader],
            sizing=sizing,
            max_odds=odds,
            leaves=Collateral(5 * ONE) if name.endswith("underfunded") else None,
        )
        for account, (name, collateral, leader, sizing, odds) in zip(accounts, rows, strict=False)
    ]


def _one_of_many(index: int, account: DevnetAccount, leaders: tuple[DevnetAccount, ...], random: Random) -> Follower:
    is_fixed = random.random() < 0.7  # noqa: PLR2004  most of the crowd is fixed
    return Follower(
        account=account,
        name=f"follower {index}",
        collateral=Collateral(1_000 * ONE),
        leader=random.choice(leaders),
        sizing=fixed(str(random.randint(2, 15))) if is_fixed else part_of_leaders(f"0.{random.randint(300, 1_500):04}"),
    )
