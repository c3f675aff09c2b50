"""The decision: which reason wins, with which facts, and that a limit on entries never blocks an exit."""

from __future__ import annotations

from typing import Any

import pytest

from remora.dispatch.decide import Facts, decide
from remora.dispatch.filters import EXIT_MAX_AGE_S
from remora.dispatch.matching import by_leader
from remora.domain.ids import Address, intent_id
from remora.domain.money import ZERO_COLLATERAL, ZERO_SHARES, Collateral
from remora.domain.order import Denial, Intent
from remora.domain.parties import Policy
from remora.domain.reasons import Because, Reason, because
from remora.domain.signal import Side, Signal
from tests.fakes.clock import START_US, US
from tests.fakes.specimens import TOKEN, collateral, follower, market, policy, price, quote, shares, signal


def facts(**changes: Any) -> Facts:
    """A second after the trade; follower 1 holds the 20 shares of its lot, the leader 75 after the exit."""
    known: dict[str, Any] = {
        "now_us": START_US + US,
        "market": market(),
        "quote": quote(),
        "debts": {},
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
    trade, rules = signal(), policy(max_signal_age_s=30)
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
        deadline_us=START_US + EXIT_MAX_AGE_S * US,
    )


@pytest.mark.parametrize(
    ("rules", "seen", "why"),
    [
        ({}, {"market": None}, because(Reason.MARKET_UNKNOWN, token_id=TOKEN)),
        ({}, {"quote": None}, because(Reason.PRICE_UNAVAILABLE, token_id=TOKEN)),
        ({}, {"quote": quote(ask=None)}, because(Reason.PRICE_UNAVAILABLE, token_id=TOKEN)),
        (
            {"max_odds": price("0.5")},  # the leader paid 0.52
            {"quote": quote(ask="0.4")},
            because(Reason.MAX_ODDS, price="0.52", max_odds="0.5"),
        ),
        (
            {"max_odds": price("0.6")},  # the book asks more than the leader paid
            {"quote": quote(ask="0.61")},
            because(Reason.MAX_ODDS, price="0.61", max_odds="0.6"),
        ),
        (
            {"fixed_amount": collateral("0.99")},
            {},
            because(Reason.BELOW_MIN_SIZE, size="0.99", min_size="1"),
        ),
        (
            {"fixed_amount": collateral("0.001"), "min_size": ZERO_COLLATERAL},  # not a cent
            {},
            because(Reason.BELOW_MIN_SIZE, size="0", min_size="0"),
        ),
        ({}, {"quote": quote(ask="0.55")}, because(Reason.SLIPPAGE, price="0.55", limit="0.54")),
        ({}, {"now_us": START_US + 61 * US}, because(Reason.TOO_OLD, age_s=61, max_age_s=60)),
        ({}, {"debts": {follower(1): collateral("9.85")}}, because(Reason.IN_DEBT, due="9.85")),
    ],
)
def test_an_entry_is_denied(rules: dict[str, Any], seen: dict[str, Any], why: Because) -> None:
    assert verdict(signal(), policy(**rules), facts(**seen)) == why


@pytest.mark.parametrize(
    ("rules", "seen"),
    [
        ({"max_odds": price("0.52")}, {}),  # at the bound
        ({"fixed_amount": collateral("1")}, {}),
        ({}, {"quote": quote(ask="0.54")}),
        ({}, {"now_us": START_US + 60 * US}),
        ({}, {"quote": quote(bid=None)}),  # a buyer needs no bid
        ({}, {"now_us": START_US - 5 * US}),  # a wall clock that was set back
    ],
)
def test_an_entry_at_its_limits_is_copied(rules: dict[str, Any], seen: dict[str, Any]) -> None:
    assert isinstance(verdict(signal(), policy(**rules), facts(**seen)), Intent)


