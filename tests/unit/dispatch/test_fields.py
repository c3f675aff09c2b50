"""Every field of a policy that shapes a decision: what it lets through and what it denies, the arithmetic beside it.

The leader bought 100 shares for 52, so at 0.52, a second ago; the book bids 0.51 and asks 0.52 in ticks of 0.01.
Without a change the policy spends 10 at 0.54 at most (0.52 x 1.05 = 0.546), and sells 5 of its 20 shares at 0.5 at
least (0.52 x 0.95 = 0.494) when the leader sells 25 of 100. Limits and protections have tests of their own.
"""

from __future__ import annotations

from typing import Any

import pytest

from remora.dispatch.decide import decide
from remora.dispatch.facts import Facts
from remora.dispatch.filters.market import asks_for_listing
from remora.domain.order import Decision
from remora.domain.policy import ExitMode, Exits, Filters, Listed, NegRisk, Opposite, Sizing, SizingMode, Tier
from remora.domain.signal import Side, SignalKind
from remora.settings.policies.sections import declared
from tests.fakes.clock import START_US, US
from tests.fakes.specimens import (
    LEADER,
    asking,
    book,
    collateral,
    follower,
    listing,
    market,
    policy,
    price,
    ratio,
    shares,
    signal,
)

Row = tuple[str, Any, dict[str, Any], str]
"""The field, its value, what else is changed (of the trade, the facts, or other fields), and what becomes of it."""

TIERS = (
    Tier(above=collateral("40"), multiplier=ratio("0.5")),
    Tier(above=collateral("50"), multiplier=ratio("0.25")),
)
OWN = {LEADER: collateral("10000"), follower(1): collateral("1000")}
TIERED = {"sizing__mode": SizingMode.TIERS}
FOLLOWING = {"sizing": Sizing()}
"""As much as the leader, whatever the field under test changes in it."""

