"""Twenty followers with twenty policies, each beside what the manual says that it does.

All follow one leader, three of them another one too, who holds the other outcome now and then. Between them they use
every sizing and exit mode, and most filters and limits. Slippage that no other policy has keeps a copy out of the
orders of the others, so that the venue's minimum is met alone or not at all, and that a size which depends on the
moment moves nobody else's by a base unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from remora.devnet.accounts import DevnetAccount, Role, scripted_range
from remora.devnet.demo.cast import Cast, Follower, fixed, part_of_leaders
from remora.domain.ids import ZERO_ADDRESS, Address, PolicyId
from remora.domain.money import ONE, Collateral, Price, Ratio
from remora.domain.policy import (
    ExitMode,
    Exits,
    Filters,
    Limits,
    Listed,
    NegRisk,
    Opposite,
    Policy,
    Rulebook,
    Sizing,
    SizingMode,
    Tier,
)
from remora.domain.signal import Side
from remora.settings.policies.reader import policy_id
from tests.scenario.copying import recomputed
from tests.scenario.copying.recomputed import Key, Refusal, Rules, Traded, part, tiers

MEANS = Collateral(10_000 * ONE)
LEADERS_EQUITY = Decimal(100_000)
"""What a stage gives a leader."""

AGE_S = 600
"""No trade of the replay is too old."""

LIQUID, BUSY, SOON, LATE = 250_000, 50_000, 5, 50
"""Bounds on what markets are like, far from what any of them is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruled(Follower):
    """A follower with a whole policy, and what it should come to.

    `rough`: its size depends on the moment. `beside`: the rules for the other leader, where there are some.
    """

    rules: Policy
    should: Rules
    beside: tuple[DevnetAccount, Policy, Rules] | None = None

    @property
    def rough(self) -> bool:
        """Whether sizes depend on the moment, as equity does."""
        return self.sizing.mode is SizingMode.PROPORTIONAL

    def policy(self) -> Policy:
        """Return the policy for the first leader."""
        return _of(self.wallet, self.leader.address, self.rules)

    def policies(self) -> tuple[Policy, ...]:
        """Return all of the follower's policies."""
        others = () if self.beside is None else (_of(self.wallet, self.beside[0].address, self.beside[1]),)
        return (self.policy(), *others)

    def all_rules(self) -> Mapping[Key, Rules]:
        """Return what the policies should do, by leader."""
        return {(self.name, 0): self.should} | ({} if self.beside is None else {(self.name, 1): self.beside[2]})


class Pairs(Cast):
    """A cast whose followers may have several policies."""

    __slots__ = ()

    def rulebook(self) -> Rulebook:
        """Return all policies."""
        return Rulebook(policies=tuple(policy for each in self.ruled for policy in each.policies()))

    @property
    def ruled(self) -> tuple[Ruled, ...]:
        """The followers, who all are ruled."""
        return tuple(each for each in self.followers if isinstance(each, Ruled))


Row = tuple[str, Policy, Rules]
TEN = fixed("10")


def twenty(seed: int, slugs: tuple[str, ...]) -> Pairs:
    """Return the cast; the second of the markets is the one with a fee."""
    leader, other = scripted_range(Role.LEADER, 2, seed=seed)
    accounts = scripted_range(Role.FOLLOWER, 20, seed=seed)
    rows = [*_sizings(slugs), *_filters(), *_exits(slugs), *_limits(slugs)]
    both = (other, _rules(fixed("4")), Rules(size=recomputed.fixed("4")))
    followers = tuple(
        Ruled(
            account=account,
            name=name,
            collateral=MEANS,
            leader=leader,
            sizing=rules.sizing,
            rules=rules,
            should=should,
            beside=both if name.endswith("another leader") else None,
        )
        for account, (name, rules, should) in zip(accounts, rows, strict=True)
    )
    return Pairs(leaders=(leader, other), followers=followers)