@pytest.mark.parametrize(
    "rules",
    [
        {"max_odds": price("0.1")},
        {"min_size": collateral("1000000")},
        {"fixed_amount": ZERO_COLLATERAL},
        {"max_signal_age_s": 0},
    ],
)
@pytest.mark.parametrize("debts", [{}, {follower(1): collateral("9.85")}])
def test_a_limit_on_entries_never_blocks_an_exit(rules: dict[str, Any], debts: dict[Address, Collateral]) -> None:
    assert isinstance(verdict(signal(), policy(**rules), facts(debts=debts)), Because)
    leaving = verdict(signal(Side.SELL), policy(**rules), facts(debts=debts))
    assert isinstance(leaving, Intent)
    assert leaving.shares == shares("11.428571")  # 20 x 100 / 175


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        ({"market": None}, because(Reason.MARKET_UNKNOWN, token_id=TOKEN)),
        ({"lots": {}}, because(Reason.NO_POSITION, token_id=TOKEN)),
        ({"balances": {}}, because(Reason.NO_POSITION, token_id=TOKEN)),
        ({"balances": {follower(1): shares("0.009999")}}, because(Reason.NO_POSITION, token_id=TOKEN)),
        ({"quote": None}, because(Reason.PRICE_UNAVAILABLE, token_id=TOKEN)),
        ({"quote": quote(bid=None)}, because(Reason.PRICE_UNAVAILABLE, token_id=TOKEN)),
        ({"quote": quote(bid="0.49")}, because(Reason.SLIPPAGE, price="0.49", limit="0.5")),
        ({"now_us": START_US + 601 * US}, because(Reason.TOO_OLD, age_s=601, max_age_s=600)),
    ],
)
def test_an_exit_is_denied(seen: dict[str, Any], why: Because) -> None:
    assert verdict(signal(Side.SELL), policy(), facts(**seen)) == why


@pytest.mark.parametrize(
    "seen",
    [
        {"balances": {follower(1): shares("0.01")}},
        {"quote": quote(bid="0.5", ask=None)},
        {"now_us": START_US + 600 * US},
        {"debts": {follower(1): collateral("9.85")}},
    ],
)
def test_an_exit_at_its_limits_is_copied(seen: dict[str, Any]) -> None:
    assert isinstance(verdict(signal(Side.SELL), policy(), facts(**seen)), Intent)


def test_a_trade_is_as_old_as_its_block_however_late_it_was_heard() -> None:
    missed = signal(block_us=START_US - 3600 * US)
    assert verdict(missed, policy(), facts()) == because(Reason.TOO_OLD, age_s=3601, max_age_s=60)
    fast_chain = signal(block_us=START_US + 3 * US)  # its clock is ahead of ours
    assert verdict(fast_chain, policy(), facts(now_us=START_US + 61 * US)) == because(
        Reason.TOO_OLD, age_s=61, max_age_s=60
    )
    heard_late = signal(block_us=START_US - 10 * US)
    entry = verdict(heard_late, policy(), facts())
    assert isinstance(entry, Intent)
    assert entry.deadline_us == START_US + 50 * US


def test_reasons_are_for_people() -> None:
    why = verdict(signal(), policy(max_odds=price("0.5")), facts())
    assert isinstance(why, Because)
    assert why.sentence() == "MAX_ODDS: price 0.52 is above the policy's 0.5"


def test_each_policy_is_decided_on_its_own() -> None:
    rules = [policy(1), policy(2, max_odds=price("0.5")), policy(3, fixed_amount=collateral("20"))]
    decision = decide(signal(), rules, facts())
    assert [(i.policy_id, i.budget) for i in decision.intents] == [
        ("policy-1", collateral("10")),
        ("policy-3", collateral("20")),
    ]
    assert [(d.policy_id, d.follower, d.because.reason) for d in decision.denials] == [
        ("policy-2", follower(2), Reason.MAX_ODDS)
    ]


def test_a_signal_that_nobody_follows_is_a_decision_all_the_same() -> None:
    decision = decide(signal(), [], facts())
    assert (decision.intents, decision.denials) == ((), ())


def test_policies_by_leader() -> None:
    other = Address("0x" + 40 * "b")
    first, second, third = policy(1), policy(2, leader=other), policy(3)
    assert by_leader([first, second, third]) == {first.leader: (first, third), other: (second,)}