ENTRIES: list[Row] = [
    ("sizing.mode", SizingMode.FIXED, {}, "10 at 0.54"),
    ("sizing.mode", SizingMode.MULTIPLIER, {}, "52 at 0.54"),  # 52 x 1
    ("sizing.mode", SizingMode.PROPORTIONAL, {"equity": OWN}, "5.2 at 0.54"),  # 1000 x 52 / 10000
    ("sizing.mode", SizingMode.PROPORTIONAL, {"equity": {}}, f"EQUITY_UNKNOWN: the equity of {LEADER} is not known"),
    ("sizing.amount", collateral("7.777"), {}, "7.77 at 0.54"),  # whole cents
    ("sizing.amount", collateral("1"), {}, "1 at 0.54"),
    ("sizing.amount", collateral("0.999999"), {}, "BELOW_VENUE_MINIMUM: size 0.99 is below the venue's 1"),
    ("sizing.multiplier", ratio("0.1"), FOLLOWING, "5.2 at 0.54"),  # 52 x 0.1
    ("sizing.multiplier", ratio("0.333333"), FOLLOWING, "17.33 at 0.54"),  # 17.333316
    ("sizing.multiplier", ratio("0.01"), FOLLOWING, "BELOW_VENUE_MINIMUM: size 0.52 is below the venue's 1"),
    ("sizing.tiers", TIERS, TIERED, "13 at 0.54"),  # 52 reaches 50: x 0.25
    (
        "sizing.tiers",
        TIERS,
        TIERED | {"collateral": collateral("49.9")},
        "24.95 at 0.52",
    ),  # x 0.5; 0.499 x 1.05 = 0.52395
    (
        "sizing.tiers",
        TIERS,
        TIERED | {"collateral": collateral("39.99"), "shares": shares("76")},
        "BELOW_TIERS: the leader's trade of 39.99 is below the policy's lowest tier, 40",
    ),
    ("sizing.minimum", collateral("12"), {}, "12 at 0.54"),  # 10 is lifted
    ("sizing.minimum", collateral("12"), {"sizing__maximum": collateral("12")}, "12 at 0.54"),
    ("sizing.minimum", collateral("0.5"), {"sizing__amount": collateral("0.1")}, "BELOW_VENUE_MINIMUM: size 0.5 is"),
    ("sizing.maximum", collateral("9.5"), {}, "9.5 at 0.54"),  # 10 is cut
    ("sizing.maximum", collateral("0.99"), {}, "BELOW_VENUE_MINIMUM: size 0.99 is below the venue's 1"),
    ("sizing.accumulate", True, {"sizing__amount": collateral("0.4"), "carried": "0.6"}, "1 at 0.54"),  # 0.4 + 0.6
    (
        "sizing.accumulate",
        True,
        {"sizing__amount": collateral("0.4"), "carried": "0.59"},
        "ACCUMULATED: 0.99 is kept until it reaches the venue's 1",  # 0.4 + 0.59
    ),
    (
        "sizing.accumulate",
        False,
        {"sizing__amount": collateral("0.4"), "carried": "0.6"},
        "BELOW_VENUE_MINIMUM: size 0.4",
    ),
    ("filters.sides", frozenset({Side.BUY}), {}, "10 at 0.54"),
    ("filters.sides", frozenset({Side.SELL}), {}, "SIDE: the leader's trade is a BUY, and the policy copies SELL"),
    ("filters.min_odds", price("0.52"), {}, "10 at 0.54"),  # at the bound
    ("filters.min_odds", price("0.53"), {}, "MIN_ODDS: price 0.52 is below the policy's 0.53"),
    ("filters.min_odds", price("0.5"), {"book": book(ask="0.49")}, "MIN_ODDS: price 0.49 is below the policy's 0.5"),
    ("filters.max_odds", price("0.52"), {}, "10 at 0.52"),  # the limit is no higher
    ("filters.max_odds", price("0.535"), {}, "10 at 0.53"),  # between two ticks
    ("filters.max_odds", price("0.51"), {}, "MAX_ODDS: price 0.52 is above the policy's 0.51"),
    (
        "filters.max_odds",
        price("0.52"),
        {"book": book(ask="0.53")},
        "MAX_ODDS: price 0.53 is above the policy's 0.52",
    ),
    ("filters.min_leader_trade", collateral("52"), {}, "10 at 0.54"),
    (
        "filters.min_leader_trade",
        collateral("52.000001"),
        {},
        "MIN_LEADER_TRADE: the leader's trade of 52 is below the policy's 52.000001",
    ),
    ("filters.max_slippage_bps", 0, {}, "10 at 0.52"),
    ("filters.max_slippage_bps", 300, {}, "10 at 0.53"),  # 0.5356
    ("filters.max_slippage_bps", 10_000, {}, "10 at 0.99"),  # 1.04: at most 1 - tick
    ("filters.max_slippage_bps", 300, {"book": book(ask="0.54")}, "SLIPPAGE: price 0.54 is beyond the limit 0.53"),
    ("filters.max_signal_age_s", 1, {}, "10 at 0.54"),
    (
        "filters.max_signal_age_s",
        2,
        {"now_us": START_US + 3 * US},
        "TOO_OLD: the trade was 3 s old, the policy allows 2 s",
    ),
    ("filters.min_liquidity", collateral("5000"), {}, "10 at 0.54"),
    (
        "filters.min_liquidity",
        collateral("5000.01"),
        {},
        "MIN_LIQUIDITY: the market's liquidity of 5000 is below the policy's 5000.01",
    ),
    (
        "filters.min_liquidity",
        collateral("0"),
        {"listing": None},
        "FACT_UNKNOWN: the venue does not tell the market's liq",
    ),
    ("filters.min_liquidity", collateral("0"), {"listing": listing(liquidity=None)}, "FACT_UNKNOWN: "),
    ("filters.min_volume_24h", collateral("20000"), {}, "10 at 0.54"),
    ("filters.min_volume_24h", collateral("20001"), {}, "MIN_VOLUME: the market's 24 h volume of 20000 is below the"),
    ("filters.min_volume_24h", collateral("0"), {"listing": listing(volume_24h=None)}, "FACT_UNKNOWN: "),
    ("filters.max_spread", price("0.01"), {}, "10 at 0.54"),  # 0.52 - 0.51
    ("filters.max_spread", price("0.009"), {}, "MAX_SPREAD: the spread of 0.01 is above the policy's 0.009"),
    (
        "filters.max_spread",
        price("0.5"),
        {"book": book(bid=None)},
        "FACT_UNKNOWN: the venue does not tell the market's b",
    ),
    ("filters.depth", ratio("2"), {"book": asking(("0.52", "20"), ("0.54", "17.777778"))}, "10 at 0.54"),  # 10.4 + 9.6
    (
        "filters.depth",
        ratio("2"),
        {"book": asking(("0.52", "20"), ("0.54", "17.777777"), ("0.55", "1000"))},  # 10.4 + 9.599999; 0.55 is beyond
        "DEPTH: the book offers 19.999999 within the limit 0.54, the policy wants 20",
    ),
    (
        "filters.depth",
        ratio("0.1"),
        {"book": asking(("0.54", "1"))},
        "DEPTH: the book offers 0.54 within the limit 0.54",
    ),
    ("filters.min_days_to_resolution", ratio("9.999988"), {}, "10 at 0.54"),  # ten days less a second
    (
        "filters.min_days_to_resolution",
        ratio("10"),
        {},
        "ENDS_TOO_SOON: the market ends in 9.999988 days, the policy wants 10",
    ),
    ("filters.max_days_to_resolution", ratio("10"), {}, "10 at 0.54"),
    (
        "filters.max_days_to_resolution",
        ratio("9"),
        {},
        "ENDS_TOO_LATE: the market ends in 9.999988 days, the policy wants 9",
    ),
    ("filters.max_days_to_resolution", ratio("9"), {"listing": listing(ends_us=None)}, "FACT_UNKNOWN: "),
    ("filters.categories", Listed(allow=("politics", "sports")), {}, "10 at 0.54"),
    (
        "filters.categories",
        Listed(allow=("sports",)),
        {},
        "NOT_ALLOWED: the market's category is none of those that the",
    ),
    (
        "filters.categories",
        Listed(refuse=("politics",)),
        {},
        "REFUSED_WORD: the market's category has politics, which the",
    ),
    ("filters.categories", Listed(refuse=("sports",)), {"listing": listing(category=None)}, "FACT_UNKNOWN: "),
    ("filters.tags", Listed(allow=("fed",), refuse=("sports",)), {}, "10 at 0.54"),
    ("filters.tags", Listed(allow=("fed",), refuse=("economy",)), {}, "REFUSED_WORD: the market's tags has economy"),
    (
        "filters.tags",
        Listed(allow=("sports",)),
        {},
        "NOT_ALLOWED: the market's tags is none of those that the policy all",
    ),
    ("filters.tags", Listed(refuse=("sports",)), {"listing": listing(tags=frozenset())}, "FACT_UNKNOWN: "),
    ("filters.keywords", Listed(allow=("rate be cut",)), {}, "10 at 0.54"),  # a sequence of words
    ("filters.keywords", Listed(refuse=("cut in dec", "ill")), {}, "10 at 0.54"),  # parts of words
    ("filters.keywords", Listed(refuse=("december",)), {}, "REFUSED_WORD: the market's question has december, which"),
    ("filters.keywords", Listed(allow=("november",)), {}, "NOT_ALLOWED: the market's question is none of those that"),
    ("filters.keywords", Listed(allow=("november",)), {"listing": None}, "FACT_UNKNOWN: "),
    ("filters.slugs", Listed(allow=("rate-cuts",)), {}, "10 at 0.54"),  # the event's
    (
        "filters.slugs",
        Listed(refuse=("rate-cut-december",)),
        {},
        "REFUSED_WORD: the market's slug has rate-cut-december",
    ),
    (
        "filters.slugs",
        Listed(allow=("rate-cut",)),
        {},
        "NOT_ALLOWED: the market's slug is none of those that the policy",
    ),
    ("filters.outcomes", Listed(allow=("yes",)), {}, "10 at 0.54"),
    ("filters.outcomes", Listed(refuse=("yes",)), {}, "REFUSED_WORD: the market's outcome has yes, which the policy"),
    (
        "filters.outcomes",
        Listed(allow=("no",)),
        {},
        "NOT_ALLOWED: the market's outcome is none of those that the policy",
    ),
    ("filters.neg_risk", NegRisk.NEVER, {}, "10 at 0.54"),
    (
        "filters.neg_risk",
        NegRisk.ONLY,
        {},
        "NEG_RISK: the market's neg-risk is false, and the policy copies only of such",
    ),
    ("filters.neg_risk", NegRisk.NEVER, {"market": market(neg_risk=True)}, "NEG_RISK: the market's neg-risk is true"),
    ("filters.neg_risk", NegRisk.ONLY, {"market": market(neg_risk=True)}, "10 at 0.54"),
    ("filters.opposite", Opposite.ALLOW, {"opposite": {follower(1): shares("5")}}, "10 at 0.54"),
    ("filters.opposite", Opposite.REFUSE, {"opposite": {follower(2): shares("5")}}, "10 at 0.54"),  # somebody else's
    ("filters.opposite", Opposite.REFUSE, {"opposite": {follower(1): shares("0.009999")}}, "10 at 0.54"),  # unsellable
    ("filters.opposite", Opposite.REFUSE, {"opposite": {follower(1): shares("0.01")}}, "OPPOSITE_HELD: "),
    (
        "filters.opposite",
        Opposite.REFUSE,
        {"opposite": {follower(1): shares("5")}},
        "OPPOSITE_HELD: the follower holds 5 shares of the other outcome through another leader",
    ),
    (
        "filters.opposite",
        Opposite.NET,
        {"opposite": {follower(1): shares("8.518518")}},
        "5.4 at 0.54",  # 10 / 0.54 = 18.518518 shares, 10 more than 8.518518
    ),
    ("filters.opposite", Opposite.NET, {"opposite": {follower(1): shares("18.518518")}}, "OPPOSITE_HELD: "),
    (
        "filters.opposite",
        Opposite.NET,
        {"opposite": None},
        "FACT_UNKNOWN: the venue does not tell the market's other out",
    ),
]

