"""The decision: which reason wins, with which facts, and that a limit on entries never blocks an exit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from remora.dispatch.decide import EXIT_PATIENCE_S, decide
from remora.dispatch.facts import Facts
from remora.dispatch.limits import Room
from remora.dispatch.matching import by_leader
from remora.domain.ids import Address, intent_id
from remora.domain.means import Means, Membership
from remora.domain.money import ZERO_COLLATERAL, ZERO_SHARES, Collateral
from remora.domain.order import Denial, Intent, OrderKind, Sized
from remora.domain.policy import Bounds, Limits, Opposite, OrderMode, Orders, Policy, Rulebook, Sizing, SizingMode
from remora.domain.reasons import Because, Reason, because
from remora.domain.signal import Side, Signal, SignalKind
from remora.domain.usage import Taken
from tests.fakes.clock import START_US, US
from tests.fakes.specimens import (
    LEADER,
    TOKEN,
    book,
    collateral,
    follower,
    market,
    policy,
    price,
    ratio,
    shares,
    signal,
)


def facts(**changes: Any) -> Facts:
    """A second after the trade; follower 1 holds the 20 shares of its lot, the leader 75 after the exit."""
    known: dict[str, Any] = {
        "now_us": START_US + US,
        "market": market(),
        "book": book(),
        "lots": {policy().policy_id: shares("20")},
        "balances": {follower(1): shares("20")},
        "leader_left": shares("75"),
    }
    return Facts(**known | changes)


def verdict(trade: Signal, rules: Policy, seen: Facts) -> Intent | Because:
    decision = decide(trade, [rules], seen)
    answers: list[Intent | Denial] = [*decision.intents, *decision.denials]
    (answer,) = answers
    return answer if isinstance(answer, Intent) else answer.because


def test_an_entry() -> None:
    trade, rules = signal(), policy(filters__max_signal_age_s=30)
    assert verdict(trade, rules, facts()) == Intent(
        intent_id=intent_id(trade.signal_id, rules.policy_id),
        signal_id=trade.signal_id,
        policy_id=rules.policy_id,
        follower=follower(1),
        side=Side.BUY,
        token_id=TOKEN,
        limit=price("0.54"),  # 0.52 x 1.05 = 0.546
        budget=collateral("10"),
        shares=ZERO_SHARES,
        deadline_us=START_US + 30 * US,
        condition_id=market().condition_id,
    )


def test_an_exit() -> None:
    trade, rules = signal(Side.SELL, shares=shares("25"), collateral=collateral("13")), policy()
    assert verdict(trade, rules, facts()) == Intent(
        intent_id=intent_id(trade.signal_id, rules.policy_id),
        signal_id=trade.signal_id,
        policy_id=rules.policy_id,
        follower=follower(1),
        side=Side.SELL,
        token_id=TOKEN,
        limit=price("0.5"),  # 0.52 x 0.95 = 0.494
        budget=ZERO_COLLATERAL,
        shares=shares("5"),  # 20 x 25 / (25 + 75)
        deadline_us=START_US + US + EXIT_PATIENCE_S * US,
        condition_id=market().condition_id,
    )


def test_an_exit_is_a_fraction_of_what_the_leader_held_before_whatever_it_holds_now() -> None:
    trade = signal(Side.SELL, shares=shares("25"), collateral=collateral("13"), held_before=shares("50"))
    exit_ = verdict(trade, policy(), facts(leader_left=shares("1000")))
    assert isinstance(exit_, Intent)
    assert exit_.shares == shares("10")  # 20 x 25 / 50


@pytest.mark.parametrize("kind", [SignalKind.MERGE, SignalKind.CONVERSION])
def test_an_exit_without_a_price_is_followed_at_the_best_bid(kind: SignalKind) -> None:
    exit_ = verdict(left_by(kind), policy(), facts(book=book(bid="0.3")))
    assert isinstance(exit_, Intent)
    assert (exit_.side, exit_.shares, exit_.limit) == (Side.SELL, shares("5"), price("0.29"))  # 0.3 x 0.95 = 0.285


@pytest.mark.parametrize("kind", [SignalKind.REDEMPTION, SignalKind.TRANSFER])
def test_an_exit_of_a_kind_that_is_not_followed_is_denied_to_all(kind: SignalKind) -> None:
    why = verdict(left_by(kind), policy(), facts())
    assert why == because(Reason.EXIT_KIND_NOT_FOLLOWED, kind=kind)
    assert isinstance(why, Because)
    assert why.sentence() == f"EXIT_KIND_NOT_FOLLOWED: the leader's shares left by a {kind}, which is not followed"


def left_by(kind: SignalKind) -> Signal:
    """Return a leader's exit of 25 shares of 100."""
    return signal(Side.SELL, kind=kind, shares=shares("25"), collateral=ZERO_COLLATERAL, held_before=shares("100"))


