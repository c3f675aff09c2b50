"""The durable side of execution: orders before they are sent, their fills, and their end in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, bindparam, exists, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from remora.adapters.store import late, lots, reversals, rows, sales, schema
from remora.adapters.store.books import is_lost, post, restore, under_standing_name
from remora.adapters.store.reversals import OPEN
from remora.adapters.store.writer import Writer
from remora.domain.errors import InvariantBroken
from remora.domain.ids import IntentId, OrderHash, TxHash
from remora.domain.ledger import Posting
from remora.domain.money import Collateral, Shares
from remora.domain.order import (
    Allocation,
    BlockOrder,
    Intent,
    IntentState,
    Leg,
    OrderState,
    Part,
    SettlementStep,
    SignedOrder,
)
from remora.domain.reasons import Because
from remora.domain.records import Allotment, BookedFill, DebtSale, Filled, LateFill, OpenOrder, Reversal
from remora.domain.signal import Fill, Side


class SqliteOrderStore:
    """Implements OrderStore."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def pending_intents(self) -> list[Intent]:
        query = (
            select(schema.intents)
            .join(schema.signals)
            .where(schema.intents.c.state == IntentState.PENDING)
            .order_by(schema.signals.c.stored_us, schema.intents.c.intent_id)
        )
        return await self._writer.read(lambda c: [rows.intent_of(row) for row in c.execute(query)])

    async def start_collecting(self, legs: Sequence[Leg]) -> None:
        def work(connection: Connection) -> None:
            _add_legs(connection, legs)
            _move(connection, [leg.intent_id for leg in legs], IntentState.PENDING, IntentState.COLLECTING)

        await self._writer.run(work)

    async def collected(self) -> list[tuple[Leg, Intent]]:
        collect = schema.legs.c.step == SettlementStep.COLLECT
        idle = schema.intents.c.state == IntentState.COLLECTED
        legs = select(schema.legs).join(schema.intents).where(collect, idle).order_by(schema.legs.c.settlement_id)
        intents = select(schema.intents).where(idle)

        def work(connection: Connection) -> list[tuple[Leg, Intent]]:
            by_id = {row.intent_id: rows.intent_of(row) for row in connection.execute(intents)}
            found = [(rows.leg_of(row), by_id[row.intent_id]) for row in connection.execute(legs)]
            return [*found, *sales.to_sell(connection)]

        return await self._writer.read(work)

    async def record_order(self, order: SignedOrder, block: BlockOrder, *, neg_risk: bool, sent_us: int) -> None:
        values = rows.order_values(order, block, neg_risk=neg_risk, sent_us=sent_us)

        def work(connection: Connection) -> None:
            _add_order(connection, values, block)
            free = (IntentState.PENDING, IntentState.COLLECTED)
            _move(connection, [part.intent_id for part in block.parts], free, IntentState.ORDERED)

        await self._writer.run(work)

    async def record_second_try(
        self, first: OpenOrder, state: OrderState, order: SignedOrder, *, neg_risk: bool, sent_us: int
    ) -> None:
        values = rows.order_values(order, first.block, neg_risk=neg_risk, sent_us=sent_us, rest_of=first.order_hash)

        def work(connection: Connection) -> None:
            _end_order(connection, first.order_hash, state)
            _add_order(connection, values, first.block)

        await self._writer.run(work)

    async def latest_try(self, order_hash: OrderHash) -> OrderHash:
        query = select(schema.orders.c.order_hash).where(schema.orders.c.rest_of == order_hash)
        found = await self._writer.run(lambda c: c.execute(query).scalar())
        return order_hash if found is None else OrderHash(found)

    async def mark_sending(self, order_hash: OrderHash, *, sent_us: int) -> None:
        o = schema.orders.c
        statement = update(schema.orders).where(o.order_hash == order_hash, o.state.in_(OPEN)).values(sent_us=sent_us)
        await self._writer.run(lambda c: c.execute(statement))

    async def mark_acknowledged(self, order_hash: OrderHash, matched: Shares | None, *, acknowledged_us: int) -> None:
        o = schema.orders.c
        values: rows.Values = {
            "state": OrderState.ACCEPTED,
            "acknowledged_us": func.coalesce(o.acknowledged_us, acknowledged_us),
        }
        if matched is not None:
            values["matched"] = matched.units
        statement = update(schema.orders).where(o.order_hash == order_hash, o.state.in_(OPEN)).values(values)
        await self._writer.run(lambda c: c.execute(statement))

    async def knows_order(self, order_hash: OrderHash) -> bool:
        query = select(schema.orders.c.order_hash).where(schema.orders.c.order_hash == order_hash)
        return await self._writer.read(lambda c: c.execute(query).first()) is not None

    async def record_fill(self, fill: Fill, posting: Posting, *, heard_us: int) -> bool:
        def work(connection: Connection) -> bool:
            statement = upsert(schema.fills).values(rows.fill_values(fill, heard_us)).on_conflict_do_nothing()
            if connection.execute(statement).rowcount == 0:
                return False
            if not _is_open(connection, fill.order_hash) and not is_lost(connection, posting.posting_id):
                late.note(connection, fill.order_hash, fill.tx_hash)
            if not restore(connection, posting.posting_id):
                post(connection, [posting])
            return True

        return await self._writer.run(work)

    async def fills_not_final(self, last_block: int) -> list[BookedFill]:
        f = schema.fills.c
        query = select(schema.fills).where(schema.NOT_FINAL, f.block_number <= last_block).order_by(f.block_number)
        return await self._writer.read(lambda c: [rows.booked_fill_of(row) for row in c.execute(query)])

    async def mark_final(self, fills: Collection[BookedFill]) -> None:
        f = schema.fills.c
        this = (f.order_hash == bindparam("this_order")) & (f.tx_hash == bindparam("this_transaction"))
        these = [{"this_order": each.order_hash, "this_transaction": each.tx_hash} for each in fills]
        if these:
            await self._writer.run(lambda c: c.execute(update(schema.fills).where(this).values(final=True), these))

    async def late_fills(self) -> list[BookedFill]:
        return await self._writer.read(late.noted)

    async def allot_late(
        self, order_hash: OrderHash, tx_hash: TxHash, allot: Callable[[LateFill], Allotment], *, at_us: int
    ) -> Allotment | None:
        return await self._writer.run(lambda c: late.allot(c, order_hash, tx_hash, allot, at_us))

    async def reverse_fill(self, order_hash: OrderHash, tx_hash: TxHash) -> Reversal:
        return await self._writer.run(lambda c: reversals.reverse_fill(c, order_hash, tx_hash))

    async def open_order(self, order_hash: OrderHash) -> OpenOrder | None:
        found = await self._writer.read(lambda c: _open_orders(c, order_hash))
        return found[0] if found else None

    async def open_orders(self) -> list[OpenOrder]:
        return await self._writer.read(_open_orders)

    async def resting(self, now_us: int) -> list[tuple[OrderHash, Intent]]:
        o, p = schema.orders.c, schema.order_parts.c
        theirs = schema.orders.join(schema.order_parts, p.order_hash == o.order_hash).join(schema.intents)
        query = select(o.order_hash, schema.intents).select_from(theirs)
        resting = query.where(o.state.in_(OPEN), o.rests_until_us > now_us)
        return await self._writer.read(
            lambda c: [(OrderHash(row.order_hash), rows.intent_of(row)) for row in c.execute(resting)]
        )

    async def end_rest(self, order_hashes: Collection[OrderHash], at_us: int) -> None:
        o = schema.orders.c
        resting = o.order_hash.in_(list(order_hashes)) & (o.rests_until_us > at_us) & o.state.in_(OPEN)
        statement = update(schema.orders).where(resting).values(rests_until_us=at_us)
        await self._writer.run(lambda c: c.execute(statement))

    async def intents_of(self, order_hash: OrderHash) -> list[Intent]:
        p = schema.order_parts.c
        query = select(schema.intents).join(schema.order_parts).where(p.order_hash == order_hash).order_by(p.position)
        return await self._writer.read(lambda c: [rows.intent_of(row) for row in c.execute(query)])

    async def filled(self, *order_hashes: OrderHash) -> Filled:
        f, late_fill = schema.fills.c, schema.late_fills.c
        noted = (late_fill.order_hash == f.order_hash) & (late_fill.tx_hash == f.tx_hash)
        sums = select(func.sum(f.shares), func.sum(f.collateral), func.sum(f.fee))
        query = sums.where(f.order_hash.in_(order_hashes), ~exists().where(noted))
        row = await self._writer.read(lambda c: c.execute(query).one())
        shares, collateral, fee = (int(units or 0) for units in row)
        return Filled(shares=Shares(shares), collateral=Collateral(collateral), fee=Collateral(fee))

    async def fill_transactions(self, order_hash: OrderHash) -> frozenset[TxHash]:
        query = select(schema.fills.c.tx_hash).where(schema.fills.c.order_hash == order_hash)
        return await self._writer.read(lambda c: frozenset(TxHash(row.tx_hash) for row in c.execute(query)))

    async def finish_order(
        self,
        order_hash: OrderHash,
        *,
        state: OrderState,
        allocations: Sequence[Allocation],
        failures: Mapping[IntentId, Because],
        legs: Sequence[Leg],
        postings: Sequence[Posting],
        sale: DebtSale | None = None,
    ) -> list[Leg]:
        def work(connection: Connection) -> list[Leg]:
            _end_order(connection, order_hash, state)
            basis = lots.account(connection, allocations)
            if allocations:
                made = [_allocation(order_hash, each, basis.get(each.intent_id, 0)) for each in allocations]
                connection.execute(insert(schema.allocations), made)
            filled = [a.intent_id for a in allocations if a.intent_id not in failures]
            _move(connection, filled, IntentState.ORDERED, IntentState.FILLED)
            _fail(connection, failures, IntentState.ORDERED)
            _add_legs(connection, legs)
            post(connection, [under_standing_name(connection, each) for each in postings])
            if sale is None:
                return []
            if sale.shares:
                _move(connection, [sale.intent_id], IntentState.ORDERED, IntentState.SETTLED)
            return sales.conclude(connection, sale)

        return await self._writer.run(work)

    async def release_order(self, order_hash: OrderHash) -> bool:
        def work(connection: Connection) -> bool:
            if not _never_arrived(connection, order_hash):
                return False
            side = _end_order(connection, order_hash, OrderState.REJECTED)
            free = IntentState.PENDING if side is Side.BUY else IntentState.COLLECTED
            parts = select(schema.order_parts.c.intent_id).where(schema.order_parts.c.order_hash == order_hash)
            ids = [IntentId(row.intent_id) for row in connection.execute(parts)]
            _move(connection, ids, IntentState.ORDERED, free)
            return True

        return await self._writer.run(work)

    async def fail_intents(self, failures: Mapping[IntentId, Because]) -> None:
        await self._writer.run(lambda c: _fail(c, failures, IntentState.PENDING))

    async def return_collected(self, legs: Sequence[Leg], failures: Mapping[IntentId, Because]) -> None:
        def work(connection: Connection) -> None:
            _add_legs(connection, legs)
            _fail(connection, failures, IntentState.COLLECTED)
            sales.give_up(connection, list(failures))

        await self._writer.run(work)