EXITS: list[Row] = [
    ("exits.mode", ExitMode.PROPORTIONAL, {}, "5 shares at 0.5"),  # 20 x 25 / 100
    ("exits.mode", ExitMode.ALL, {}, "20 shares at 0.5"),
    ("exits.mode", ExitMode.NONE, {}, "EXITS_OFF: the policy keeps its 20 shares whatever the leader does"),
    ("exits.kinds", frozenset({SignalKind.TRADE}), {}, "5 shares at 0.5"),
    (
        "exits.kinds",
        frozenset({SignalKind.MERGE}),
        {"kind": SignalKind.MERGE},
        "5 shares at 0.49",
    ),  # 0.51 x 0.95 = 0.4845
    (
        "exits.kinds",
        frozenset({SignalKind.TRADE}),
        {"kind": SignalKind.TRANSFER},
        "EXIT_KIND_NOT_FOLLOWED: the leader's shares left by a transfer, which is not followed",
    ),
    ("exits.max_slippage_bps", 1000, {}, "5 shares at 0.47"),  # 0.468, rounded up
    ("exits.max_slippage_bps", 10_000, {}, "5 shares at 0.01"),  # at any price
    ("exits.max_slippage_bps", 100, {}, "SLIPPAGE: price 0.51 is beyond the limit 0.52"),  # 0.5148, rounded up
    ("exits.max_age_s", 1, {}, "5 shares at 0.5"),
    ("exits.max_age_s", None, {"now_us": START_US + 10**6 * US}, "5 shares at 0.5"),
    (
        "exits.max_age_s",
        600,
        {"now_us": START_US + 601 * US},
        "TOO_OLD: the trade was 601 s old, the policy allows 600 s",
    ),
    ("filters.sides", frozenset({Side.BUY}), {}, "SIDE: the leader's trade is a SELL, and the policy copies BUY"),
]

