"""Stories: what became of signals for a follower, gathered from all that was stored on the way.

Cold-path queries, one per table and not one per signal; they may run beside a supervisor.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, Select, func, select, union

from remora.adapters.store import rows, schema
from remora.adapters.store.writer import Writer
from remora.domain.ids import Address, OrderHash, PolicyId, SignalId, TokenId, TxHash
from remora.domain.money import Collateral, Price, Shares
from remora.domain.order import IntentState, LegFailure, LegState, OrderState
from remora.domain.reasons import Because, Reason
from remora.domain.records import DebtSide
from remora.domain.signal import Role, Side, Signal, SignalKind, SignalState, Source
from remora.domain.stories import DebtTold, Got, Heard, LegTold, OrderFill, OrderTold, OwnPart, Story

T = TypeVar("T")


class SqliteStories:
    """Reads stories, and what they leave open about a transaction."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def since(self, follower: Address, heard_since_us: int) -> list[Story]:
        """Tell of all signals that were heard since then, of leaders for whom the follower ever had a policy."""
        leaders = select(schema.signals.c.leader).where(schema.signals.c.signal_id.in_(_decided(follower)))
        chosen = schema.signals.c.leader.in_(leaders) & (schema.signals.c.heard_us >= heard_since_us)
        return await self._writer.read(lambda c: _stories(c, follower, chosen))

    async def of_signal(self, follower: Address, beginning: str) -> list[Story]:
        """Tell of the signals whose ids begin so."""
        chosen = schema.signals.c.signal_id.startswith(beginning, autoescape=True)
        return await self._writer.read(lambda c: _stories(c, follower, chosen))

    async def of_transaction(self, follower: Address, tx_hash: TxHash) -> list[Story]:
        """Tell of the signals of a transaction."""
        return await self._writer.read(lambda c: _stories(c, follower, schema.signals.c.tx_hash == tx_hash))

    async def knows(self, follower: Address) -> bool:
        """Tell whether anything was ever decided for the follower."""
        query = _decided(follower).limit(1)
        return await self._writer.read(lambda c: c.execute(query).first() is not None)

    async def own_part(self, tx_hash: TxHash) -> OwnPart:
        """Tell what we did ourselves in a transaction."""
        return await self._writer.read(lambda c: _own_part(c, tx_hash))

    async def own_wallets(self) -> frozenset[Address]:
        """Tell the wallets that ever ordered or sent anything for us."""
        query = union(select(schema.orders.c.wallet), select(schema.transactions.c.wallet))
        return await self._writer.read(lambda c: frozenset(Address(row.wallet) for row in c.execute(query)))

    async def added_us(self) -> Mapping[Address, int]:
        """Tell since when each leader of the registry is in it."""
        query = select(schema.leaders.c.wallet, schema.leaders.c.added_us)
        return await self._writer.read(lambda c: {Address(row.wallet): row.added_us for row in c.execute(query)})


def _decided(follower: Address) -> Any:
    i, d = schema.intents.c, schema.denials.c
    return union(select(i.signal_id).where(i.follower == follower), select(d.signal_id).where(d.follower == follower))


def _stories(connection: Connection, follower: Address, chosen: ColumnElement[bool]) -> list[Story]:
    ids = select(schema.signals.c.signal_id).where(chosen)
    own = schema.intents.c.follower == follower
    intents = select(schema.intents).where(own, schema.intents.c.signal_id.in_(ids))
    intent_ids = intents.with_only_columns(schema.intents.c.intent_id)
    d = schema.denials.c
    denials = select(schema.denials).where(d.follower == follower, d.signal_id.in_(ids))
    told = _Told(connection, intent_ids)
    decisions: defaultdict[str, list[Story]] = defaultdict(list)
    heard = {row.signal_id: _heard(row) for row in connection.execute(_in_order(chosen))}
    for row in connection.execute(intents.order_by(schema.intents.c.policy_id)):
        decisions[row.signal_id].append(told.copy(heard[row.signal_id], row))
    for row in connection.execute(denials.order_by(d.policy_id)):
        because = _because(row)
        denied = Story(heard=heard[row.signal_id], policy_id=PolicyId(row.policy_id), because=because)
        decisions[row.signal_id].append(denied)
    return [
        story
        for signal, each in heard.items()
        for story in decisions.get(signal) or [Story(heard=each, policy_id=None)]
    ]


