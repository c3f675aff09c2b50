"""The durable side of recovery: debts from the refused leg to the last base unit, in parts if need be.

A debt's id is that of the leg that was refused. `debt_legs` are all legs that ever stood for it; what is left of it are
those that are neither settled nor split nor dropped.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

from sqlalchemy import ColumnElement, Connection, func, insert, select, update

from remora.adapters.store import lots, rows, sales, schema
from remora.adapters.store.books import post
from remora.adapters.store.writer import Writer
from remora.domain import ledger
from remora.domain.errors import InvariantBroken, Malformed
from remora.domain.ids import Address, SettlementId
from remora.domain.money import Collateral, Shares
from remora.domain.order import Decision, Leg, LegState
from remora.domain.reasons import Reason, because
from remora.domain.records import Debt, DebtSide, Owed

OVER = (LegState.SETTLED, LegState.SPLIT, LegState.DROPPED)
"""States of legs that nothing is left of."""


class SqliteDebtStore:
    """Implements DebtStore."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def open_debts(self) -> list[Debt]:
        return await self._writer.read(_open_debts)

    async def record_tries(self, next_try_us: Mapping[SettlementId, int], *, tried_us: int) -> None:
        d = schema.debts.c

        def work(connection: Connection) -> None:
            for debt_id, next_us in next_try_us.items():
                tried = {"tries": d.tries + 1, "tried_us": tried_us, "next_try_us": next_us}
                connection.execute(update(schema.debts).where(d.settlement_id == debt_id).values(tried))

        await self._writer.run(work)

    async def split_leg(self, whole: SettlementId, part: Leg, rest: Leg) -> None:
        await self._writer.run(lambda c: _split(c, whole, part, rest))

    async def try_again(self, debts: Collection[SettlementId]) -> None:
        statement = update(schema.debts).where(schema.debts.c.settlement_id.in_(debts)).values(next_try_us=0)
        await self._writer.run(lambda c: c.execute(statement))

    async def start_sale(self, debt_id: SettlementId, sale: Decision, *, at_us: int) -> bool:
        def work(connection: Connection) -> bool:
            held = sum(leg.shares.units for leg in sales.legs_of(connection, debt_id, LegState.FAILED))
            if set(_left(connection, debt_id)) != {LegState.FAILED} or held != sale.intents[0].shares.units:
                return False
            sales.start(connection, debt_id, sale, at_us)
            return True

        return await self._writer.run(work)

    async def write_off(self, debt_id: SettlementId, why: str, *, at_us: int) -> Collateral:
        return await self._writer.run(lambda c: _write_off(c, debt_id, why, at_us))


def open_or_go_on(connection: Connection, owed: Owed, at_us: int) -> None:
    """Store what a refused leg leaves owed: a debt, or the latest refusal of the debt that it stands for."""
    d, leg_id = schema.debts.c, owed.leg.settlement_id
    if known := _debt_of(connection, leg_id):
        refused = update(schema.debts).where(d.settlement_id == known)
        connection.execute(refused.values(failure=owed.failure.name, tried_us=at_us))
        return
    opened = {"side": owed.side, "due": owed.due.units, "failure": owed.failure.name, "opened_us": at_us}
    connection.execute(insert(schema.debts).values(settlement_id=leg_id, **opened))
    connection.execute(insert(schema.debt_legs).values(settlement_id=leg_id, debt_id=leg_id))


def standing_for(connection: Connection, legs: Collection[SettlementId]) -> set[str]:
    """Return which of these legs stand for a debt."""
    part = schema.debt_legs.c
    return set(connection.scalars(select(part.settlement_id).where(part.settlement_id.in_(legs))))


def is_settled_by(connection: Connection, leg_id: SettlementId, at_us: int) -> bool:
    """Count a settled leg towards its debt, if it stands for one; tell whether nothing is left to settle beside it."""
    debt_id = _debt_of(connection, leg_id)
    if debt_id is None:
        return True
    d = schema.debts.c
    amount = select(schema.legs.c.collateral).where(schema.legs.c.settlement_id == leg_id).scalar_subquery()
    debt = update(schema.debts).where(d.settlement_id == debt_id)
    connection.execute(debt.values(collected=d.collected + amount))
    if _left(connection, debt_id):
        return False
    connection.execute(debt.values(recovered_us=at_us))
    return True


def is_unsettled_by(connection: Connection, leg_id: SettlementId) -> None:
    """Take back that a leg counted towards its debt, if it stands for one: that is open again."""
    debt_id = _debt_of(connection, leg_id)
    if debt_id is None:
        return
    d = schema.debts.c
    amount = select(schema.legs.c.collateral).where(schema.legs.c.settlement_id == leg_id).scalar_subquery()
    debt = update(schema.debts).where(d.settlement_id == debt_id)
    connection.execute(debt.values(collected=d.collected - amount, recovered_us=None))


def revive(connection: Connection, leg_id: SettlementId, due: Collateral) -> Collateral | None:
    """Take back that a leg's debt was given up, or sold for, as far as the leg goes; None when it is of no debt.

    Return how much of it had been written off; the rest is what a sale of its shares had brought.
    """
    debt_id = _debt_of(connection, leg_id)
    if debt_id is None:
        return None
    d = schema.debts.c
    row = connection.execute(select(schema.debts).where(d.settlement_id == debt_id)).one()
    written_off = min(due.units, row.written_off)
    values: rows.Values = {
        "written_off": row.written_off - written_off,
        "sold": row.sold - (due.units - written_off),
    }
    if written_off == row.written_off:
        values |= {"written_off_us": None, "why": None}
    connection.execute(update(schema.debts).where(d.settlement_id == debt_id).values(values))
    return Collateral(written_off)


