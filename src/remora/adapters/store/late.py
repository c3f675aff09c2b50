"""Fills that were heard after their order had ended: noted when they are booked, until they are allotted.

An intent waits while another order has it, or while shares that it did not sell are on their way back: what room it has
is known only then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from remora.adapters.store import lots, rows, sales, schema
from remora.adapters.store.books import post, under_standing_name
from remora.domain.errors import InvariantBroken
from remora.domain.ids import IntentId, OrderHash, SettlementId, TxHash
from remora.domain.money import ZERO_COLLATERAL, ZERO_SHARES, Collateral, Shares
from remora.domain.order import Allocation, IntentState, LegState, Part, SettlementStep
from remora.domain.records import Allotment, BookedFill, DebtSale, Filled, LateFill
from remora.domain.signal import Side

BUSY = (IntentState.ORDERED, IntentState.COLLECTING)
"""States of intents that another order has, or will have."""

FREE = (IntentState.PENDING, IntentState.COLLECTED)
"""States of intents whose order was released, and that no other has."""

STAYED = (LegState.PENDING, LegState.FAILED)
"""States of legs whose shares are still with the operator wallet."""

NOTHING = Filled(shares=ZERO_SHARES, collateral=ZERO_COLLATERAL, fee=ZERO_COLLATERAL)


def note(connection: Connection, order_hash: OrderHash, tx_hash: TxHash | None) -> None:
    """Note that a fill came too late for the end of its order."""
    connection.execute(
        upsert(schema.late_fills).values(order_hash=order_hash, tx_hash=tx_hash).on_conflict_do_nothing()
    )


def forget(connection: Connection, order_hash: OrderHash, tx_hash: TxHash | None = None) -> bool:
    """Take the note away of one late fill of an order, or of all; tell whether there was one."""
    late = schema.late_fills.c
    these = late.order_hash == order_hash
    if tx_hash is not None:
        these &= late.tx_hash == tx_hash
    return bool(connection.execute(delete(schema.late_fills).where(these)).rowcount)


def noted(connection: Connection) -> list[BookedFill]:
    """Return the late fills that nobody has got anything of yet."""
    keys = {(row.order_hash, row.tx_hash) for row in connection.execute(select(schema.late_fills))}
    if not keys:
        return []
    f = schema.fills.c  # a join would read all fills there are, to find the few that are noted
    query = select(schema.fills).where(f.order_hash.in_({order_hash for order_hash, _ in keys})).order_by(f.heard_us)
    found = connection.execute(query)
    return [rows.booked_fill_of(row) for row in found if (row.order_hash, row.tx_hash) in keys]


def allot(
    connection: Connection,
    order_hash: OrderHash,
    tx_hash: TxHash,
    split: Callable[[LateFill], Allotment],
    at_us: int,
) -> Allotment | None:
    """Give a late fill to whom it was ordered for; None while that is not known, or when it was done before."""
    f, late = schema.fills.c, schema.late_fills.c
    both = (late.order_hash == f.order_hash) & (late.tx_hash == f.tx_hash)
    this = (f.order_hash == order_hash) & (f.tx_hash == tx_hash)
    row = connection.execute(select(schema.fills).join(schema.late_fills, both).where(this)).first()
    if row is None:
        return None
    debt_id = sales.debt_sold_by(connection, order_hash)
    done = (
        _allot_to_debt(connection, row, debt_id, at_us) if debt_id else _allot_to_intents(connection, row, split, at_us)
    )
    if done is not None:
        forget(connection, order_hash, tx_hash)
    return done


def _allot_to_debt(connection: Connection, row: Row[Any], debt_id: SettlementId, at_us: int) -> Allotment | None:
    """Count what a debt's shares brought after all; what is not held for it any more was somebody else's."""
    if any(sales.legs_of(connection, debt_id, state) for state in (LegState.SELLING, LegState.PENDING, LegState.SENT)):
        return None
    filled = _filled(row)
    held = sales.legs_of(connection, debt_id, LegState.FAILED)
    if Shares(sum(leg.shares.units for leg in held)) < filled.shares:
        return Allotment(allocations=(), legs=(), postings=(), nobodys=filled)
    part = schema.order_parts.c
    intent: str = connection.execute(select(part.intent_id).where(part.order_hash == row.order_hash)).scalar_one()
    sale = DebtSale(
        debt_id=debt_id,
        intent_id=IntentId(intent),
        cause=f"{intent}:{row.tx_hash}",
        shares=filled.shares,
        proceeds=filled.collateral - filled.fee,
        at_us=at_us,
    )
    due = sales.conclude(connection, sale, LegState.FAILED)
    _set_state(connection, [IntentId(intent)], IntentState.SETTLED)
    return Allotment(allocations=(), legs=tuple(due), postings=(), nobodys=NOTHING)


def _allot_to_intents(
    connection: Connection, row: Row[Any], split: Callable[[LateFill], Allotment], at_us: int
) -> Allotment | None:
    late = _read(connection, row)
    if late is None:
        return None
    done = split(late)
    basis = lots.account(connection, done.allocations)
    for each in done.allocations:
        _add(connection, late, each, basis.get(each.intent_id, 0), at_us)
    if done.legs:
        connection.execute(insert(schema.legs), [rows.leg_values(leg) for leg in done.legs])
    _set_state(connection, [each.intent_id for each in done.allocations], IntentState.FILLED)
    post(connection, [under_standing_name(connection, each) for each in done.postings])
    return done


def _read(connection: Connection, row: Row[Any]) -> LateFill | None:
    """Return a late fill with the room that its intents have; None while that is not known."""
    o, p, i = schema.orders.c, schema.order_parts.c, schema.intents.c
    order = connection.execute(select(schema.orders).where(o.order_hash == row.order_hash)).one()
    query = select(schema.order_parts, i.follower, i.state).join(schema.intents, i.intent_id == p.intent_id)
    parts = connection.execute(query.where(p.order_hash == row.order_hash).order_by(p.position)).all()
    if any(part.state in BUSY for part in parts) or _is_going_back(connection, [part.intent_id for part in parts]):
        return None
    room = _room_to_buy if order.side == Side.BUY else _room_to_sell
    block = rows.open_order_of(order, tuple(room(connection, part) for part in parts)).block
    return LateFill(
        order_hash=OrderHash(row.order_hash),
        tx_hash=TxHash(row.tx_hash),
        wallet=order.wallet,
        block=block,
        filled=_filled(row),
        free=frozenset(IntentId(part.intent_id) for part in parts if part.state in FREE),
    )


def _is_going_back(connection: Connection, intents: Sequence[str]) -> bool:
    leg = schema.legs.c
    back = (leg.state == LegState.SENT) & (leg.returned > 0) & leg.intent_id.in_(intents)
    return connection.execute(select(leg.settlement_id).where(back)).first() is not None


def _room_to_buy(connection: Connection, row: Row[Any]) -> Part:
    a = schema.allocations.c
    spent = connection.execute(select(func.sum(a.collateral)).where(a.intent_id == row.intent_id)).scalar() or 0
    return replace(rows.part_of(row), budget=Collateral(max(0, row.budget - spent)))


def _room_to_sell(connection: Connection, row: Row[Any]) -> Part:
    if row.state in FREE:
        return rows.part_of(row)
    return replace(rows.part_of(row), shares=Shares(sum(leg.returned for leg in _stayed(connection, row.intent_id))))


def _stayed(connection: Connection, intent: str) -> Sequence[Row[Any]]:
    leg = schema.legs.c
    stayed = (leg.intent_id == intent) & (leg.step == SettlementStep.REMIT) & leg.state.in_(STAYED) & (leg.returned > 0)
    return connection.execute(select(schema.legs).where(stayed).order_by(leg.settlement_id)).all()


def _filled(row: Row[Any]) -> Filled:
    return Filled(shares=Shares(row.shares), collateral=Collateral(row.collateral), fee=Collateral(row.fee))


def _add(connection: Connection, late: LateFill, got: Allocation, basis: int, at_us: int) -> None:
    """Add to what an intent was allocated; shares that were to go back and are sold do not."""
    a = schema.allocations.c
    back = got.unsold.units
    if late.block.side is Side.SELL and got.intent_id not in late.free:
        _keep_back(connection, got, at_us)
        back = -got.shares.units
    values = {
        "shares": got.shares.units,
        "collateral": got.collateral.units,
        "fee": got.fee.units,
        "unsold": back,
        "basis": basis,
    }
    more = {name: a[name] + units for name, units in values.items()}
    known = update(schema.allocations).where(a.intent_id == got.intent_id)
    if connection.execute(known.values(more)).rowcount == 0:
        new = {**values, "unsold": max(0, back)}
        connection.execute(
            insert(schema.allocations).values(intent_id=got.intent_id, order_hash=late.order_hash, **new)
        )


def _keep_back(connection: Connection, got: Allocation, at_us: int) -> None:
    """Take what was sold out of the legs that were to give it back; one that gives nothing any more is dropped."""
    left = got.shares.units
    for row in _stayed(connection, got.intent_id):
        kept = min(left, row.returned)
        left -= kept
        this = update(schema.legs).where(schema.legs.c.settlement_id == row.settlement_id)
        empty = kept == row.returned and not row.shares
        connection.execute(this.values(returned=row.returned - kept, **({"state": LegState.DROPPED} if empty else {})))
        if empty:
            _close_debt(connection, row, at_us)
    if left:
        raise InvariantBroken(f"intent {got.intent_id} sold {left} units more than were to go back")


def _close_debt(connection: Connection, leg: Row[Any], at_us: int) -> None:
    """End a debt that was of nothing but shares to be given back."""
    d = schema.debts.c
    debt = update(schema.debts).where(d.settlement_id == leg.settlement_id, d.recovered_us.is_(None))
    connection.execute(debt.values(recovered_us=at_us))


def _set_state(connection: Connection, intents: Sequence[IntentId], state: IntentState) -> None:
    """Move intents that got something; one that owes, or is owed, stays so until that is settled."""
    i = schema.intents.c
    these = update(schema.intents).where(i.intent_id.in_(intents), i.state != IntentState.OWED)
    connection.execute(these.values(state=state, reason=None, facts=None))