@pytest.mark.parametrize(
    ("rules", "seen", "why"),
    [
        ({}, {"market": None}, because(Reason.MARKET_UNKNOWN, token_id=TOKEN)),
        ({}, {"book": None}, because(Reason.PRICE_UNAVAILABLE, token_id=TOKEN)),
        ({}, {"book": book(ask=None)}, because(Reason.PRICE_UNAVAILABLE, token_id=TOKEN)),
        (
            {"filters__max_odds": price("0.5")},  # the leader paid 0.52
            {"book": book(ask="0.4")},
            because(Reason.MAX_ODDS, price="0.52", max_odds="0.5"),
        ),
        (
            {"filters__max_odds": price("0.6")},  # the book asks more than the leader paid
            {"book": book(ask="0.61")},
            because(Reason.MAX_ODDS, price="0.61", max_odds="0.6"),
        ),
        (
            {"sizing__amount": collateral("0.99")},
            {},
            because(Reason.BELOW_VENUE_MINIMUM, size="0.99", minimum="1"),
        ),
        ({"sizing__mode": SizingMode.PROPORTIONAL}, {}, because(Reason.EQUITY_UNKNOWN, wallet=LEADER)),
        ({}, {"book": book(ask="0.55")}, because(Reason.SLIPPAGE, price="0.55", limit="0.54")),
        ({}, {"now_us": START_US + 16 * US}, because(Reason.TOO_OLD, age_s=16, max_age_s=15)),
        ({}, {"taken": Taken(debts={follower(1): collateral("9.85")})}, because(Reason.IN_DEBT, due="9.85")),
    ],
)
def test_an_entry_is_denied(rules: dict[str, Any], seen: dict[str, Any], why: Because) -> None:
    assert verdict(signal(), policy(**rules), facts(**seen)) == why


@pytest.mark.parametrize(
    ("rules", "seen"),
    [
        ({"filters__max_odds": price("0.52")}, {}),  # at the bound
        ({"sizing__amount": collateral("1")}, {}),
        ({}, {"book": book(ask="0.54")}),
        ({}, {"now_us": START_US + 15 * US}),
        ({}, {"book": book(bid=None)}),  # a buyer needs no bid
        ({}, {"now_us": START_US - 5 * US}),  # a wall clock that was set back
    ],
)
def test_an_entry_at_its_limits_is_copied(rules: dict[str, Any], seen: dict[str, Any]) -> None:
    assert isinstance(verdict(signal(), policy(**rules), facts(**seen)), Intent)


@pytest.mark.parametrize("side", Side)
def test_who_is_suspended_neither_enters_nor_leaves(side: Side) -> None:
    why = because(Reason.SUSPENDED, why="shares are gone")
    assert verdict(signal(side), policy(), facts(suspended={follower(1): "shares are gone"})) == why
    assert isinstance(verdict(signal(side), policy(), facts(suspended={follower(2): "not mine"})), Intent)


@pytest.mark.parametrize(("limit", "enters"), [("0", False), ("9.849999", False), ("9.85", True), ("100", True)])
def test_a_follower_may_owe_up_to_the_limit_and_enter(limit: str, *, enters: bool) -> None:
    owing = facts(taken=Taken(debts={follower(1): collateral("9.85")}), debt_limit=collateral(limit))
    assert isinstance(verdict(signal(), policy(), owing), Intent) is enters


