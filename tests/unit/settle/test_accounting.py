"""What each step's outcome means: all steps, all outcomes."""

from __future__ import annotations

import pytest

from remora.domain import ledger
from remora.domain.ids import SettlementId, TxHash
from remora.domain.ledger import balances
from remora.domain.money import ZERO_COLLATERAL, ZERO_SHARES, Shares
from remora.domain.order import IntentState, Leg, LegFailure, LegOutcome, LegState, SettlementStep
from remora.domain.reasons import Reason, because
from remora.domain.records import DebtSide, LegEffect, Owed
from remora.domain.signal import Side
from remora.settle.accounting import effects
from tests.fakes.specimens import TOKEN, collateral, follower, intent, leg, shares, signal, wallet

OPERATOR, FOLLOWER = ledger.operator_account(wallet(1)), ledger.follower_account(follower(1))
TX = TxHash("0x" + 64 * "7")
FAILURES = [each for each in LegFailure if each not in {LegFailure.NONE, LegFailure.ALREADY_SETTLED}]

DELIVER = leg(SettlementStep.DELIVER, intent())
COLLECT = leg(SettlementStep.COLLECT, intent(of=signal(Side.SELL)), collateral=ZERO_COLLATERAL)
REMIT = leg(SettlementStep.REMIT, intent(of=signal(Side.SELL)), returned=shares("5"))
GIVE_BACK = leg(
    SettlementStep.REMIT,
    intent(of=signal(Side.SELL)),
    shares=ZERO_SHARES,
    collateral=ZERO_COLLATERAL,
    returned=shares("20"),
)


def effect_of(settled: Leg, failure: LegFailure = LegFailure.NONE) -> LegEffect:
    (effect,) = effects([settled], [outcome(settled.settlement_id, failure)])
    assert effect.settlement_id == settled.settlement_id
    return effect


def outcome(settlement_id: SettlementId, failure: LegFailure) -> LegOutcome:
    settled = failure in {LegFailure.NONE, LegFailure.ALREADY_SETTLED}
    return LegOutcome(settlement_id=settlement_id, settled=settled, failure=failure, tx_hash=TX)


@pytest.mark.parametrize(
    ("settled", "intent_state", "books"),
    [
        (
            DELIVER,  # 20 shares for 10
            IntentState.SETTLED,
            {
                (OPERATOR, str(TOKEN)): -20_000_000,
                (FOLLOWER, str(TOKEN)): 20_000_000,
                (FOLLOWER, ledger.COLLATERAL): -10_000_000,
                (OPERATOR, ledger.COLLATERAL): 10_000_000,
                (FOLLOWER, ledger.RECEIVABLE): -10_000_000,
                (ledger.PAID, ledger.RECEIVABLE): 10_000_000,
            },
        ),
        (
            COLLECT,  # 20 shares
            IntentState.COLLECTED,
            {(FOLLOWER, str(TOKEN)): -20_000_000, (OPERATOR, str(TOKEN)): 20_000_000},
        ),
        (
            REMIT,  # 20 shares were sold for 10, 5 go back
            IntentState.SETTLED,
            {
                (OPERATOR, ledger.COLLATERAL): -10_000_000,
                (FOLLOWER, ledger.COLLATERAL): 10_000_000,
                (OPERATOR, str(TOKEN)): -5_000_000,
                (FOLLOWER, str(TOKEN)): 5_000_000,
                (FOLLOWER, ledger.PAYABLE): -10_000_000,
                (ledger.PAID, ledger.PAYABLE): 10_000_000,
            },
        ),
        (
            GIVE_BACK,  # the exit has failed before
            None,
            {(OPERATOR, str(TOKEN)): -20_000_000, (FOLLOWER, str(TOKEN)): 20_000_000},
        ),
    ],
)
@pytest.mark.parametrize("failure", [LegFailure.NONE, LegFailure.ALREADY_SETTLED])
def test_a_leg_that_settled_now_or_before(
    settled: Leg, intent_state: IntentState | None, books: dict[tuple[str, str], int], failure: LegFailure
) -> None:
    effect = effect_of(settled, failure)
    assert (effect.leg_state, effect.intent_state) == (LegState.SETTLED, intent_state)
    assert (effect.because, effect.debt) == (None, None)
    assert effect.posting is not None
    assert effect.posting.posting_id == f"leg:{settled.settlement_id}"
    assert balances(effect.posting.entries) == books


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize(
    ("failed", "intent_state", "side"),
    [
        (DELIVER, IntentState.OWED, DebtSide.FOLLOWER),  # the follower owes for shares that the operator keeps
        (REMIT, IntentState.OWED, DebtSide.OPERATOR),  # the operator owes the proceeds
        (GIVE_BACK, None, DebtSide.OPERATOR),  # the operator owes the shares
    ],
)
def test_a_payment_that_failed_is_a_debt(
    failed: Leg, intent_state: IntentState | None, side: DebtSide, failure: LegFailure
) -> None:
    effect = effect_of(failed, failure)
    assert (effect.leg_state, effect.intent_state) == (LegState.FAILED, intent_state)
    assert (effect.because, effect.posting) == (None, None)
    assert effect.debt == Owed(side=side, leg=failed, due=failed.collateral, failure=failure)


@pytest.mark.parametrize("failure", FAILURES)
def test_a_collection_that_failed_is_an_exit_that_failed_and_nobody_owes(failure: LegFailure) -> None:
    effect = effect_of(COLLECT, failure)
    assert (effect.leg_state, effect.intent_state) == (LegState.FAILED, IntentState.FAILED)
    assert effect.because == because(Reason.COLLECT_FAILED, detail=failure.name)
    assert (effect.posting, effect.debt) == (None, None)


def test_each_leg_has_its_own_outcome_in_whatever_order() -> None:
    first, second, third = (leg(SettlementStep.DELIVER, intent(n), shares=Shares(n)) for n in (1, 2, 3))
    answers = [
        outcome(second.settlement_id, LegFailure.PAUSED),
        outcome(first.settlement_id, LegFailure.NONE),
    ]
    found = {effect.settlement_id: effect.leg_state for effect in effects([first, second, third], answers)}
    assert found == {first.settlement_id: LegState.SETTLED, second.settlement_id: LegState.FAILED}


def test_an_outcome_of_somebody_elses_leg_changes_nothing() -> None:
    strange = outcome(SettlementId("0x" + 64 * "9"), LegFailure.NONE)
    assert effects([DELIVER], [strange]) == []


def test_a_debt_is_what_the_delivery_asked_for() -> None:
    effect = effect_of(leg(SettlementStep.DELIVER, intent(), collateral=collateral("9.85")), LegFailure.DAILY_LIMIT)
    assert effect.debt is not None
    assert str(effect.debt.due) == "9.85"
