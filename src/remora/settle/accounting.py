"""What the outcome of a settlement leg means: for its intent, for the books, for the debts. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from remora.domain import ledger
from remora.domain.ledger import Entry, Posting, transfer
from remora.domain.order import IntentState, Leg, LegOutcome, LegState, SettlementStep
from remora.domain.reasons import Reason, because
from remora.domain.records import DebtSide, LegEffect, Owed


def effects(legs: Iterable[Leg], outcomes: Iterable[LegOutcome]) -> list[LegEffect]:
    """Return what each leg with an outcome changes. A leg without one changes nothing: it was not looked at."""
    by_id = {outcome.settlement_id: outcome for outcome in outcomes}
    return [_effect(leg, by_id[leg.settlement_id]) for leg in legs if leg.settlement_id in by_id]


def _effect(leg: Leg, outcome: LegOutcome) -> LegEffect:
    return _settled(leg) if outcome.settled else _failed(leg, outcome)


def _settled(leg: Leg) -> LegEffect:
    return LegEffect(
        settlement_id=leg.settlement_id,
        leg_state=LegState.SETTLED,
        intent_state=_state_after(leg),
        because=None,
        posting=ledger.check(Posting(posting_id=ledger.leg_id(leg.settlement_id), entries=tuple(_moves(leg)))),
        debt=None,
    )


def _state_after(leg: Leg) -> IntentState | None:
    """Return the intent's new state; an exit that sold nothing has failed already, giving back changes nothing."""
    match leg.step:
        case SettlementStep.DELIVER:
            return IntentState.SETTLED
        case SettlementStep.COLLECT:
            return IntentState.COLLECTED
        case SettlementStep.REMIT:
            return IntentState.SETTLED if leg.shares else None
        case _:
            assert_never(leg.step)


def _moves(leg: Leg) -> Iterable[Entry]:
    operator = ledger.operator_account(leg.wallet)
    follower = ledger.follower_account(leg.follower)
    token = str(leg.token_id)
    match leg.step:
        case SettlementStep.DELIVER:
            yield from transfer(operator, follower, token, leg.shares.units)
            yield from transfer(follower, operator, ledger.COLLATERAL, leg.collateral.units)
            yield from transfer(follower, ledger.PAID, ledger.RECEIVABLE, leg.collateral.units)
        case SettlementStep.COLLECT:
            yield from transfer(follower, operator, token, leg.shares.units)
        case SettlementStep.REMIT:
            yield from transfer(operator, follower, ledger.COLLATERAL, leg.collateral.units)
            yield from transfer(operator, follower, token, leg.returned.units)
            yield from transfer(follower, ledger.PAID, ledger.PAYABLE, leg.collateral.units)
        case _:
            assert_never(leg.step)


def _failed(leg: Leg, outcome: LegOutcome) -> LegEffect:
    collecting = leg.step is SettlementStep.COLLECT
    why = because(Reason.COLLECT_FAILED, detail=outcome.failure.name) if collecting else None
    return LegEffect(
        settlement_id=leg.settlement_id,
        leg_state=LegState.FAILED,
        intent_state=_state_after_failure(leg),
        because=why,
        posting=None,
        debt=None if collecting else _owed(leg, outcome),
    )


def _state_after_failure(leg: Leg) -> IntentState | None:
    match leg.step:
        case SettlementStep.DELIVER:
            return IntentState.OWED
        case SettlementStep.COLLECT:
            return IntentState.FAILED
        case SettlementStep.REMIT:
            return IntentState.OWED if leg.shares else None
        case _:
            assert_never(leg.step)


def _owed(leg: Leg, outcome: LegOutcome) -> Owed:
    side = DebtSide.FOLLOWER if leg.step is SettlementStep.DELIVER else DebtSide.OPERATOR
    return Owed(side=side, leg=leg, due=leg.collateral, failure=outcome.failure)
