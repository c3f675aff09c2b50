"""The sale of a debt's shares: an intent of remora's own, whose shares are in the operator wallet already.

While it lasts the debt's legs are *selling*, so that nothing else settles them. Afterwards they are dropped, and one
leg stands for what was not sold.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, Connection, Row, ScalarSelect, func, insert, select, update

from remora.adapters.store import lots, rows, schema
from remora.adapters.store.books import post
from remora.domain import ledger
from remora.domain.ids import IntentId, OrderHash, SettlementId, part_id, settlement_id
from remora.domain.money import ZERO_SHARES, Collateral, Shares
from remora.domain.order import Decision, Intent, IntentState, Leg, LegState, SettlementStep
from remora.domain.pledge import Pledge, Realised, realised
from remora.domain.reasons import Reason, because
from remora.domain.records import DebtSale


def start(connection: Connection, debt_id: SettlementId, decision: Decision, at_us: int) -> None:
    """Store a sale of all that a debt's legs hold, as an intent whose shares are there."""
    (intent,) = decision.intents
    connection.execute(insert(schema.signals).values(rows.signal_values(decision.signal, at_us)))
    connection.execute(insert(schema.intents).values(rows.intent_values(intent, IntentState.COLLECTED, at_us)))
    connection.execute(insert(schema.debt_sales).values(intent_id=intent.intent_id, debt_id=debt_id))
    _move(connection, legs_of(connection, debt_id, LegState.FAILED), LegState.SELLING)


def to_sell(connection: Connection) -> list[tuple[Leg, Intent]]:
    """Return the sales that are in no order, each with what it sells: the delivery that was not paid for."""
    i = schema.intents.c
    query = select(schema.intents, schema.debt_sales.c.debt_id).join(schema.debt_sales)
    idle = connection.execute(query.where(i.state == IntentState.COLLECTED)).all()
    return [(_held(connection, row), rows.intent_of(row)) for row in idle]


def debt_sold_by(connection: Connection, order_hash: OrderHash) -> SettlementId | None:
    """Return the debt whose shares an order sells, None for every other order."""
    p, sale = schema.order_parts.c, schema.debt_sales.c
    query = select(sale.debt_id).join(schema.order_parts, p.intent_id == sale.intent_id)
    found = connection.execute(query.where(p.order_hash == order_hash)).scalar()
    return None if found is None else SettlementId(found)


def give_up(connection: Connection, intents: Collection[IntentId]) -> None:
    """Let the debts whose sales among these intents came to nothing be owed as they were."""
    sale = schema.debt_sales.c
    query = select(sale.debt_id).where(sale.intent_id.in_(intents))
    for row in connection.execute(query).all():
        _move(connection, legs_of(connection, SettlementId(row.debt_id), LegState.SELLING), LegState.FAILED)


def conclude(connection: Connection, sale: DebtSale, before: LegState = LegState.SELLING) -> list[Leg]:
    """Store what a sale brought the debt; return what the follower is to be paid of it, if anything."""
    legs = legs_of(connection, sale.debt_id, before)
    if not sale.shares or not legs:
        _move(connection, legs, LegState.FAILED)
        return []
    pledge = Pledge(
        owed=Collateral(sum(leg.collateral.units for leg in legs)), held=Shares(sum(leg.shares.units for leg in legs))
    )
    got = realised(pledge, sale.shares, sale.proceeds)
    follower = legs[0].follower
    booked = ledger.pledge_sold(sale.cause, follower, paid=got.paid, written_off=got.written_off, surplus=got.surplus)
    post(connection, [booked])
    _move(connection, legs, LegState.DROPPED)
    lots.give_up(connection, legs[0].intent_id, pledge.held - (got.rest.held if got.rest else ZERO_SHARES))
    if got.rest:
        _keep(connection, sale, legs[0], got.rest)
    _note(connection, sale, got, legs[0].intent_id)
    return _pay_out(connection, sale, legs[0], got.surplus)


def legs_of(connection: Connection, debt_id: SettlementId, state: LegState) -> list[Leg]:
    """Return the legs of a debt that are in a state."""
    leg, part = schema.legs.c, schema.debt_legs.c
    query = select(schema.legs).join(schema.debt_legs, part.settlement_id == leg.settlement_id)
    found = connection.execute(query.where(part.debt_id == debt_id, leg.state == state).order_by(leg.settlement_id))
    return [rows.leg_of(row) for row in found]


