"""The rows of rebalancing: float on its way, beside the transaction that carries it, and what a person asked for.

A transfer has no state of its own: it is in flight while its transaction has no end, and booked with that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import CompoundSelect, Connection, Select, delete, func, insert, select, union
from sqlalchemy.dialects.sqlite import insert as upsert

from remora.adapters.store import schema
from remora.adapters.store.books import post, restore, reverse
from remora.adapters.store.reversals import OPEN
from remora.adapters.store.writer import Writer
from remora.domain.floats import (
    BookedFloat,
    FloatBounds,
    FloatRequest,
    FloatTransfer,
    TransferKind,
    transfer_id,
)
from remora.domain.ids import Address, TxHash
from remora.domain.ledger import COLLATERAL, OPENINGS, operator_account
from remora.domain.money import Collateral
from remora.domain.order import LegState, SettlementStep
from remora.domain.transaction import TxState

_f = schema.float_transfers.c
_r = schema.float_request.c
_t = schema.transactions.c
_leg = schema.legs.c


class SqliteFloatStore:
    """Implements FloatStore."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def floats(self, wallets: Sequence[Address]) -> list[BookedFloat]:
        return await self._writer.read(lambda c: _floats(c, wallets))

    async def in_flight(self) -> list[FloatTransfer]:
        return await self._writer.read(lambda c: [transfer for transfer, _ in in_flight(c)])

    async def ask(self, request: FloatRequest) -> None:
        bounds = request.bounds
        values = {
            "floor": bounds.floor.units,
            "target": bounds.target.units,
            "ceiling": bounds.ceiling.units,
            "asked_us": request.asked_us,
        }
        statement = upsert(schema.float_request).values(singleton=1, **values)
        statement = statement.on_conflict_do_update(index_elements=["singleton"], set_=values)
        await self._writer.run(lambda c: c.execute(statement))

    async def request(self) -> FloatRequest | None:
        row = await self._writer.read(lambda c: c.execute(select(schema.float_request)).one_or_none())
        if row is None:
            return None
        floor, target, ceiling = (Collateral(units) for units in (row.floor, row.target, row.ceiling))
        return FloatRequest(bounds=FloatBounds(floor=floor, target=target, ceiling=ceiling), asked_us=row.asked_us)

    async def answered(self, request: FloatRequest) -> None:
        await self._writer.run(lambda c: c.execute(delete(schema.float_request).where(_r.asked_us == request.asked_us)))


def record(connection: Connection, tx_hash: TxHash, transfer: FloatTransfer) -> None:
    """Store what a transaction transfers, with the transaction."""
    values = {"wallet": transfer.wallet, "kind": transfer.kind, "amount": transfer.amount.units}
    connection.execute(insert(schema.float_transfers).values(tx_hash=tx_hash, **values))


def in_flight(connection: Connection) -> list[tuple[FloatTransfer, TxHash]]:
    """Return the transfers whose end is not known yet, each with the first transaction of its account nonce."""
    carried = select(schema.float_transfers).join(schema.transactions).where(_t.state == TxState.RECORDED)
    rows = connection.execute(carried.order_by(_t.wallet, _t.nonce))
    return [(_transfer(row.wallet, row.kind, row.amount), TxHash(row.tx_hash)) for row in rows]


def book(connection: Connection, hashes: Collection[str], *, moved: bool) -> None:
    """Post what an account nonce transferred; `hashes` are all its transactions, one of which is in a block.

    `moved` tells whether it transferred. If another block had said so before a reorg, that is taken back.
    """
    sender = _t.wallet.label("sender")
    query = select(_f.wallet, _f.kind, _f.amount, sender, _t.nonce).join_from(
        schema.float_transfers, schema.transactions
    )
    for row in connection.execute(query.where(_f.tx_hash.in_(hashes))).all():
        transfer = _transfer(row.wallet, row.kind, row.amount)
        posting = transfer.posting(Address(row.sender), row.nonce)
        if not moved:
            reverse(connection, posting.posting_id, {})
        elif not restore(connection, posting.posting_id):
            post(connection, [posting])


def forget(connection: Connection, hashes: Collection[str]) -> bool:
    """Forget what transactions would have transferred; False when it is booked, because a block had one of them."""
    query = select(_t.wallet, _t.nonce).join_from(schema.float_transfers, schema.transactions)
    for row in connection.execute(query.where(_f.tx_hash.in_(hashes))).all():
        p = schema.postings.c.posting_id
        if connection.execute(select(p).where(p == transfer_id(Address(row.wallet), row.nonce))).first():
            return False
    connection.execute(delete(schema.float_transfers).where(_f.tx_hash.in_(hashes)))
    return True


def _transfer(wallet: str, kind: str, amount: int) -> FloatTransfer:
    return FloatTransfer(wallet=Address(wallet), kind=TransferKind(kind), amount=Collateral(amount))


def _floats(connection: Connection, wallets: Sequence[Address]) -> list[BookedFloat]:
    p = schema.postings.c.posting_id
    known = _among(connection, select(p).where(p.in_([f"{OPENINGS}{wallet}" for wallet in wallets])))
    booked, owed, moving = _booked(connection, wallets), _owed(connection), _moving(connection)
    return [
        BookedFloat(
            wallet=wallet,
            booked=Collateral(booked.get(operator_account(wallet), 0)),
            owed=Collateral(owed.get(wallet, 0)),
            moving=wallet in moving,
        )
        for wallet in wallets
        if f"{OPENINGS}{wallet}" in known
    ]


def _booked(connection: Connection, wallets: Iterable[Address]) -> dict[str, int]:
    e = schema.entries.c
    accounts = [operator_account(wallet) for wallet in wallets]
    query = select(e.account, func.sum(e.units)).where(e.account.in_(accounts), e.asset == COLLATERAL)
    return _sums(connection, query.group_by(e.account))


def _owed(connection: Connection) -> dict[str, int]:
    """Return the proceeds that wallets have and owe, as SettlementStore.owed_proceeds names them."""
    owed = (_leg.step == SettlementStep.REMIT) & _leg.state.not_in([LegState.SETTLED, LegState.SPLIT, LegState.DROPPED])
    query = select(_leg.wallet, func.sum(_leg.collateral)).where(owed).group_by(_leg.wallet)
    return _sums(connection, query)


def _moving(connection: Connection) -> set[str]:
    """Return the wallets of which an order, leg or transaction has no end, and those that float is on its way to.

    What a late fill brought has no end before it is allotted.
    """
    o, late = schema.orders.c, schema.late_fills.c
    return _among(
        connection,
        union(
            select(o.wallet).where(o.state.in_(OPEN)),
            select(o.wallet).join(schema.late_fills, late.order_hash == o.order_hash),
            select(_leg.wallet).where(_leg.state.in_([LegState.PENDING, LegState.SENT])),
            select(_t.wallet).where(_t.state == TxState.RECORDED),
            select(_f.wallet)
            .join_from(schema.float_transfers, schema.transactions)
            .where(_t.state == TxState.RECORDED),
        ),
    )


def _sums(connection: Connection, query: Select[Any]) -> dict[str, int]:
    return {str(row[0]): int(row[1]) for row in connection.execute(query)}


def _among(connection: Connection, query: Select[Any] | CompoundSelect[Any]) -> set[str]:
    return set(connection.scalars(query))
