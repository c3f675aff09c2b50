"""Where stored signals stand: pending, in a block, or taken back, and what that makes of their intents.

One leader order in one transaction is one row. While the row is in no block, any transaction that fills the same order
is the row's: the first was replaced by another. A trade that only the public history told is one row for all orders of
that leader, token and side in the transaction; taken back before anything was sent for it, it stands for none of them.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, delete, or_, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from remora.adapters.store import rows, schema
from remora.domain.history import TradeKey
from remora.domain.ids import ZERO_ADDRESS, SignalId, TxHash, polled_signal_id
from remora.domain.order import IntentState
from remora.domain.records import KnownSignal, LostSignal
from remora.domain.signal import Signal, SignalKind, SignalState

UNMINED = (SignalState.PENDING, SignalState.VANISHED)
REPLACED_WITHIN_US = 600_000_000
"""How long a pending match may be under way, by whatever transaction."""

UNSENT = (IntentState.PENDING, IntentState.PAPER, IntentState.FAILED)
"""States of intents for which nothing was sent, unless an order or a leg is recorded all the same."""


def is_to_decide(connection: Connection, signal: Signal, stored_us: int) -> bool:
    """Store a signal; False when it is known and its decision stands. A decision that does not is removed.

    What is decided anew bears the name that it is heard under now: it may have come back by way of the mempool.
    """
    row = _found(connection, signal)
    if row is None:
        if signal.is_polled and _is_told(connection, signal):
            return False
        statement = upsert(schema.signals).values(rows.signal_values(signal, stored_us)).on_conflict_do_nothing()
        return connection.execute(statement).rowcount == 1
    if signal.state is not SignalState.MINED:
        return False
    anew = _is_undone(connection, row)
    _mine(connection, row, signal)
    if anew:
        for decided in (schema.intents, schema.denials):
            connection.execute(delete(decided).where(decided.c.signal_id == row.signal_id))
        stored = update(schema.signals).where(schema.signals.c.signal_id == row.signal_id)
        connection.execute(stored.values(signal_id=signal.signal_id, held_before=rows.held_before_units(signal)))
    return anew


def confirm(connection: Connection, signal: Signal) -> bool:
    """Note that a block has a known signal; False when there is none, or its decision was undone."""
    row = _found(connection, signal)
    if row is None or _is_undone(connection, row):
        return False
    _mine(connection, row, signal)
    return True


def known(connection: Connection, since_block: int) -> list[KnownSignal]:
    """Return the signals of blocks from a number on, and those that are in none, but for what was taken back."""
    s = schema.signals.c
    mined = (s.state == SignalState.MINED) & (s.block_number >= since_block)
    query = select(schema.signals).where(or_(mined, s.state.in_(UNMINED))).order_by(s.block_number, s.log_index)
    return [rows.known_signal_of(row) for row in connection.execute(query)]


def pending(connection: Connection, heard_before_us: int) -> list[KnownSignal]:
    """Return the signals that are in no block yet although they were heard of before a time."""
    s = schema.signals.c
    waiting = (s.state == SignalState.PENDING) & (s.heard_us < heard_before_us)
    return [rows.known_signal_of(row) for row in connection.execute(select(schema.signals).where(waiting))]


def mined_trades(connection: Connection, trades: Collection[TradeKey]) -> frozenset[TradeKey]:
    """Return those of which a block is known that has them."""
    s = schema.signals.c
    mined = (s.kind == SignalKind.TRADE) & (s.state == SignalState.MINED)
    query = select(schema.signals).where(mined, s.tx_hash.in_({key.tx_hash for key in trades}))
    return frozenset(map(rows.trade_key_of, connection.execute(query))).intersection(trades)


def withdraw(connection: Connection, block_hashes: Collection[str]) -> list[LostSignal]:
    """Take back what stands in orphaned blocks."""
    s = schema.signals.c
    query = select(schema.signals).where(s.block_hash.in_(block_hashes), s.state == SignalState.MINED)
    return [_lose(connection, row) for row in connection.execute(query.order_by(s.block_number, s.log_index)).all()]


def vanish(connection: Connection, signal_id: SignalId) -> LostSignal | None:
    """Take back a signal that is pending, None if it is not."""
    s = schema.signals.c
    query = select(schema.signals).where(s.signal_id == signal_id, s.state == SignalState.PENDING)
    row = connection.execute(query).first()
    return None if row is None else _lose(connection, row)


def _found(connection: Connection, signal: Signal) -> Row[Any] | None:
    """Return the row of a signal: of the same transaction, else of the same order and in no block.

    Of the same transaction is also what the public history told of it.
    """
    s = schema.signals.c
    order = (s.chain_id == signal.chain_id) & (s.exchange == signal.exchange) & (s.order_hash == signal.order_hash)
    same = select(schema.signals).where(order, s.tx_hash == signal.tx_hash)
    unmined = select(schema.signals).where(order, s.state.in_(UNMINED)).order_by(s.heard_us)
    return connection.execute(same).first() or _polled(connection, signal) or connection.execute(unmined).first()


def _polled(connection: Connection, signal: Signal) -> Row[Any] | None:
    """Return what the public history told of a signal's trade, if that stands."""
    if signal.kind is not SignalKind.TRADE:
        return None
    name = polled_signal_id(signal.chain_id, signal.leader, signal.token_id, signal.side, signal.tx_hash)
    row = connection.execute(select(schema.signals).where(schema.signals.c.signal_id == name)).first()
    return None if row is None or _is_undone(connection, row) else row