def _open_orders(connection: Connection, order_hash: OrderHash | None = None) -> list[OpenOrder]:
    o = schema.orders.c
    query = select(schema.orders).where(o.state.in_(OPEN)).order_by(o.sent_us, o.order_hash)
    if order_hash is not None:
        query = query.where(o.order_hash == order_hash)
    return [_open_order(connection, row) for row in connection.execute(query).all()]


def _open_order(connection: Connection, row: Row[Any]) -> OpenOrder:
    order = rows.open_order_of(row, _parts(connection, row.order_hash))
    return replace(order, debt_id=sales.debt_sold_by(connection, order.order_hash))


def _parts(connection: Connection, order_hash: str) -> tuple[Part, ...]:
    p = schema.order_parts.c
    query = (
        select(schema.order_parts, schema.intents.c.follower)
        .join(schema.intents, schema.intents.c.intent_id == p.intent_id)
        .where(p.order_hash == order_hash)
        .order_by(p.position)
    )
    return tuple(rows.part_of(row) for row in connection.execute(query))


def _is_open(connection: Connection, order_hash: OrderHash) -> bool:
    o = schema.orders.c
    return connection.execute(select(o.state).where(o.order_hash == order_hash, o.state.in_(OPEN))).first() is not None


def _never_arrived(connection: Connection, order_hash: OrderHash) -> bool:
    """Tell whether nothing speaks of the order: it was never acknowledged, and no block has a fill of it.

    Of a second try it does not matter: its intents are not free, since they wait for what the first one filled.
    """
    o, f = schema.orders.c, schema.fills.c
    unheard = (o.state == OrderState.RECORDED) & o.acknowledged_us.is_(None) & o.matched.is_(None)
    unheard &= o.rest_of.is_(None)
    unfilled = ~select(f.order_hash).where(f.order_hash == order_hash).exists()
    query = select(o.order_hash).where(o.order_hash == order_hash, unheard, unfilled)
    return connection.execute(query).first() is not None


