"""The durable side of settlement: transactions before they are broadcast, what they settle, and the books."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select, update

from remora.adapters.store import floats, outcomes, rows, schema
from remora.adapters.store.books import balances, post
from remora.adapters.store.writer import Writer
from remora.domain.chain import BlockId
from remora.domain.errors import InvariantBroken
from remora.domain.floats import FloatTransfer
from remora.domain.ids import Address, SettlementId, TxHash
from remora.domain.ledger import Posting, gas
from remora.domain.money import ZERO_WEI, Wei
from remora.domain.order import Leg, LegState, SettlementStep
from remora.domain.records import LegEffect, SentTransaction
from remora.domain.transaction import Transaction, TxState

TOLD_AGAIN = (LegState.SENT, LegState.SETTLED, LegState.FAILED, LegState.DROPPED)
"""States of legs that the block of their transaction tells something of: for the first time, or after a reorg."""


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
        return await self._writer.read(lambda c: [rows.leg_of(row) for row in c.execute(query)])

    async def unsettled(self) -> int:
        moving = schema.legs.c.state.in_([LegState.PENDING, LegState.SENT])
        query = select(func.count()).select_from(schema.legs).where(moving)
        return int(await self._writer.read(lambda c: c.execute(query).scalar_one()))

    async def owed_proceeds(self) -> list[Leg]:
        column = schema.legs.c
        owed = (column.step == SettlementStep.REMIT) & (column.state != LegState.SETTLED)
        query = select(schema.legs).where(owed)
        return await self._writer.read(lambda c: [rows.leg_of(row) for row in c.execute(query)])

    async def reservations(self, wallet: Address) -> Mapping[int, Wei]:
        t = schema.transactions.c
        query = select(schema.transactions).where(t.wallet == wallet, t.state == TxState.RECORDED).order_by(t.attempt)
        return await self._writer.read(
            lambda c: {row.nonce: rows.transaction_of(row).bound for row in c.execute(query)}
        )

    async def record_transaction(
        self,
        transaction: Transaction,
        tx_hash: TxHash,
        *,
        purpose: str,
        legs: Sequence[Leg],
        sent_us: int,
        transfer: FloatTransfer | None = None,
    ) -> None:
        values = rows.transaction_values(transaction, tx_hash, purpose, sent_us)

        def work(connection: Connection) -> None:
            connection.execute(insert(schema.transactions).values(values))
            if legs:
                _send(connection, legs, tx_hash)
            if transfer is not None:
                floats.record(connection, tx_hash, transfer)

        await self._writer.run(work)

    async def record_replacement(self, transaction: Transaction, tx_hash: TxHash, *, sent_us: int) -> None:
        t = schema.transactions.c
        same = (t.wallet == transaction.wallet) & (t.nonce == transaction.nonce) & (t.state == TxState.RECORDED)
        latest = select(schema.transactions).where(same).order_by(t.attempt.desc()).limit(1)

        def work(connection: Connection) -> None:
            row = connection.execute(latest).one_or_none()
            if row is None:
                raise InvariantBroken(f"account nonce {transaction.nonce} of {transaction.wallet} has its end")
            values = rows.transaction_values(transaction, tx_hash, row.purpose, sent_us)
            connection.execute(insert(schema.transactions).values({**values, "attempt": row.attempt + 1}))

        await self._writer.run(work)

    async def unmined(self) -> list[SentTransaction]:
        t = schema.transactions.c
        query = select(schema.transactions).where(t.state == TxState.RECORDED).order_by(t.wallet, t.nonce, t.attempt)

        def work(connection: Connection) -> list[SentTransaction]:
            found = connection.execute(query).all()
            return [_sent(connection, list(same)) for _, same in groupby(found, lambda row: (row.wallet, row.nonce))]

        return await self._writer.read(work)

    async def discard_transaction(self, tx_hash: TxHash) -> None:
        t, leg = schema.transactions.c, schema.legs.c

        def work(connection: Connection) -> None:
            hashes = _hashes_beside(connection, tx_hash)
            freed = update(schema.legs).where(leg.tx_hash.in_(hashes), leg.state == LegState.SENT)
            connection.execute(freed.values(state=LegState.PENDING, tx_hash=None))
            # What a block had before a reorg is what the books rest on: it stays.
            rests = select(leg.tx_hash).where(leg.tx_hash.in_(hashes))
            if connection.execute(rests).first() is None and floats.forget(connection, hashes):
                refused = t.tx_hash.in_(hashes) & (t.state == TxState.RECORDED)
                connection.execute(delete(schema.transactions).where(refused))

        await self._writer.run(work)

    async def record_mined(
        self,
        tx_hash: TxHash,
        *,
        state: TxState,
        effects: Sequence[LegEffect],
        mined_us: int,
        block: BlockId | None = None,
        gas_used: int | None = None,
        cost: Wei = ZERO_WEI,
    ) -> frozenset[SettlementId]:
        t, leg = schema.transactions.c, schema.legs.c
        end = {"mined_us": mined_us, "block_number": block and block.number, "block_hash": block and block.hash}

        def work(connection: Connection) -> frozenset[SettlementId]:
            hashes = _hashes_beside(connection, tx_hash)
            ended = update(schema.transactions).where(t.tx_hash == tx_hash, t.state == TxState.RECORDED)
            if connection.execute(ended.values(state=state, **end, gas_used=gas_used)).rowcount == 0:
                return frozenset()
            others = update(schema.transactions).where(t.tx_hash.in_(hashes), t.state == TxState.RECORDED)
            connection.execute(others.values(state=TxState.REPLACED, **end))
            connection.execute(update(schema.legs).where(leg.tx_hash.in_(hashes)).values(tx_hash=tx_hash))
            floats.book(connection, hashes, moved=state is TxState.MINED)
            if cost:
                post(connection, [_gas(connection, tx_hash, cost)])
            changed = outcomes.apply(connection, effects, mined_us)
            outcomes.unsettle(connection, hashes, {effect.settlement_id for effect in effects})
            untouched = update(schema.legs).where(leg.tx_hash == tx_hash, leg.state == LegState.SENT)
            connection.execute(untouched.values(state=LegState.PENDING))
            return changed

        return await self._writer.run(work)

    async def reopen_transactions(self, wallet: Address, first_nonce: int, *, mined_since_us: int) -> int:
        t = schema.transactions.c
        return await self._reopen((t.wallet == wallet) & (t.nonce >= first_nonce) & (t.mined_us >= mined_since_us))

    async def blocks_since(self, mined_since_us: int, most: int) -> list[BlockId]:
        return await self._writer.read(lambda c: blocks_since(c, mined_since_us, most))

    async def reopen_blocks(self, blocks: Collection[BlockId]) -> int:
        return await self._reopen(schema.transactions.c.block_hash.in_([block.hash for block in blocks]))

    async def _reopen(self, which: ColumnElement[bool]) -> int:
        nonces = schema.transactions.c.wallet, schema.transactions.c.nonce
        unknown = {"state": TxState.RECORDED, "mined_us": None, "block_number": None, "block_hash": None}
        statement = update(schema.transactions).where(which).values(**unknown, gas_used=None).returning(*nonces)
        return await self._writer.run(lambda c: len(set(c.execute(statement).all())))

    async def post(self, postings: Sequence[Posting]) -> None:
        await self._writer.run(lambda c: post(c, postings))

    async def ledger_balances(self) -> Mapping[tuple[str, str], int]:
        return await self._writer.read(balances)


def _gas(connection: Connection, tx_hash: TxHash, cost: Wei) -> Posting:
    t = schema.transactions.c
    row = connection.execute(select(t.wallet, t.nonce).where(t.tx_hash == tx_hash)).one()
    return gas(Address(row.wallet), row.nonce, cost)


def _send(connection: Connection, legs: Sequence[Leg], tx_hash: TxHash) -> None:
    """Put legs into a transaction; one that is settled, in another transaction or cut since must not be sent."""
    column, wanted = schema.legs.c, {leg.settlement_id: leg for leg in legs}
    free = column.settlement_id.in_(wanted) & column.state.in_([LegState.PENDING, LegState.FAILED])
    stored = {row.settlement_id: rows.leg_of(row) for row in connection.execute(select(schema.legs).where(free))}
    if taken := sorted(leg_id for leg_id, leg in wanted.items() if stored.get(leg_id) != leg):
        raise InvariantBroken(f"leg {', '.join(taken)} is settled, on its way or changed, so it cannot be sent")
    connection.execute(update(schema.legs).where(free).values(state=LegState.SENT, tx_hash=tx_hash))


def _hashes_beside(connection: Connection, tx_hash: TxHash) -> list[str]:
    """Return the hashes of all transactions that have the account nonce of a known one, and its own."""
    t, its = schema.transactions.c, schema.transactions.alias().c
    beside = (t.wallet == its.wallet) & (t.nonce == its.nonce)
    return [row.tx_hash for row in connection.execute(select(t.tx_hash).where(its.tx_hash == tx_hash, beside))]


def _sent(connection: Connection, attempts: Sequence[Row[Any]]) -> SentTransaction:
    """Return what the rows of one account nonce, the first attempt first, say."""
    *earlier, latest = attempts
    return SentTransaction(
        transaction=rows.transaction_of(latest),
        tx_hash=TxHash(latest.tx_hash),
        purpose=latest.purpose,
        legs=_legs_in(connection, [row.tx_hash for row in attempts]),
        earlier=tuple(rows.transaction_of(row) for row in earlier),
    )


def _legs_in(connection: Connection, hashes: Sequence[str]) -> tuple[Leg, ...]:
    column = schema.legs.c
    query = (
        select(schema.legs)
        .where(column.tx_hash.in_(hashes), column.state.in_(TOLD_AGAIN))
        .order_by(column.settlement_id)
    )
    return tuple(rows.leg_of(row) for row in connection.execute(query))


def blocks_since(connection: Connection, mined_since_us: int, most: int) -> list[BlockId]:
    """Return the last blocks that ended transactions of ours since a time, the highest first."""
    t = schema.transactions.c
    ended = select(t.block_number, t.block_hash).where(t.mined_us >= mined_since_us, t.block_hash.is_not(None))
    query = ended.distinct().order_by(t.block_number.desc()).limit(most)
    return [BlockId(row.block_number, row.block_hash) for row in connection.execute(query)]
