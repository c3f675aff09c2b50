"""The durable side of settlement and recovery: transactions before they are broadcast, legs, debts, books."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from remora.adapters.store import rows, schema
from remora.adapters.store.books import balances, post
from remora.adapters.store.writer import Writer
from remora.domain.errors import InvariantBroken
from remora.domain.ids import Address, TxHash
from remora.domain.ledger import Posting
from remora.domain.order import Leg, LegState, SettlementStep
from remora.domain.records import Debt, LegEffect, SentTransaction
from remora.domain.transaction import Transaction, TxState


class SqliteSettlementStore:
    """Implements SettlementStore."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def pending_legs(self) -> list[Leg]:
        query = (
            select(schema.legs)
            .where(schema.legs.c.state == LegState.PENDING)
            .order_by(schema.legs.c.wallet, schema.legs.c.settlement_id)
        )
        return await self._writer.run(lambda c: [rows.leg_of(row) for row in c.execute(query)])

    async def unsettled(self) -> int:
        moving = schema.legs.c.state.in_([LegState.PENDING, LegState.SENT])
        query = select(func.count()).select_from(schema.legs).where(moving)
        return int(await self._writer.run(lambda c: c.execute(query).scalar_one()))

    async def owed_proceeds(self) -> list[Leg]:
        column = schema.legs.c
        owed = (column.step == SettlementStep.REMIT) & (column.state != LegState.SETTLED)
        query = select(schema.legs).where(owed)
        return await self._writer.run(lambda c: [rows.leg_of(row) for row in c.execute(query)])

    async def recorded_nonces(self, wallet: Address) -> frozenset[int]:
        t = schema.transactions.c
        query = select(t.nonce).where(t.wallet == wallet, t.state == TxState.RECORDED)
        return await self._writer.run(lambda c: frozenset(row.nonce for row in c.execute(query)))

    async def record_transaction(
        self, transaction: Transaction, tx_hash: TxHash, *, purpose: str, legs: Sequence[Leg], sent_us: int
    ) -> None:
        values = rows.transaction_values(transaction, tx_hash, purpose, sent_us)

        def work(connection: Connection) -> None:
            connection.execute(insert(schema.transactions).values(values))
            for leg in legs:
                _send(connection, leg, tx_hash)

        await self._writer.run(work)

    async def unmined(self) -> list[SentTransaction]:
        t = schema.transactions.c
        query = select(schema.transactions).where(t.state == TxState.RECORDED).order_by(t.wallet, t.nonce)

        def work(connection: Connection) -> list[SentTransaction]:
            return [
                SentTransaction(
                    transaction=rows.transaction_of(row),
                    tx_hash=TxHash(row.tx_hash),
                    purpose=row.purpose,
                    legs=_legs_in(connection, row.tx_hash),
                )
                for row in connection.execute(query).all()
            ]

        return await self._writer.run(work)

    async def discard_transaction(self, tx_hash: TxHash) -> None:
        t, leg = schema.transactions.c, schema.legs.c

        def work(connection: Connection) -> None:
            freed = update(schema.legs).where(leg.tx_hash == tx_hash, leg.state == LegState.SENT)
            connection.execute(freed.values(state=LegState.PENDING, tx_hash=None))
            connection.execute(delete(schema.transactions).where(t.tx_hash == tx_hash, t.state == TxState.RECORDED))

        await self._writer.run(work)

    async def record_mined(
        self, tx_hash: TxHash, *, state: TxState, effects: Sequence[LegEffect], mined_us: int
    ) -> None:
        t, leg = schema.transactions.c, schema.legs.c

        def work(connection: Connection) -> None:
            ended = update(schema.transactions).where(t.tx_hash == tx_hash, t.state == TxState.RECORDED)
            if connection.execute(ended.values(state=state, mined_us=mined_us)).rowcount == 0:
                return
            for effect in effects:
                _apply(connection, effect, mined_us)
            untouched = update(schema.legs).where(leg.tx_hash == tx_hash, leg.state == LegState.SENT)
            connection.execute(untouched.values(state=LegState.PENDING))

        await self._writer.run(work)

    async def open_debts(self) -> list[Debt]:
        d = schema.debts.c
        query = (
            select(schema.legs, d.side, d.due, d.failure)
            .join(schema.debts, d.settlement_id == schema.legs.c.settlement_id)
            .where(d.recovered_us.is_(None))
            .order_by(d.opened_us, d.settlement_id)
        )
        return await self._writer.run(lambda c: [rows.debt_of(row) for row in c.execute(query)])

    async def post(self, postings: Sequence[Posting]) -> None:
        await self._writer.run(lambda c: post(c, postings))

    async def ledger_balances(self) -> Mapping[tuple[str, str], int]:
        return await self._writer.run(balances)


def _send(connection: Connection, leg: Leg, tx_hash: TxHash) -> None:
    """Put a leg into a transaction; one that is settled or in another transaction must not be sent again."""
    column = schema.legs.c
    statement = update(schema.legs).where(
        column.settlement_id == leg.settlement_id, column.state.in_([LegState.PENDING, LegState.FAILED])
    )
    if connection.execute(statement.values(state=LegState.SENT, tx_hash=tx_hash)).rowcount != 1:
        raise InvariantBroken(f"leg {leg.settlement_id} is settled or on its way, so it cannot be sent")


def _legs_in(connection: Connection, tx_hash: str) -> tuple[Leg, ...]:
    column = schema.legs.c
    query = (
        select(schema.legs)
        .where(column.tx_hash == tx_hash, column.state == LegState.SENT)
        .order_by(column.settlement_id)
    )
    return tuple(rows.leg_of(row) for row in connection.execute(query))


def _apply(connection: Connection, effect: LegEffect, mined_us: int) -> None:
    leg = update(schema.legs).where(schema.legs.c.settlement_id == effect.settlement_id)
    settled_us = mined_us if effect.leg_state is LegState.SETTLED else None
    connection.execute(leg.values(state=effect.leg_state, settled_us=settled_us))
    if effect.posting:
        post(connection, [effect.posting])
    _move_intent(connection, effect)
    d = schema.debts.c
    if effect.debt:
        opened = upsert(schema.debts).values(
            settlement_id=effect.settlement_id,
            side=effect.debt.side,
            due=effect.debt.due.units,
            failure=effect.debt.failure.name,
            opened_us=mined_us,
        )
        connection.execute(opened.on_conflict_do_nothing())
    elif effect.leg_state is LegState.SETTLED:
        paid = update(schema.debts).where(d.settlement_id == effect.settlement_id, d.recovered_us.is_(None))
        connection.execute(paid.values(recovered_us=mined_us))


def _move_intent(connection: Connection, effect: LegEffect) -> None:
    if effect.intent_state is None:
        return
    values: rows.Values = {"state": effect.intent_state}
    if effect.because:
        values |= rows.because_values(effect.because)
    owner = select(schema.legs.c.intent_id).where(schema.legs.c.settlement_id == effect.settlement_id)
    intent = update(schema.intents).where(schema.intents.c.intent_id == owner.scalar_subquery())
    connection.execute(intent.values(values))