def _in_order(chosen: ColumnElement[bool]) -> Select[Any]:
    s = schema.signals.c
    return select(schema.signals).where(chosen).order_by(s.heard_us, s.block_number, s.log_index, s.signal_id)


class _Told:
    """What is stored beside intents, by intent."""

    def __init__(self, connection: Connection, intent_ids: Select[Any]) -> None:
        self._got = _got(connection, intent_ids)
        self._orders = _orders(connection, intent_ids)
        self._legs = _legs(connection, intent_ids)
        self._debts = _debts(connection, intent_ids)

    def copy(self, heard: Heard, row: Row[Any]) -> Story:
        """Return the story of an intent."""
        intent = rows.intent_of(row)
        return Story(
            heard=heard,
            policy_id=intent.policy_id,
            because=_because(row) if row.reason else None,
            intent=intent,
            intent_state=IntentState(row.state),
            sized=rows.sized_of(row),
            got=self._got.get(row.intent_id),
            orders=self._orders.get(row.intent_id, ()),
            legs=self._legs.get(row.intent_id, ()),
            debts=self._debts.get(row.intent_id, ()),
        )


def _got(connection: Connection, intent_ids: Select[Any]) -> dict[str, Got]:
    a = schema.allocations.c
    sums = (func.sum(column).label(column.name) for column in (a.shares, a.collateral, a.fee, a.unsold))
    query = select(a.intent_id, *sums).where(a.intent_id.in_(intent_ids)).group_by(a.intent_id)
    return {
        row.intent_id: Got(
            shares=Shares(row.shares),
            collateral=Collateral(row.collateral),
            fee=Collateral(row.fee),
            unsold=Shares(row.unsold),
        )
        for row in connection.execute(query)
    }


def _orders(connection: Connection, intent_ids: Select[Any]) -> Mapping[str, tuple[OrderTold, ...]]:
    o, part = schema.orders.c, schema.order_parts.c
    hashes = select(part.order_hash).where(part.intent_id.in_(intent_ids))
    counts = select(part.order_hash, func.count().label("parts")).where(part.order_hash.in_(hashes))
    parts = {row.order_hash: row.parts for row in connection.execute(counts.group_by(part.order_hash))}
    fills = _fills(connection, hashes)
    query = (
        select(part.intent_id, schema.orders)
        .join(schema.orders, o.order_hash == part.order_hash)
        .where(part.intent_id.in_(intent_ids))
        .order_by(part.intent_id, o.sent_us, o.order_hash)
    )
    found = ((row.intent_id, _order(row, parts[row.order_hash], fills)) for row in connection.execute(query))
    return _grouped(found)


def _order(row: Row[Any], parts: int, fills: Mapping[str, tuple[OrderFill, ...]]) -> OrderTold:
    return OrderTold(
        order_hash=OrderHash(row.order_hash),
        wallet=Address(row.wallet),
        kind=row.kind,
        limit=Price(row.limit_price),
        state=OrderState(row.state),
        parts=parts,
        sent_us=row.sent_us,
        acknowledged_us=row.acknowledged_us,
        fills=fills.get(row.order_hash, ()),
        rest_of=None if row.rest_of is None else OrderHash(row.rest_of),
    )