def owed_by_followers(connection: Connection) -> dict[Address, Collateral]:
    """Sum what followers owe for shares that were not delivered."""
    d, leg = schema.debts.c, schema.legs.c
    due = func.sum(d.due - d.collected - d.sold - d.written_off).label("due")
    query = (
        select(leg.follower, due)
        .join(schema.debts, d.settlement_id == leg.settlement_id)
        .where(d.side == DebtSide.FOLLOWER, _is_open())
        .group_by(leg.follower)
    )
    return {Address(row.follower): Collateral(row.due) for row in connection.execute(query)}


def _is_open() -> ColumnElement[bool]:
    return schema.debts.c.recovered_us.is_(None) & schema.debts.c.written_off_us.is_(None)


def _open_debts(connection: Connection) -> list[Debt]:
    d, leg, part = schema.debts.c, schema.legs.c, schema.debt_legs.c
    waiting = (
        select(schema.legs, part.debt_id)
        .join(schema.debt_legs, part.settlement_id == leg.settlement_id)
        .join(schema.debts, d.settlement_id == part.debt_id)
        .where(_is_open(), leg.state == LegState.FAILED)
        .order_by(leg.settlement_id)
    )
    legs: defaultdict[str, list[Leg]] = defaultdict(list)
    for row in connection.execute(waiting):
        legs[row.debt_id].append(rows.leg_of(row))
    i = schema.intents.c
    its = (leg.follower, leg.wallet, leg.token_id, i.policy_id, schema.signals.c.leader)
    query = (
        select(schema.debts, *its, sales.count_of().label("sales"))
        .join(schema.legs, leg.settlement_id == d.settlement_id)
        .join(schema.intents, i.intent_id == leg.intent_id)
        .join(schema.signals, schema.signals.c.signal_id == i.signal_id)
        .where(_is_open())
        .order_by(d.opened_us, d.settlement_id)
    )
    return [rows.debt_of(row, tuple(legs[row.settlement_id])) for row in connection.execute(query)]


def _debt_of(connection: Connection, leg_id: SettlementId) -> SettlementId | None:
    part = schema.debt_legs.c
    found = connection.execute(select(part.debt_id).where(part.settlement_id == leg_id)).scalar()
    return None if found is None else SettlementId(found)


def _left(connection: Connection, debt_id: SettlementId) -> list[LegState]:
    """Return the states of the legs that are left of a debt."""
    leg, part = schema.legs.c, schema.debt_legs.c
    query = (
        select(leg.state)
        .join(schema.debt_legs, part.settlement_id == leg.settlement_id)
        .where(part.debt_id == debt_id, leg.state.not_in(OVER))
    )
    return [LegState(row.state) for row in connection.execute(query)]


def _split(connection: Connection, whole: SettlementId, part: Leg, rest: Leg) -> None:
    debt_id, leg = _debt_of(connection, whole), schema.legs.c
    refused = update(schema.legs).where(leg.settlement_id == whole, leg.state == LegState.FAILED)
    if debt_id is None or connection.execute(refused.values(state=LegState.SPLIT)).rowcount != 1:
        raise InvariantBroken(f"leg {whole} is not owed, or on its way, so it cannot be split")
    states = ((part, LegState.PENDING), (rest, LegState.FAILED))
    values = [{**rows.leg_values(each), "state": state} for each, state in states]
    connection.execute(insert(schema.legs), values)
    parts = [{"settlement_id": each.settlement_id, "debt_id": debt_id} for each, _ in states]
    connection.execute(insert(schema.debt_legs), parts)


def _write_off(connection: Connection, debt_id: SettlementId, why: str, at_us: int) -> Collateral:
    debt = next((each for each in _open_debts(connection) if each.debt_id == debt_id), None)
    if debt is None:
        raise Malformed(f"expected the id of an open debt, found {debt_id!r}: remora debts list shows them")
    if debt.side is not DebtSide.FOLLOWER:
        raise Malformed(f"expected a debt of a follower, found {debt_id}: what the operators owe is paid")
    if set(_left(connection, debt_id)) != {LegState.FAILED}:
        raise Malformed(f"expected a debt that is not being collected now, found {debt_id}: try again in a minute")
    _give_up(connection, debt, why, at_us)
    return debt.left


def _give_up(connection: Connection, debt: Debt, why: str, at_us: int) -> None:
    d, leg = schema.debts.c, schema.legs.c
    post(connection, [ledger.write_off(debt.debt_id, debt.follower, debt.left)])
    left = [each.settlement_id for each in debt.legs]
    connection.execute(update(schema.legs).where(leg.settlement_id.in_(left)).values(state=LegState.DROPPED))
    lots.give_up(connection, debt.legs[0].intent_id, Shares(sum(each.shares.units for each in debt.legs)))
    given_up = update(schema.debts).where(d.settlement_id == debt.debt_id)
    written_off = d.written_off + debt.left.units
    connection.execute(given_up.values(written_off=written_off, written_off_us=at_us, why=why))
    told = because(Reason.WRITTEN_OFF, amount=debt.left, why=why)
    sales.end_intent(connection, debt.legs[0].intent_id, rows.because_values(told), paid=bool(debt.collected))