def _sizings(slugs: tuple[str, ...]) -> list[Row]:
    steps = (("0", "0.1"), ("40", "0.2"))
    from_thirty = (("30", "0.15"),)
    doubled = Decimal(2 * MEANS.units) / ONE / LEADERS_EQUITY
    return [
        ("fixed, and all of another leader", _rules(TEN), _ten()),
        (
            "a tenth, no sports",
            _rules(part_of_leaders("0.1"), categories=Listed(refuse=("sports",))),
            _sized(part("0.1"), _category_but("sports")),
        ),
        (
            "a quarter, at most 5, of tides",
            _rules(replace(part_of_leaders("0.25"), maximum=_collateral("5")), tags=Listed(allow=("tide",))),
            _sized(part("0.25"), _tagged("tide"), maximum=Decimal(5)),
        ),
        (
            "a twentieth, at least 2, no storms",
            _rules(replace(part_of_leaders("0.05"), minimum=_collateral("2")), keywords=Listed(refuse=("storm",))),
            _sized(
                part("0.05"), lambda t: "REFUSED_WORD" if "storm" in t.market.question else None, minimum=Decimal(2)
            ),
        ),
        (
            "two tiers, two markets",
            _rules(_tiered(*steps), slugs=Listed(allow=slugs[:2])),
            _sized(tiers(*steps), lambda t: None if t.market.slug in slugs[:2] else "NOT_ALLOWED"),
        ),
        (
            "a tier from 30, liquid",
            _rules(_tiered(*from_thirty), min_liquidity=_collateral(str(LIQUID))),
            _sized(tiers(*from_thirty), lambda t: "MIN_LIQUIDITY" if t.market.liquidity < LIQUID else None),
        ),
        (
            "in proportion to equity, doubled, none that ends soon",
            _rules(
                Sizing(mode=SizingMode.PROPORTIONAL, multiplier=Ratio.parse("2")),
                exits=Exits(max_slippage_bps=2000),
                max_slippage_bps=2000,
                min_days_to_resolution=Ratio.parse(str(SOON)),
            ),
            _sized(part(str(doubled)), _ends_not_within(SOON), slippage=Decimal("0.2"), exit_slippage=Decimal("0.2")),
        ),
        (
            "a hundredth, accumulated",
            _rules(replace(part_of_leaders("0.01"), accumulate=True), max_slippage_bps=1500),
            _sized(part("0.01"), slippage=Decimal("0.15"), accumulates=True),
        ),
        (
            "a fiftieth, alone, none that ends late",
            _rules(part_of_leaders("0.02"), max_slippage_bps=2500, max_days_to_resolution=Ratio.parse(str(LATE))),
            _sized(part("0.02"), lambda t: "ENDS_TOO_LATE" if t.market.days > LATE else None, slippage=Decimal("0.25")),
        ),
    ]


def _filters() -> list[Row]:
    return [
        (
            "up to 0.60",
            _rules(TEN, max_odds=Price.parse("0.6")),
            _ten(lambda t: "MAX_ODDS" if t.price > Decimal("0.6") else None, highest=Decimal("0.6")),
        ),
        (
            "from 0.30",
            _rules(TEN, min_odds=Price.parse("0.3")),
            _ten(lambda t: "MIN_ODDS" if t.price < Decimal("0.3") else None),
        ),
        (
            "large trades in busy markets",
            _rules(TEN, min_leader_trade=_collateral("40"), min_volume_24h=_collateral(str(BUSY))),
            _ten(
                lambda t: "MIN_LEADER_TRADE" if t.collateral < Decimal(40) else None,
                lambda t: "MIN_VOLUME" if t.market.volume < BUSY else None,
            ),
        ),
        (
            "YES only",
            _rules(TEN, outcomes=Listed(allow=("yes",))),
            _ten(lambda t: None if t.is_yes else "NOT_ALLOWED"),
        ),
        (
            "no neg-risk",
            _rules(TEN, neg_risk=NegRisk.NEVER),
            _ten(lambda t: "NEG_RISK" if t.market.neg_risk else None),
        ),
        (
            "purchases only, an eighth, 6 per trade",
            _rules(part_of_leaders("0.125"), sides=frozenset({Side.BUY}), limits=Limits(per_trade=_collateral("6"))),
            _sized(part("0.125"), copies_sales=False, per_trade=Decimal(6)),
        ),
    ]


