"""The durable side of the audit: what the database says at one moment, and who is suspended."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert as upsert

from remora.adapters.store import floats, schema
from remora.adapters.store.books import balances, post, verify
from remora.adapters.store.reversals import OPEN
from remora.adapters.store.settlements import blocks_since
from remora.adapters.store.writer import Writer
from remora.domain.audit import Cause, Difference, HeardFills, Standing, Suspension
from remora.domain.chain import BlockId
from remora.domain.errors import Malformed
from remora.domain.ids import Address, OrderHash, TxHash
from remora.domain.ledger import OPENINGS, Posting, opened_by, owner_of
from remora.domain.transaction import TxState

LAST = "\x7f"
"""After every character of an address."""


class SqliteAuditStore:
    """Implements AuditStore."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def standing(self) -> Standing:
        return await self._writer.read(_standing)

    async def verify_sums(self) -> int:
        return await self._writer.run(verify)

    async def heard_fills(self, wallet: Address) -> HeardFills | None:
        return await self._writer.read(lambda c: _heard_fills(c, wallet))

    async def blocks_since(self, mined_since_us: int, most: int) -> list[BlockId]:
        return await self._writer.read(lambda c: blocks_since(c, mined_since_us, most))

    async def book(self, found: Sequence[tuple[Difference, Posting]]) -> None:
        def work(connection: Connection) -> None:
            changed = _changed(connection, [row for row, _ in found])
            post(connection, [posting for row, posting in found if row.wallet not in changed])

        await self._writer.run(work)

    async def suspensions(self) -> list[Suspension]:
        s = schema.suspensions.c
        query = select(schema.suspensions).order_by(s.since_us, s.wallet)
        return await self._writer.read(
            lambda c: [
                Suspension(wallet=Address(row.wallet), why=row.why, since_us=row.since_us) for row in c.execute(query)
            ]
        )

    async def suspend(self, suspensions: Sequence[Suspension], seen: Sequence[Difference]) -> None:
        def work(connection: Connection) -> None:
            changed = _changed(connection, seen)
            for each in suspensions:
                if each.wallet not in changed:
                    row = {"wallet": each.wallet, "why": each.why, "since_us": each.since_us}
                    connection.execute(upsert(schema.suspensions).values(row).on_conflict_do_nothing())

        await self._writer.run(work)

    async def lift(self, wallet: Address, found: Sequence[tuple[Difference, Posting]], why: str) -> None:
        postings = [posting for _, posting in found]

        def work(connection: Connection) -> None:
            lifted = connection.execute(delete(schema.suspensions).where(schema.suspensions.c.wallet == wallet))
            if not postings and lifted.rowcount == 0:
                raise Malformed(f"expected a wallet that differs or is suspended, found {wallet}: remora reconcile")
            if _changed(connection, [row for row, _ in found]):
                raise Malformed(f"expected the books of {wallet} as they were seen, found them changed: try again")
            post(connection, postings)
            for posting in postings:
                row = {"posting_id": posting.posting_id, "why": why}
                connection.execute(upsert(schema.adjustments).values(row).on_conflict_do_nothing())

        await self._writer.run(work)


def _changed(connection: Connection, seen: Sequence[Difference]) -> set[Address]:
    """Return the wallets whose books are not as the differences say."""
    now: Counter[tuple[str | None, str]] = Counter()
    for (account, asset), units in balances(connection).items():
        now[owner_of(account), asset] += units
    return {
        row.wallet for row in seen if row.cause is not Cause.STRANGE_ORDER and now[row.wallet, row.asset] != row.booked
    }


def _heard_fills(connection: Connection, wallet: Address) -> HeardFills | None:
    cursor: int | None = connection.execute(select(schema.cursor.c.block_number)).scalar()
    if cursor is None:
        return None
    f, o = schema.fills.c, schema.orders.c
    query = select(f.tx_hash, f.block_number).join(schema.orders, o.order_hash == f.order_hash)
    found = connection.execute(query.where(o.wallet == wallet, schema.NOT_FINAL)).all()
    return HeardFills(
        cursor=cursor,
        first=min([cursor + 1, *(row.block_number for row in found)]),
        transactions=frozenset(TxHash(row.tx_hash) for row in found),
    )


def _standing(connection: Connection) -> Standing:
    orders, moving = defaultdict(set), defaultdict(list)
    for row in connection.execute(select(schema.orders).where(schema.orders.c.state.in_(OPEN))):
        orders[Address(row.wallet)].add(OrderHash(row.order_hash))
        moving[Address(row.wallet)].append(f"order {row.order_hash}")
    t, leg = schema.transactions.c, schema.legs.c
    for row in connection.execute(select(schema.transactions).where(t.state == TxState.RECORDED)):
        moving[Address(row.wallet)].append(f"{row.purpose} transaction {row.tx_hash}")
    for transfer, tx_hash in floats.in_flight(connection):
        moving[transfer.wallet].append(f"{transfer.kind} of {transfer.amount} in transaction {tx_hash}")
    # Also of legs that a block settled which a reorg took out: their transaction is to be mined again.
    carried = select(leg.follower, leg.step, leg.tx_hash).join_from(schema.legs, schema.transactions)
    for row in connection.execute(carried.where(t.state == TxState.RECORDED)):
        moving[Address(row.follower)].append(f"{row.step} transaction {row.tx_hash}")
    posting = schema.postings.c.posting_id
    openings = select(posting).where(posting > OPENINGS, posting < OPENINGS + LAST)
    return Standing(
        balances=balances(connection),
        opened=frozenset(opened_by(row.posting_id) for row in connection.execute(openings)),
        orders={wallet: frozenset(found) for wallet, found in orders.items()},
        moving=dict(moving),
    )