def _is_told(connection: Connection, polled: Signal) -> bool:
    """Tell whether a polled trade is, or may be, one that another source told: pending, in another transaction."""
    s = schema.signals.c
    trade = (s.kind == SignalKind.TRADE) & (s.leader == polled.leader) & (s.side == polled.side)
    alike = trade & (s.token_id == str(polled.token_id))
    pending = s.state.in_(UNMINED) & (s.exchange != ZERO_ADDRESS) & (s.heard_us >= polled.since_us - REPLACED_WITHIN_US)
    query = select(s.signal_id).where(alike, (s.tx_hash == polled.tx_hash) | pending)
    return connection.execute(query).first() is not None


def _mine(connection: Connection, row: Row[Any], signal: Signal) -> None:
    values = rows.mined_values(signal)
    if row.exchange == ZERO_ADDRESS:  # it is of all its orders, the signal of one
        values = {name: values[name] for name in values.keys() - {"shares", "collateral", "fee"}}
    if row.state == SignalState.MINED and row.block_hash in {None, signal.block_hash}:
        values = {"block_hash": signal.block_hash}
    if row.state in {SignalState.REORGED, SignalState.VANISHED}:
        _restore(connection, row.signal_id)
    connection.execute(update(schema.signals).where(schema.signals.c.signal_id == row.signal_id).values(values))


def _restore(connection: Connection, signal_id: str) -> None:
    """Let what was withdrawn of a decision that stands be sent after all: some followers had their copies."""
    i = schema.intents.c
    withdrawn = update(schema.intents).where(i.signal_id == signal_id, i.state == IntentState.WITHDRAWN)
    connection.execute(withdrawn.values(state=IntentState.PENDING, reason=None, facts=None))


def _lose(connection: Connection, row: Row[Any]) -> LostSignal:
    """Withdraw what is unsent; the signal's new state tells whether anything was sent."""
    sent = _sent(connection, row.signal_id)
    i = schema.intents.c
    unsent = update(schema.intents).where(i.signal_id == row.signal_id, i.intent_id.not_in(sent))
    connection.execute(unsent.values(state=IntentState.WITHDRAWN))
    state = SignalState.REORGED if sent else SignalState.WITHDRAWN
    if row.state == SignalState.PENDING:
        state = SignalState.VANISHED
    connection.execute(update(schema.signals).where(schema.signals.c.signal_id == row.signal_id).values(state=state))
    return LostSignal(signal_id=SignalId(row.signal_id), tx_hash=TxHash(row.tx_hash), state=state, sent=len(sent))


def _is_undone(connection: Connection, row: Row[Any]) -> bool:
    """Tell whether a signal was taken back and nothing had been sent for it."""
    taken_back = row.state in {SignalState.WITHDRAWN, SignalState.VANISHED}
    return taken_back and not _sent(connection, row.signal_id)


def _sent(connection: Connection, signal_id: str) -> list[str]:
    """Return the intents of a signal for which something was sent: an order or a leg, or what only these lead to."""
    i = schema.intents.c
    recorded = (
        select(schema.order_parts.c.intent_id).where(schema.order_parts.c.intent_id == i.intent_id).exists()
        | select(schema.legs.c.intent_id).where(schema.legs.c.intent_id == i.intent_id).exists()
    )
    moved = i.state.not_in([*UNSENT, IntentState.WITHDRAWN])
    query = select(i.intent_id).where(i.signal_id == signal_id, moved | recorded)
    return [row.intent_id for row in connection.execute(query)]