FIELDS = {
    f"{name}.{field}"
    for name, kind in (("sizing", Sizing), ("exits", Exits), ("filters", Filters))
    for field in declared(kind)
}


OF_THE_TRADE = frozenset({"collateral", "shares", "kind"})


def becomes(side: Side, field: str, value: object, changes: dict[str, Any]) -> str:
    """Decide the trade with the field set and everything else changed so, and say what becomes of it."""
    other = {name: change for name, change in changes.items() if "__" in name or name == "sizing"}
    rules = policy(**other | {field.replace(".", "__"): value})
    facts: dict[str, Any] = {
        "now_us": START_US + US,
        "market": market(),
        "book": book(),
        "listing": listing(),
        "lots": {rules.policy_id: shares("20")},
        "balances": {rules.follower: shares("20")},
    }
    of_facts = frozenset(Facts._fields) - OF_THE_TRADE
    facts |= {name: change for name, change in changes.items() if name in of_facts}
    if "carried" in changes:
        facts["carried"] = {rules.policy_id: collateral(changes["carried"])}
    sold = {"held_before": shares("100"), "shares": shares("25"), "collateral": collateral("13")}
    traded: dict[str, Any] = {**sold} if side is Side.SELL else {}
    traded |= {name: change for name, change in changes.items() if name in OF_THE_TRADE}
    return told(decide(signal(side, **traded), [rules], Facts(**facts)))