def is_sale() -> ColumnElement[bool]:
    """Tell in a query of intents whether one sells a debt's shares: these are of nobody's lot."""
    sale = schema.debt_sales.c
    return select(sale.intent_id).where(sale.intent_id == schema.intents.c.intent_id).exists()


def count_of() -> ScalarSelect[int]:
    """Select how many sales of a debt were tried, for a query of debts."""
    sale = schema.debt_sales.c
    tried = select(func.count()).select_from(schema.debt_sales).where(sale.debt_id == schema.debts.c.settlement_id)
    return tried.scalar_subquery()


def _held(connection: Connection, row: Row[tuple[str]]) -> Leg:
    """Return what a sale sells as one delivery: the leg names wallet and follower, and is settled by nothing."""
    intent = rows.intent_of(row)
    (first, *_) = legs_of(connection, SettlementId(row.debt_id), LegState.SELLING)
    return Leg(
        settlement_id=SettlementId(row.debt_id),
        intent_id=intent.intent_id,
        step=SettlementStep.DELIVER,
        wallet=first.wallet,
        follower=first.follower,
        token_id=first.token_id,
        shares=intent.shares,
        collateral=Collateral(0),
    )


def _move(connection: Connection, legs: Sequence[Leg], state: LegState) -> None:
    leg = schema.legs.c
    these = leg.settlement_id.in_([each.settlement_id for each in legs])
    connection.execute(update(schema.legs).where(these).values(state=state))


def _keep(connection: Connection, sale: DebtSale, first: Leg, rest: Pledge) -> None:
    """Let one leg stand for what was not sold."""
    name = part_id(first.settlement_id, "unsold")
    values = {
        **rows.leg_values(first),
        "settlement_id": name,
        "shares": rest.held.units,
        "collateral": rest.owed.units,
        "state": LegState.FAILED,
    }
    connection.execute(insert(schema.legs).values(values))
    connection.execute(insert(schema.debt_legs).values(settlement_id=name, debt_id=sale.debt_id))


def _note(connection: Connection, sale: DebtSale, got: Realised, intent: IntentId) -> None:
    """Note what the debt has of a sale, and its end when nothing is left to be sold."""
    d = schema.debts.c
    debt = update(schema.debts).where(d.settlement_id == sale.debt_id)
    connection.execute(debt.values(sold=d.sold + got.paid.units, written_off=d.written_off + got.written_off.units))
    if got.rest is not None:
        return
    row = connection.execute(select(schema.debts).where(d.settlement_id == sale.debt_id)).one()
    ended = "written_off_us" if row.written_off else "recovered_us"
    connection.execute(debt.values({ended: sale.at_us, "why": "its shares were sold"}))
    told = because(Reason.SHARES_SOLD, sold=Collateral(row.sold), amount=Collateral(row.written_off))
    end_intent(connection, intent, rows.because_values(told), paid=bool(row.collected))


def end_intent(connection: Connection, intent: IntentId, why: rows.Values, *, paid: bool) -> None:
    """End the copy of a debt that is over without being paid: settled when some of it was paid for, else failed."""
    values: rows.Values = {"state": IntentState.SETTLED} if paid else {"state": IntentState.FAILED, **why}
    connection.execute(update(schema.intents).where(schema.intents.c.intent_id == intent).values(values))


def _pay_out(connection: Connection, sale: DebtSale, first: Leg, surplus: Collateral) -> list[Leg]:
    """Store the leg that pays the follower what a sale brought beyond the debt."""
    if not surplus:
        return []
    leg = Leg(
        settlement_id=settlement_id(SettlementStep.REMIT, IntentId(sale.cause)),
        intent_id=sale.intent_id,
        step=SettlementStep.REMIT,
        wallet=first.wallet,
        follower=first.follower,
        token_id=first.token_id,
        shares=ZERO_SHARES,
        collateral=surplus,
    )
    connection.execute(insert(schema.legs).values(rows.leg_values(leg)))
    return [leg]
