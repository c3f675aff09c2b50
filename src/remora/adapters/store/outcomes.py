"""What a block did with legs, and what it did instead when a reorg put their transaction into another block.

The legs are what the chain has last: what had settled and did not is owed, or pending, again; what had been given up
and settled after all is not given up. Each change of the books is reversed by another, and may be restored.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Row, select, update

from remora.adapters.store import debts, lots, rows, schema
from remora.adapters.store.books import are_reversed, post, restore, reverse, under_standing_name
from remora.domain import ledger
from remora.domain.ids import Address, IntentId, SettlementId
from remora.domain.money import Collateral, Shares
from remora.domain.order import IntentState, LegState, SettlementStep
from remora.domain.records import LegEffect

LEFT = (LegState.PENDING, LegState.SENT, LegState.FAILED, LegState.SELLING)
"""States of legs that something is left of."""

FIRM = (LegState.SPLIT, LegState.SELLING)
"""States of legs that are left alone: no block with their refusal can be taken back any more."""

UNSOLD = (IntentState.COLLECTING, IntentState.COLLECTED)
"""States of exits whose shares are in no order."""

BEFORE = {
    SettlementStep.DELIVER: IntentState.FILLED,
    SettlementStep.COLLECT: IntentState.COLLECTING,
    SettlementStep.REMIT: IntentState.FILLED,
}
"""The state of an intent whose leg is to be settled."""

AFTER = {
    SettlementStep.DELIVER: IntentState.SETTLED,
    SettlementStep.COLLECT: IntentState.COLLECTED,
    SettlementStep.REMIT: IntentState.SETTLED,
}
"""The state of an intent whose leg is settled, and nothing came of it yet."""


def apply(connection: Connection, effects: Sequence[LegEffect], mined_us: int) -> frozenset[SettlementId]:
    """Change legs, debts, intents and books as a block says; return the legs that this was news of."""
    if not effects:
        return frozenset()
    plain = _plain(connection, effects)
    _settle(connection, plain, mined_us)
    settled = frozenset(effect.settlement_id for effect, _ in plain)
    others = [effect for effect in effects if effect.settlement_id not in settled]
    return settled.union([effect.settlement_id for effect in others if _apply(connection, effect, mined_us)])


def _plain(connection: Connection, effects: Sequence[LegEffect]) -> list[tuple[LegEffect, Row[Any]]]:
    """Return what settles for the first time and stands for no debt, nearly all that ever settles, with the legs."""
    by_id = {effect.settlement_id: effect for effect in effects if effect.leg_state is LegState.SETTLED}
    other = debts.standing_for(connection, by_id) | are_reversed(connection, [ledger.leg_id(each) for each in by_id])
    leg = schema.legs.c
    sent = connection.execute(select(schema.legs).where(leg.settlement_id.in_(by_id), leg.state == LegState.SENT))
    return [
        (by_id[row.settlement_id], row)
        for row in sent
        if not other & {row.settlement_id, ledger.leg_id(row.settlement_id)}
    ]


def _settle(connection: Connection, plain: Sequence[tuple[LegEffect, Row[Any]]], mined_us: int) -> None:
    """Do for all at once, in a few statements, what `_apply` does for one: a block may settle hundreds."""
    if not plain:
        return
    _set_legs(connection, [row.settlement_id for _, row in plain], LegState.SETTLED, mined_us)
    post(connection, [effect.posting for effect, _ in plain if effect.posting])
    alike: defaultdict[tuple[IntentState | None, str], list[tuple[LegEffect, Row[Any]]]] = defaultdict(list)
    for effect, row in plain:
        alike[effect.intent_state, row.step].append((effect, row))
    for group in alike.values():
        effect, leg = group[0]
        _move_intents(connection, effect, leg, {row.intent_id for _, row in group})


def unsettle(connection: Connection, hashes: Collection[str], told: Collection[SettlementId]) -> None:
    """Let legs be pending again that a block settled, if the one that has their transaction now tells none of them."""
    leg = schema.legs.c
    lost = leg.tx_hash.in_(hashes) & (leg.state == LegState.SETTLED) & leg.settlement_id.not_in(told)
    for row in connection.execute(select(schema.legs).where(lost)).all():
        _undo(connection, row)
        _set_legs(connection, [row.settlement_id], LegState.PENDING, None)
        _move_back(connection, row)


def _move_back(connection: Connection, leg: Row[Any]) -> None:
    """Move the intent of a leg that is to be settled again; one that gives shares or a surplus back moves none."""
    if leg.shares:
        i = schema.intents.c
        intent = update(schema.intents).where(i.intent_id == leg.intent_id, i.state == AFTER[leg.step])
        connection.execute(intent.values(state=BEFORE[leg.step]))


def _apply(connection: Connection, effect: LegEffect, mined_us: int) -> bool:
    leg = schema.legs.c
    row = connection.execute(select(schema.legs).where(leg.settlement_id == effect.settlement_id)).first()
    settled = effect.leg_state is LegState.SETTLED
    if row is None or row.state in FIRM or (settled and row.state == LegState.SETTLED):
        return False
    if row.state == LegState.DROPPED and not (settled and _revive(connection, row)):
        return False
    if row.state == LegState.SETTLED:
        _undo(connection, row)
    _set_legs(connection, [effect.settlement_id], effect.leg_state, mined_us if settled else None)
    if effect.posting and not restore(connection, effect.posting.posting_id):
        post(connection, [effect.posting])
    if effect.debt:
        debts.open_or_go_on(connection, effect.debt, mined_us)
    if not settled or debts.is_settled_by(connection, effect.settlement_id, mined_us):
        _move_intents(connection, effect, row, {row.intent_id})
    return bool(row.state != effect.leg_state)


def _set_legs(connection: Connection, legs: Sequence[str], state: LegState, settled_us: int | None) -> None:
    these = update(schema.legs).where(schema.legs.c.settlement_id.in_(legs))
    connection.execute(these.values(state=state, settled_us=settled_us))


def _undo(connection: Connection, leg: Row[Any]) -> None:
    """Take back in books and debt that a leg settled."""
    reverse(connection, ledger.leg_id(leg.settlement_id), {})
    debts.is_unsettled_by(connection, SettlementId(leg.settlement_id))


def _revive(connection: Connection, leg: Row[Any]) -> bool:
    """Let a leg be owed again that was given up, or sold for, with its debt; False when it is of none."""
    leg_id, due = SettlementId(leg.settlement_id), Collateral(leg.collateral)
    revived = debts.revive(connection, leg_id, due)
    if revived is None:
        return False
    booked = ledger.revived(leg_id, Address(leg.follower), written_off=revived, sold=due - revived)
    post(connection, [under_standing_name(connection, booked)])
    lots.take_back(connection, IntentId(leg.intent_id), Shares(leg.shares), due)
    return True


def _with_more_left(connection: Connection, intents: Collection[str]) -> set[str]:
    """Return the intents of which legs are to be settled still: what a fill brought that came late, or a debt."""
    leg = schema.legs.c
    left = leg.intent_id.in_(intents) & (leg.shares > 0) & (leg.step != SettlementStep.COLLECT) & leg.state.in_(LEFT)
    return set(connection.scalars(select(leg.intent_id).where(left)))


def _move_intents(connection: Connection, effect: LegEffect, leg: Row[Any], intents: Collection[str]) -> None:
    """Move the intents of legs that were as this row says and became the same; exits only while in no order."""
    if effect.intent_state is None:
        return
    if effect.intent_state is IntentState.SETTLED:
        intents = set(intents) - _with_more_left(connection, intents)
    i = schema.intents.c
    these = update(schema.intents).where(i.intent_id.in_(intents))
    if leg.step == SettlementStep.COLLECT:
        refused = leg.state == LegState.FAILED
        these = these.where(i.state.in_((*UNSOLD, IntentState.FAILED) if refused else UNSOLD))
    why: rows.Values = {"reason": None, "facts": None}
    if effect.because:
        why = rows.because_values(effect.because)
    connection.execute(these.values(state=effect.intent_state, **why))