def _exits(slugs: tuple[str, ...]) -> list[Row]:
    return [
        (
            "all at once, two tokens",
            _rules(TEN, exits=Exits(mode=ExitMode.ALL), limits=Limits(open_positions=2)),
            _ten(exits="all", open_positions=2),
        ),
        (
            "never out, 155 through the leader",
            _free(slugs, exits=Exits(mode=ExitMode.NONE), limits=Limits(per_leader=_collateral("155"))),
            _ten(_no_fee, exits="none", per_leader=Decimal(155)),
        ),
    ]


def _limits(slugs: tuple[str, ...]) -> list[Row]:
    """Return limits that add up, without the market with a fee: what is reserved has the worst fee until it fills."""
    return [
        (
            "55 per market, nothing against another leader",
            _free(slugs, limits=Limits(per_market=_collateral("55")), opposite=Opposite.REFUSE),
            _ten(_no_fee, per_market=Decimal(55), opposite="refuse"),
        ),
        (
            "305 per day, net of another leader",
            _free(slugs, limits=Limits(per_day=_collateral("305")), opposite=Opposite.NET),
            _ten(_no_fee, per_day=Decimal(305), opposite="net"),
        ),
        (
            "95 in all",
            _free(slugs, limits=Limits(exposure=_collateral("95"))),
            _ten(_no_fee, exposure=Decimal(95)),
        ),
    ]


def _rules(sizing: Sizing, *, exits: Exits | None = None, limits: Limits | None = None, **filters: Any) -> Policy:
    """Return rules that are nobody's yet."""
    return Policy(
        policy_id=PolicyId(""),
        follower=ZERO_ADDRESS,
        leader=ZERO_ADDRESS,
        sizing=sizing,
        filters=Filters(max_signal_age_s=AGE_S, **filters),
        exits=exits or Exits(),
        limits=limits or Limits(),
    )


def _free(slugs: tuple[str, ...], **more: Any) -> Policy:
    return _rules(TEN, slugs=Listed(refuse=slugs[1:2]), **more)


def _of(follower: Address, leader: Address, rules: Policy) -> Policy:
    return replace(rules, policy_id=policy_id(follower, leader), follower=follower, leader=leader)


def _ten(*refusals: Refusal, **more: Any) -> Rules:
    return _sized(recomputed.fixed("10"), *refusals, **more)


def _sized(size: recomputed.Size, *refusals: Refusal, **more: Any) -> Rules:
    return Rules(size=size, refusals=refusals, **more)


def _category_but(refused: str) -> Refusal:
    def refuses(trade: Traded) -> str | None:
        if not trade.market.category:
            return "FACT_UNKNOWN"
        return "REFUSED_WORD" if trade.market.category == refused else None

    return refuses


def _tagged(tag: str) -> Refusal:
    def refuses(trade: Traded) -> str | None:
        if not trade.market.tags:
            return "FACT_UNKNOWN"
        return None if tag in trade.market.tags else "NOT_ALLOWED"

    return refuses


def _ends_not_within(days: int) -> Refusal:
    return lambda trade: "ENDS_TOO_SOON" if trade.market.days < days else None


def _no_fee(trade: Traded) -> str | None:
    return "REFUSED_WORD" if trade.market.fee else None


def _tiered(*steps: tuple[str, str]) -> Sizing:
    found = tuple(Tier(above=_collateral(above), multiplier=Ratio.parse(factor)) for above, factor in steps)
    return Sizing(mode=SizingMode.TIERS, tiers=found)


def _collateral(text: str) -> Collateral:
    return Collateral.parse(text)