def told(decision: Decision) -> str:
    """Say the one thing that was decided."""
    for denial in decision.denials:
        return denial.because.sentence()
    (intent,) = decision.intents
    return f"{intent.budget if intent.side is Side.BUY else f'{intent.shares} shares'} at {intent.limit}"


@pytest.mark.parametrize(("field", "value", "changes"), [row[:3] for row in ENTRIES if "book" not in row[2]])
def test_how_the_venue_describes_the_market_is_asked_for_by_whom_it_concerns(
    field: str, value: object, changes: dict[str, Any]
) -> None:
    """Whoever is denied for not knowing it must have asked, and nobody else does."""
    untold = becomes(Side.BUY, field, value, {**changes, "listing": None, "opposite": None})
    only: dict[str, Any] = {field.replace(".", "__"): value}
    assert asks_for_listing(policy(**only).filters) == untold.startswith("FACT_UNKNOWN")


@pytest.mark.parametrize(("field", "value", "changes", "outcome"), ENTRIES)
def test_an_entry(field: str, value: object, changes: dict[str, Any], outcome: str) -> None:
    found = becomes(Side.BUY, field, value, changes)
    assert found == outcome if outcome[0].isdigit() else found.startswith(outcome)


@pytest.mark.parametrize(("field", "value", "changes", "outcome"), EXITS)
def test_an_exit(field: str, value: object, changes: dict[str, Any], outcome: str) -> None:
    found = becomes(Side.SELL, field, value, changes)
    assert found == outcome if outcome[0].isdigit() else found.startswith(outcome)


@pytest.mark.parametrize("field", sorted(FIELDS))
def test_every_field_is_seen_to_let_through_and_to_deny(field: str) -> None:
    outcomes = [outcome for name, _, _, outcome in (*ENTRIES, *EXITS) if name == field]
    assert any(outcome[0].isdigit() for outcome in outcomes)
    assert any(outcome[0].isupper() for outcome in outcomes)


def test_every_row_is_of_a_declared_field() -> None:
    assert {name for name, *_ in (*ENTRIES, *EXITS)} == FIELDS
