"""A follower's rules for one leader, and the bounds that hold for followers, leaders and the whole service.

Every field is declared here once, with its default, unit, example and meaning: the file format, its JSON schema and
docs/policy.md are made of these declarations. A field of None is off. Amounts are collateral unless their name says
shares; odds are prices between 0 and 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Annotated

from remora.domain.ids import Address, PolicyId
from remora.domain.money import ONE, Collateral, Price, Ratio
from remora.domain.signal import Side, SignalKind
from remora.domain.usage import Subject, subjects


@dataclass(frozen=True, slots=True)
class Doc:
    """What a field means, for people: one sentence, an example as it is written, and its unit if the type has none.

    `positive` says that it must be above zero.
    """

    says: str
    example: str
    unit: str = ""
    positive: bool = False


class SizingMode(StrEnum):
    """How an entry is sized before it is clamped."""

    FIXED = "fixed"
    MULTIPLIER = "multiplier"
    PROPORTIONAL = "proportional"
    TIERS = "tiers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """A multiplier for leader trades from a size on."""

    above: Annotated[Collateral, Doc("Leader trades of at least this much are multiplied by it.", '"100"')]
    multiplier: Annotated[Ratio, Doc("What the leader's collateral is multiplied by.", '"0.5"', positive=True)]


_TIERS = '[{above: "0", multiplier: "0.1"}, {above: "500", multiplier: "0.02"}]'


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizing:
    """How much an entry spends."""

    mode: Annotated[
        SizingMode,
        Doc(
            "fixed spends `amount`; multiplier spends the leader's collateral x `multiplier`; proportional spends the"
            " follower's equity x the leader's collateral / the leader's equity x `multiplier`; tiers spends the"
            " leader's collateral x the multiplier of the tier that it reaches.",
            "fixed",
        ),
    ] = SizingMode.MULTIPLIER
    amount: Annotated[
        Collateral | None, Doc("What each entry spends, with mode fixed only.", '"10"', positive=True)
    ] = None
    multiplier: Annotated[Ratio, Doc("The factor of modes multiplier and proportional.", '"0.25"', positive=True)] = (
        Ratio(ONE)
    )
    tiers: Annotated[
        tuple[Tier, ...],
        Doc("With mode tiers only: the highest `above` that the trade reaches counts.", _TIERS),
    ] = ()
    minimum: Annotated[
        Collateral | None,
        Doc("A smaller copy is lifted to this, never above `maximum` or a limit.", '"1"'),
    ] = None
    maximum: Annotated[Collateral | None, Doc("A larger copy is cut to this.", '"50"')] = None
    accumulate: Annotated[
        bool,
        Doc("Copies below the venue's minimum are added up until they reach it, instead of being denied.", "true"),
    ] = False


class ExitMode(StrEnum):
    """How much of a lot an exit sells."""

    PROPORTIONAL = "proportional"
    ALL = "all"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exits:
    """How the leader's exits are followed. No entry cap, odds or price filter ever blocks one."""

    mode: Annotated[
        ExitMode,
        Doc(
            "proportional sells the fraction of this policy's lot that the leader sold of its own; all sells the lot;"
            " none keeps it.",
            "all",
        ),
    ] = ExitMode.PROPORTIONAL
    kinds: Annotated[
        frozenset[SignalKind],
        Doc("Which ways of leaving are followed.", "[trade, merge]"),
    ] = frozenset({SignalKind.TRADE, SignalKind.MERGE, SignalKind.CONVERSION})
    max_slippage_bps: Annotated[
        int,
        Doc("How far below the leader's price an exit may sell, after rounding to the tick.", "1000", "bps"),
    ] = 500
    max_age_s: Annotated[
        int | None,
        Doc("An older exit is not followed; without it, however late it was heard.", "600", "seconds"),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """Words that are allowed or refused. With `allow`, at least one must match; with `refuse`, none may."""

    allow: Annotated[tuple[str, ...], Doc("At least one of these must match.", "[politics]")] = ()
    refuse: Annotated[tuple[str, ...], Doc("None of these may match.", "[sports]")] = ()

    @property
    def is_open(self) -> bool:
        """Whether anything passes."""
        return not self.allow and not self.refuse


class OrderMode(StrEnum):
    """How an entry's order waits for a counterpart."""

    FAK = "fak"
    FOK = "fok"
    GTD = "gtd"


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """How entries are ordered. Exits take what the book offers at once, whatever is said here."""

    kind: Annotated[
        OrderMode,
        Doc(
            "fak buys what the book offers within the limit at once and drops the rest; fok buys all at once or"
            " nothing; gtd lets the rest stand in the book at the limit, for `rest_s` or until the leader exits. What"
            " rests has the venue's minimum, usually 5 shares.",
            "fok",
        ),
    ] = OrderMode.FAK
    rest_s: Annotated[int | None, Doc("How long a gtd order stands in the book.", "60", "seconds", positive=True)] = (
        None
    )


class NegRisk(StrEnum):
    """Which markets, by whether they are neg-risk ones: several outcomes of which exactly one wins."""

    ANY = "any"
    ONLY = "only"
    NEVER = "never"


class Opposite(StrEnum):
    """What to do about an entry while the follower holds the other outcome through another leader."""

    ALLOW = "allow"
    REFUSE = "refuse"
    NET = "net"


def _given(section: Filters | Limits) -> tuple[str, ...]:
    """Return the names of the fields that say something else than by default."""
    said = ((name, getattr(section, name), default) for name, default in _DEFAULTS[type(section)].items())
    return tuple(name for name, value, default in said if value is not default and value != default)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which of the leader's entries are copied. A filter on a fact that is not known denies, and says so."""

    sides: Annotated[frozenset[Side], Doc("The sides that are copied; without SELL, no exit is followed.", "[BUY]")] = (
        frozenset(Side)
    )
    min_odds: Annotated[Price | None, Doc("Neither the leader's price nor the best ask may be below.", '"0.05"')] = None
    max_odds: Annotated[
        Price | None, Doc("Neither the leader's price nor the best ask may be above.", '"0.85"', positive=True)
    ] = None
    min_leader_trade: Annotated[Collateral | None, Doc("Smaller trades of the leader are not copied.", '"20"')] = None
    max_slippage_bps: Annotated[
        int,
        Doc("How far above the leader's price an entry may buy, after rounding to the tick.", "300", "bps"),
    ] = 500
    max_signal_age_s: Annotated[int, Doc("An older trade is not entered.", "30", "seconds", positive=True)] = 15
    min_liquidity: Annotated[Collateral | None, Doc("The market's liquidity, as the venue tells it.", '"5000"')] = None
    min_volume_24h: Annotated[Collateral | None, Doc("The market's volume of the last 24 hours.", '"10000"')] = None
    max_spread: Annotated[Price | None, Doc("Best ask less best bid.", '"0.03"')] = None
    depth: Annotated[
        Ratio | None,
        Doc("The book must offer this many times the wanted size within the limit price.", '"2"'),
    ] = None
    min_days_to_resolution: Annotated[
        Ratio | None, Doc("Nearer to its end, a market is left alone.", '"0.5"', "days")
    ] = None
    max_days_to_resolution: Annotated[
        Ratio | None, Doc("Farther from its end, a market is left alone.", '"90"', "days")
    ] = None
    categories: Annotated[Listed, Doc("The market's category, in lower case.", "{refuse: [sports]}")] = Listed()
    tags: Annotated[Listed, Doc("The market's tags, in lower case.", "{allow: [elections]}")] = Listed()
    keywords: Annotated[Listed, Doc("Words of the market's question, in any case.", "{refuse: [tweet]}")] = Listed()
    slugs: Annotated[Listed, Doc("The market's or its event's slug.", "{refuse: [some-market]}")] = Listed()
    outcomes: Annotated[Listed, Doc("The name of the outcome bought, in any case.", "{allow: [yes]}")] = Listed()
    neg_risk: Annotated[NegRisk, Doc("Neg-risk markets: any, only, or never.", "never")] = NegRisk.ANY
    opposite: Annotated[
        Opposite,
        Doc(
            "While the follower holds the other outcome through another leader: allow the entry, refuse it, or net:"
            " enter only what exceeds the shares held of the other outcome. Less than 0.01 shares are no position.",
            "refuse",
        ),
    ] = Opposite.ALLOW
    given: tuple[str, ...] = field(init=False, repr=False, compare=False)
    """The names of the fields that say something else than by default: found once, and not at every signal."""

    def __post_init__(self) -> None:
        """Find what is given."""
        object.__setattr__(self, "given", _given(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much at most. An entry is cut to what a limit leaves; nothing left, or less than the venue takes, denies it.

    What is reserved for intents under way counts as spent; what did not fill is free again. The venue's fee counts: the
    highest that it may be until the entry fills, then what it was.
    """

    per_trade: Annotated[Collateral | None, Doc("Spent by one entry.", '"25"')] = None
    per_market: Annotated[Collateral | None, Doc("Paid for what is held in one market.", '"100"')] = None
    per_leader: Annotated[Collateral | None, Doc("Paid for what is held through one leader.", '"500"')] = None
    per_day: Annotated[Collateral | None, Doc("Spent since midnight, UTC.", '"200"')] = None
    exposure: Annotated[Collateral | None, Doc("Paid for all that is held.", '"1000"')] = None
    open_positions: Annotated[int | None, Doc("Tokens that are held at once.", "20", "tokens")] = None
    orders_per_minute: Annotated[int | None, Doc("Intents to enter within 60 s.", "30", "intents")] = None
    given: tuple[str, ...] = field(init=False, repr=False, compare=False)
    """The names of the limits that are set."""

    def __post_init__(self) -> None:
        """Find what is given."""
        object.__setattr__(self, "given", _given(self))


_DEFAULTS: Mapping[type[object], Mapping[str, object]] = {
    kind: {each.name: each.default for each in fields(kind) if each.init} for kind in (Filters, Limits)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Protections:
    """What stops the copying by itself. What trips is a switch: shown, kept across restarts, lifted by hand."""

    stop_loss: Annotated[
        Collateral | None,
        Doc(
            "At this loss, realised and not, everything held through it is sold and entries stop.",
            '"100"',
            positive=True,
        ),
    ] = None
    take_profit: Annotated[
        Collateral | None,
        Doc(
            "At this gain, realised and not, everything held through it is sold and entries stop.",
            '"300"',
            positive=True,
        ),
    ] = None
    daily_loss: Annotated[
        Collateral | None,
        Doc("At this loss since midnight, UTC, realised and not, entries pause until the next.", '"50"', positive=True),
    ] = None
    losses_in_row: Annotated[
        int | None, Doc("After so many losing exits in a row, cool down.", "3", "exits", positive=True)
    ] = None
    cool_down_s: Annotated[
        int, Doc("How long entries pause then; with `losses_in_row` only.", "7200", "seconds", positive=True)
    ] = 3600
    max_book_age_s: Annotated[
        int | None, Doc("An older order book is no ground for an entry.", "3", "seconds", positive=True)
    ] = None
    max_depeg_bps: Annotated[
        int | None,
        Doc("Entries pause while the collateral's price is farther than this from 1.", "100", "bps"),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A follower's rules for one leader."""

    policy_id: PolicyId
    follower: Annotated[
        Address, Doc("Who asked for the copies and pays.", '"0xc7dbf50139a319d2a97bab26e4d3b84e38c9ca6d"')
    ]
    leader: Annotated[
        Address,
        Doc("Who is copied: the trading wallet, not the login key.", '"0x7a8006aaaa1bf1bbafe3cc40befac0e78e90467f"'),
    ]
    sizing: Sizing = Sizing()
    exits: Exits = Exits()
    orders: Orders = Orders()
    filters: Filters = Filters()
    limits: Limits = Limits()
    protections: Protections = Protections()

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """Whom its copies count for."""
        return subjects(self.policy_id, self.follower, self.leader)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What holds for all policies of one follower, of one leader, or of the whole service, together."""

    limits: Limits = Limits()
    protections: Protections = Protections()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rulebook:
    """All rules that are in force."""

    policies: tuple[Policy, ...] = ()
    followers: Mapping[Address, Bounds] = field(default_factory=dict)
    leaders: Mapping[Address, Bounds] = field(default_factory=dict)
    service: Bounds = Bounds()