@pytest.mark.parametrize(
    "rules",
    [
        {"filters__max_odds": price("0.1")},
        {"sizing": Sizing(maximum=collateral("0.5"))},
        {"sizing": Sizing(mode=SizingMode.PROPORTIONAL)},
        {"filters__max_signal_age_s": 0},
    ],
)
@pytest.mark.parametrize("debts", [{}, {follower(1): collateral("9.85")}])
def test_a_limit_on_entries_never_blocks_an_exit(rules: dict[str, Any], debts: dict[Address, Collateral]) -> None:
    assert isinstance(verdict(signal(), policy(**rules), facts(taken=Taken(debts=debts))), Because)
    leaving = verdict(signal(Side.SELL), policy(**rules), facts(taken=Taken(debts=debts)))
    assert isinstance(leaving, Intent)
    assert leaving.shares == shares("11.428571")  # 20 x 100 / 175


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        ({"market": None}, because(Reason.MARKET_UNKNOWN, token_id=TOKEN)),
        ({"lots": {}}, because(Reason.NO_POSITION, token_id=TOKEN)),
        ({"balances": {}}, because(Reason.NO_POSITION, token_id=TOKEN)),
        (
            {"balances": {follower(1): shares("0.009999")}},
            because(Reason.BELOW_SMALLEST_SALE, shares="0.009999", smallest="0.01"),
        ),
        ({"book": None}, because(Reason.PRICE_UNAVAILABLE, token_id=TOKEN)),
        ({"book": book(bid=None)}, because(Reason.PRICE_UNAVAILABLE, token_id=TOKEN)),
        ({"book": book(bid="0.49")}, because(Reason.SLIPPAGE, price="0.49", limit="0.5")),
        ({"now_us": START_US + 601 * US}, because(Reason.TOO_OLD, age_s=601, max_age_s=600)),
    ],
)
def test_an_exit_is_denied(seen: dict[str, Any], why: Because) -> None:
    assert verdict(signal(Side.SELL), policy(exits__max_age_s=600), facts(**seen)) == why


@pytest.mark.parametrize(
    "seen",
    [
        {"balances": {follower(1): shares("0.01")}},
        {"book": book(bid="0.5", ask=None)},
        {"now_us": START_US + 600 * US},
        {"taken": Taken(debts={follower(1): collateral("9.85")})},
    ],
)
def test_an_exit_at_its_limits_is_copied(seen: dict[str, Any]) -> None:
    assert isinstance(verdict(signal(Side.SELL), policy(exits__max_age_s=600), facts(**seen)), Intent)


def test_a_trade_is_as_old_as_its_block_however_late_it_was_heard() -> None:
    missed = signal(block_us=START_US - 3600 * US)
    assert verdict(missed, policy(), facts()) == because(Reason.TOO_OLD, age_s=3601, max_age_s=15)
    fast_chain = signal(block_us=START_US + 3 * US)  # its clock is ahead of ours
    assert verdict(fast_chain, policy(), facts(now_us=START_US + 16 * US)) == because(
        Reason.TOO_OLD, age_s=16, max_age_s=15
    )
    heard_late = signal(block_us=START_US - 10 * US)
    entry = verdict(heard_late, policy(), facts())
    assert isinstance(entry, Intent)
    assert entry.deadline_us == START_US + 5 * US


def test_reasons_are_for_people() -> None:
    why = verdict(signal(), policy(filters__max_odds=price("0.5")), facts())
    assert isinstance(why, Because)
    assert why.sentence() == "MAX_ODDS: price 0.52 is above the policy's 0.5"


def test_each_policy_is_decided_on_its_own() -> None:
    rules = [policy(1), policy(2, filters__max_odds=price("0.5")), policy(3, sizing__amount=collateral("20"))]
    decision = decide(signal(), rules, facts())
    assert [(i.policy_id, i.budget) for i in decision.intents] == [
        ("policy-1", collateral("10")),
        ("policy-3", collateral("20")),
    ]
    assert [(d.policy_id, d.follower, d.because.reason) for d in decision.denials] == [
        ("policy-2", follower(2), Reason.MAX_ODDS)
    ]


def test_an_entry_counts_with_the_worst_fee_for_itself_and_for_those_after_it() -> None:
    """Of 21, the first promises 10 + 10 x 5 % + 0.00001; (10.49999 - 0.00001) / 1.05 = 9.99998 is left."""
    bounds = Rulebook(service=Bounds(limits=Limits(exposure=collateral("21"))))
    known = facts(market=market(fee_rate_units=50_000), room=Room(bounds, {}), bounds=bounds)
    intents = decide(signal(), [policy(1), policy(2)], known).intents
    assert [(str(each.budget), str(each.fee_bound)) for each in intents] == [("10", "0.50001"), ("9.99", "0.49951")]