def _add_order(connection: Connection, values: rows.Values, block: BlockOrder) -> None:
    connection.execute(insert(schema.orders).values(values))
    parts = [rows.part_values(values["order_hash"], position, part) for position, part in enumerate(block.parts)]
    connection.execute(insert(schema.order_parts), parts)


def _end_order(connection: Connection, order_hash: OrderHash, state: OrderState) -> Side:
    """Move an open order to its end and return its side; ending it twice would settle it twice."""
    o = schema.orders.c
    side = connection.execute(select(o.side).where(o.order_hash == order_hash, o.state.in_(OPEN))).scalar()
    if side is None:
        raise InvariantBroken(f"order {order_hash} is not open, so it cannot become {state}")
    connection.execute(update(schema.orders).where(o.order_hash == order_hash).values(state=state))
    return Side(side)


def _allocation(order_hash: OrderHash, allocation: Allocation, basis: int) -> rows.Values:
    return {
        "intent_id": allocation.intent_id,
        "order_hash": order_hash,
        "shares": allocation.shares.units,
        "collateral": allocation.collateral.units,
        "fee": allocation.fee.units,
        "unsold": allocation.unsold.units,
        "basis": basis,
    }


def _add_legs(connection: Connection, legs: Sequence[Leg]) -> None:
    if legs:
        connection.execute(insert(schema.legs), [rows.leg_values(leg) for leg in legs])


def _move(
    connection: Connection,
    intents: Sequence[IntentId],
    before: IntentState | tuple[IntentState, ...],
    after: IntentState,
    why: Because | None = None,
) -> None:
    """Move intents from one state to the next; one that is in another state breaks the invariant and rolls back."""
    i = schema.intents.c
    states = (before,) if isinstance(before, IntentState) else before
    values = {"state": after, **(rows.because_values(why) if why else {})}
    these = i.intent_id.in_(intents) & i.state.in_(states)
    if others := set(intents).difference(connection.scalars(select(i.intent_id).where(these))):
        raise InvariantBroken(f"intent {min(others)} is not {' or '.join(states)}, so it cannot become {after}")
    connection.execute(update(schema.intents).where(these).values(values))


def _fail(connection: Connection, failures: Mapping[IntentId, Because], before: IntentState) -> None:
    for intent, why in failures.items():
        _move(connection, [intent], before, IntentState.FAILED, why)
