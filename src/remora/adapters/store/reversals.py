"""Taking back the booking of a fill that no block has any more: the fill goes, its posting is reversed by another.

What followed from the fill decides the rest. An order that nothing was settled of is open again. Where something was
settled, what was delivered or paid stays as it is on chain, and the fleet's loss is booked to an account of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Select, case, delete, select, update

from remora.adapters.store import late, lots, sales, schema
from remora.adapters.store.books import reverse, standing_name, stands
from remora.domain import ledger
from remora.domain.ids import OrderHash, TxHash
from remora.domain.ledger import claims_id, fill_id, late_claims_id
from remora.domain.order import IntentState, LegState, OrderState, SettlementStep
from remora.domain.records import Reversal

OPEN = (OrderState.RECORDED, OrderState.ACCEPTED)
_MOVING = frozenset({LegState.PENDING, LegState.SENT})


def reverse_fill(connection: Connection, order_hash: OrderHash, tx_hash: TxHash) -> Reversal:
    """Take a fill back, unless something that follows from it is under way: then nothing is changed."""
    f, o = schema.fills.c, schema.orders.c
    booked = (f.order_hash == order_hash) & (f.tx_hash == tx_hash)
    if connection.execute(select(f.tx_hash).where(booked)).first() is None:
        return Reversal.UNKNOWN
    if late.forget(connection, order_hash, tx_hash):
        connection.execute(delete(schema.fills).where(booked))
        reverse(connection, fill_id(order_hash, tx_hash), {})
        return Reversal.OPEN
    last = _allocating(connection, order_hash)
    state: str = connection.execute(select(o.state).where(o.order_hash == last)).scalar_one()
    found = Reversal.OPEN if state in OPEN else _reversal(connection, last)
    if found is Reversal.UNDER_WAY:
        return found
    claims = _claims(connection, last)
    connection.execute(delete(schema.fills).where(booked))
    against = {ledger.VENUE: ledger.ORPHANED, ledger.FEES: ledger.ORPHANED} if found is Reversal.SETTLED else {}
    reverse(connection, fill_id(order_hash, tx_hash), against)
    if found is Reversal.REOPENED:
        _reopen(connection, last, claims)
    return found


def _allocating(connection: Connection, order_hash: OrderHash) -> OrderHash:
    """Return the order at whose end the fill is allocated: the second try, where the rest was tried once more."""
    second = connection.execute(select(schema.orders.c.order_hash).where(schema.orders.c.rest_of == order_hash))
    return OrderHash(second.scalar() or order_hash)


def _reversal(connection: Connection, order_hash: OrderHash) -> Reversal:
    """Tell what can become of an order that has ended. What it sold for a debt has ended that, or divided it."""
    if (
        sales.debt_sold_by(connection, order_hash)
        or _was_for_sale(connection, order_hash)
        or _filled_elsewhere(connection, order_hash)
    ):
        return Reversal.SETTLED
    leg = schema.legs.c
    states: set[str] = set(connection.scalars(select(leg.state).where(leg.settlement_id.in_(_legs(order_hash)))))
    if states & _MOVING:
        return Reversal.UNDER_WAY
    return Reversal.REOPENED if states <= {LegState.FAILED} else Reversal.SETTLED


def _claims(connection: Connection, order_hash: OrderHash) -> list[str]:
    """Return the ids of what an order's end, and every fill that came later, left owed."""
    f = schema.fills.c
    query = select(f.order_hash, f.tx_hash).where(f.order_hash.in_(_tries(connection, order_hash)))
    late_claims = [late_claims_id(OrderHash(row.order_hash), TxHash(row.tx_hash)) for row in connection.execute(query)]
    return [claims_id(order_hash), *late_claims]


def _tries(connection: Connection, order_hash: OrderHash) -> list[OrderHash]:
    """Return an order, and the one whose rest it tried once more."""
    o = schema.orders.c
    first = connection.execute(select(o.rest_of).where(o.order_hash == order_hash, o.rest_of.is_not(None))).scalar()
    return [order_hash] if first is None else [order_hash, OrderHash(first)]


def _filled_elsewhere(connection: Connection, order_hash: OrderHash) -> bool:
    """Tell whether another order of the same intents has filled, so that what followed cannot be told apart."""
    part, f = schema.order_parts.c, schema.fills.c
    query = select(f.order_hash).join(schema.order_parts, part.order_hash == f.order_hash)
    tries = _tries(connection, order_hash)
    others = query.where(part.intent_id.in_(_intents(order_hash)), f.order_hash.not_in(tries))
    return connection.execute(others).first() is not None


def _was_for_sale(connection: Connection, order_hash: OrderHash) -> bool:
    """Tell whether anybody tried to sell what a debt of this order secures."""
    debt = schema.debt_sales.c.debt_id
    return connection.execute(select(debt).where(debt.in_(_legs(order_hash)))).first() is not None


def _reopen(connection: Connection, order_hash: OrderHash, claims: Sequence[str]) -> None:
    """Undo an order's end: debts, legs, allocations and claims go, and its intents are ordered again.

    Its late fills are late still: they are allotted after its end, as far as there is room.
    """
    doomed = list(connection.scalars(_legs(order_hash)))
    for table in (schema.debt_legs, schema.debts, schema.legs):
        connection.execute(delete(table).where(table.c.settlement_id.in_(doomed)))
    tries = _tries(connection, order_hash)
    for each in tries:
        lots.undo(connection, each)
    connection.execute(delete(schema.allocations).where(schema.allocations.c.order_hash.in_(tries)))
    f = schema.fills.c
    for row in connection.execute(select(f.order_hash, f.tx_hash).where(f.order_hash.in_(tries))).all():
        if stands(connection, late_claims_id(row.order_hash, row.tx_hash)):
            late.note(connection, row.order_hash, row.tx_hash)
    for claim in claims:
        reverse(connection, standing_name(connection, claim), {})
    o, i = schema.orders.c, schema.intents.c
    never_heard_of = o.rest_of.is_not(None) & o.acknowledged_us.is_(None)
    state = case((never_heard_of, OrderState.RECORDED), else_=OrderState.ACCEPTED)
    connection.execute(update(schema.orders).where(o.order_hash == order_hash).values(state=state))
    ordered = update(schema.intents).where(i.intent_id.in_(_intents(order_hash)))
    connection.execute(ordered.values(state=IntentState.ORDERED, reason=None, facts=None))


def _legs(order_hash: OrderHash) -> Select[tuple[str]]:
    """Select the legs that follow from an order's end; what was collected for it came before."""
    leg = schema.legs.c
    follows = leg.step != SettlementStep.COLLECT
    return select(leg.settlement_id).where(leg.intent_id.in_(_intents(order_hash)), follows)


def _intents(order_hash: OrderHash) -> Select[tuple[str]]:
    part = schema.order_parts.c
    return select(part.intent_id).where(part.order_hash == order_hash)