@pytest.mark.parametrize(("left", "outcome"), [("1", "1"), ("0.99", Reason.LIMIT_EXPOSURE)])
def test_what_a_limit_leaves_is_entered_from_the_venues_minimum_on(left: str, outcome: str) -> None:
    bounds = Rulebook(service=Bounds(limits=Limits(exposure=collateral(left))))
    found = verdict(signal(), policy(), facts(room=Room(bounds, {})))
    assert outcome == (str(found.budget) if isinstance(found, Intent) else found.reason)


def test_what_a_follower_owes_is_not_spent_again() -> None:
    """Of 12, 5 are owed: 7 are left of the 10 that are wanted."""
    member = Membership(expires_s=START_US, paused=False, daily_limit=collateral("500"), spent_today=ZERO_COLLATERAL)
    has = Means(collateral=collateral("12"), allowance=collateral("500"), membership=member)
    owing = facts(
        means={follower(1): has}, taken=Taken(debts={follower(1): collateral("5")}), debt_limit=collateral("5")
    )
    entry = verdict(signal(), policy(), owing)
    assert isinstance(entry, Intent)
    assert entry.budget == collateral("7")


@pytest.mark.parametrize(
    ("mended", "reason"),
    [
        (set(), Reason.OPPOSITE_HELD),
        ({"opposite"}, Reason.MEANS_UNKNOWN),
        ({"opposite", "means"}, Reason.LIMIT_EXPOSURE),
        ({"opposite", "means", "room"}, Reason.DEPTH),
    ],
)
def test_what_leaves_nothing_of_an_entry_is_told_in_its_order(mended: set[str], reason: Reason) -> None:
    nothing: dict[str, Any] = {
        "opposite": {follower(1): shares("5")},
        "means": {},
        "room": Room(Rulebook(service=Bounds(limits=Limits(exposure=collateral("0")))), {}),
    }
    rules = policy(filters__opposite=Opposite.REFUSE, filters__depth=ratio("1000"))
    rest = {"opposite": {}} | {name: fact for name, fact in nothing.items() if name not in mended}
    why = verdict(signal(), rules, facts(**rest))
    assert isinstance(why, Because)
    assert why.reason is reason


def test_a_signal_that_nobody_follows_is_a_decision_all_the_same() -> None:
    decision = decide(signal(), [], facts())
    assert (decision.intents, decision.denials) == ((), ())


def test_policies_by_leader() -> None:
    other = Address("0x" + 40 * "b")
    first, second, third = policy(1), policy(2, leader=other), policy(3)
    assert by_leader([first, second, third]) == {first.leader: (first, third), other: (second,)}


@pytest.mark.parametrize(
    ("orders", "kind", "rest_s"),
    [
        (Orders(), OrderKind.FAK, 0),
        (Orders(kind=OrderMode.FOK), OrderKind.FOK, 0),
        (Orders(kind=OrderMode.GTD, rest_s=60), OrderKind.GTD, 60),
    ],
)
def test_an_entry_waits_for_a_counterpart_as_the_policy_says_and_an_exit_never(
    orders: Orders, kind: OrderKind, rest_s: int
) -> None:
    rules = replace(policy(), orders=orders)
    entry, exit_ = verdict(signal(), rules, facts()), verdict(signal(Side.SELL), rules, facts())
    assert isinstance(entry, Intent)
    assert isinstance(exit_, Intent)
    assert (entry.kind, entry.rest_s) == (kind, rest_s)
    assert (exit_.kind, exit_.rest_s) == (OrderKind.FAK, 0)


def test_an_exit_tells_what_its_shares_follow_from() -> None:
    """The leader let go 25 of 100, and 20 are held: 5."""
    decision = decide(
        signal(Side.SELL, shares=shares("25"), collateral=collateral("13")), [policy(), policy(2)], facts()
    )
    assert decision.sized == {
        policy().policy_id: Sized(facts={"mode": "proportional", "lot": "20", "gone": "25", "before": "100"}),
    }
