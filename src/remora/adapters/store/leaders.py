"""The registry of leaders, and what each of them did."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, delete, func, insert, select, update

from remora.adapters.store import schema
from remora.adapters.store.writer import Writer
from remora.domain.errors import Malformed
from remora.domain.ids import Address
from remora.domain.money import Collateral
from remora.domain.parties import Leader, LeaderStats
from remora.domain.signal import Role, Side, SignalKind, Source


class SqliteLeaderStore:
    """Implements LeaderStore."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def leaders(self) -> list[Leader]:
        query = select(schema.leaders).order_by(schema.leaders.c.added_us, schema.leaders.c.wallet)
        return await self._writer.read(
            lambda c: [Leader(wallet=Address(row.wallet), label=row.label) for row in c.execute(query)]
        )

    async def add_leader(self, leader: Leader, *, added_us: int) -> bool:
        values = {"wallet": leader.wallet, "label": leader.label, "added_us": added_us}

        def work(connection: Connection) -> bool:
            known = schema.leaders.c.wallet == leader.wallet
            if connection.execute(select(schema.leaders).where(known)).first():
                return False
            _refuse_taken(connection, leader)
            connection.execute(insert(schema.leaders), values)
            return True

        return await self._writer.run(work)

    async def label_leader(self, leader: Leader) -> bool:
        statement = update(schema.leaders).where(schema.leaders.c.wallet == leader.wallet).values(label=leader.label)

        def work(connection: Connection) -> bool:
            _refuse_taken(connection, leader)
            return connection.execute(statement).rowcount > 0

        return await self._writer.run(work)

    async def remove_leader(self, wallet: Address) -> bool:
        statement = delete(schema.leaders).where(schema.leaders.c.wallet == wallet)
        return await self._writer.run(lambda c: c.execute(statement).rowcount > 0)

    async def heard_leaders(self) -> frozenset[Address]:
        query = select(schema.signals.c.leader).distinct()
        return await self._writer.read(lambda c: frozenset(Address(row.leader) for row in c.execute(query)))

    async def leader_stats(self) -> list[LeaderStats]:
        return await self._writer.read(_stats)


def _refuse_taken(connection: Connection, leader: Leader) -> None:
    """Raise Malformed for a label that somebody else has: it must name one."""
    other = (schema.leaders.c.label == leader.label) & (schema.leaders.c.wallet != leader.wallet)
    if taken := connection.execute(select(schema.leaders).where(other)).first():
        raise Malformed(f"expected a label that no leader has, found {leader.label!r}: it is {taken.wallet}'s")


def _stats(connection: Connection) -> list[LeaderStats]:
    s = schema.signals.c
    late, exits = _late(connection), _exits(connection)
    traded = s.kind == SignalKind.TRADE
    query = select(
        s.leader,
        func.count().filter(traded, s.side == Side.BUY).label("buys"),
        func.count().filter(traded, s.side == Side.SELL).label("sells"),
        func.count().filter(traded, s.role == Role.MAKER).label("as_maker"),
        func.count().filter(traded, s.role == Role.TAKER).label("as_taker"),
        func.sum(s.collateral).label("collateral"),
    )
    query = query.where(s.source != Source.OPERATOR).group_by(s.leader)
    return [
        LeaderStats(
            wallet=Address(row.leader),
            buys=row.buys,
            sells=row.sells,
            as_maker=row.as_maker,
            as_taker=row.as_taker,
            collateral=Collateral(row.collateral),
            exits=exits[row.leader],
            late_us=late[row.leader],
        )
        for row in connection.execute(query.order_by(s.leader))
    ]


def _exits(connection: Connection) -> Mapping[str, Mapping[SignalKind, int]]:
    """Count the exits of each leader that are no trades, by kind."""
    s = schema.signals.c
    exits: defaultdict[str, dict[SignalKind, int]] = defaultdict(dict)
    query = select(s.leader, s.kind, func.count().label("exits")).where(s.kind != SignalKind.TRADE)
    for row in connection.execute(query.group_by(s.leader, s.kind).order_by(s.kind)):
        exits[row.leader][SignalKind(row.kind)] = row.exits
    return exits


def _late(connection: Connection) -> Mapping[str, Mapping[str, Sequence[int]]]:
    s = schema.signals.c
    late: defaultdict[str, defaultdict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    query = select(s.leader, s.source, (s.heard_us - s.block_us).label("late_us")).where(s.block_us.is_not(None))
    for row in connection.execute(query):
        late[row.leader][row.source].append(row.late_us)
    return late