def _fills(connection: Connection, hashes: Select[Any]) -> Mapping[str, tuple[OrderFill, ...]]:
    f = schema.fills.c
    query = select(schema.fills).where(f.order_hash.in_(hashes)).order_by(f.order_hash, f.heard_us)
    return _grouped(
        (
            row.order_hash,
            OrderFill(
                tx_hash=TxHash(row.tx_hash),
                shares=Shares(row.shares),
                collateral=Collateral(row.collateral),
                fee=Collateral(row.fee),
                block_number=row.block_number,
                heard_us=row.heard_us,
            ),
        )
        for row in connection.execute(query)
    )


def _legs(connection: Connection, intent_ids: Select[Any]) -> Mapping[str, tuple[LegTold, ...]]:
    leg = schema.legs.c
    query = select(schema.legs).where(leg.intent_id.in_(intent_ids)).order_by(leg.intent_id, leg.settled_us, leg.step)
    return _grouped(
        (
            row.intent_id,
            LegTold(
                leg=rows.leg_of(row),
                state=LegState(row.state),
                tx_hash=None if row.tx_hash is None else TxHash(row.tx_hash),
                settled_us=row.settled_us,
            ),
        )
        for row in connection.execute(query)
    )


def _debts(connection: Connection, intent_ids: Select[Any]) -> Mapping[str, tuple[DebtTold, ...]]:
    leg, d = schema.legs.c, schema.debts.c
    query = (
        select(leg.intent_id, schema.debts)
        .join(schema.legs, leg.settlement_id == d.settlement_id)
        .where(leg.intent_id.in_(intent_ids))
        .order_by(leg.intent_id, d.opened_us)
    )
    return _grouped(
        (
            row.intent_id,
            DebtTold(
                side=DebtSide(row.side),
                cause=LegFailure[row.failure],
                due=Collateral(row.due),
                collected=Collateral(row.collected),
                sold=Collateral(row.sold),
                written_off=Collateral(row.written_off),
                opened_us=row.opened_us,
                recovered_us=row.recovered_us,
                why=row.why,
            ),
        )
        for row in connection.execute(query)
    )


def _grouped(pairs: Iterable[tuple[str, T]]) -> dict[str, tuple[T, ...]]:
    """Group what comes sorted by its key."""
    return {key: tuple(value for _, value in group) for key, group in groupby(pairs, key=_first)}


def _first(pair: tuple[str, Any]) -> str:
    return pair[0]


def _own_part(connection: Connection, tx_hash: TxHash) -> OwnPart:
    t, f = schema.transactions.c, schema.fills.c
    purpose = connection.execute(select(t.purpose).where(t.tx_hash == tx_hash)).scalar()
    orders: Iterator[Row[Any]] = iter(connection.execute(select(f.order_hash).where(f.tx_hash == tx_hash)))
    return OwnPart(purpose=purpose, order_hashes=tuple(OrderHash(row.order_hash) for row in orders))


def _because(row: Row[Any]) -> Because:
    return Because(reason=Reason(row.reason), facts=json.loads(row.facts))


def _heard(row: Row[Any]) -> Heard:
    signal = Signal(
        signal_id=SignalId(row.signal_id),
        chain_id=row.chain_id,
        exchange=Address(row.exchange),
        order_hash=OrderHash(row.order_hash),
        tx_hash=TxHash(row.tx_hash),
        leader=Address(row.leader),
        role=Role(row.role),
        side=Side(row.side),
        token_id=TokenId(int(row.token_id)),
        shares=Shares(row.shares),
        collateral=Collateral(row.collateral),
        fee=Collateral(row.fee),
        block_number=row.block_number,
        log_index=row.log_index,
        heard_us=row.heard_us,
        block_us=row.block_us,
        block_hash=row.block_hash,
        source=Source(row.source),
        kind=SignalKind(row.kind),
        held_before=None if row.held_before is None else Shares(row.held_before),
    )
    state = SignalState(row.state)
    return Heard(signal=signal, state=state, stored_us=row.stored_us, mined_heard_us=row.mined_heard_us)
