"""Figures of a run: what was heard, decided, ordered, filled, settled and owed, and how long each took.

Cold-path queries on a connection of their own; they may run beside a supervisor.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, func, select

from remora.adapters.store import schema
from remora.domain.money import mul_div_ceil
from remora.domain.order import IntentState, LegState, OrderState, SettlementStep
from remora.domain.signal import SignalState

US_PER_MS = 1000

FINAL = (IntentState.SETTLED, IntentState.FAILED, IntentState.OWED, IntentState.PAPER, IntentState.WITHDRAWN)
TAKEN_BACK = (SignalState.VANISHED, SignalState.WITHDRAWN, SignalState.REORGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a database's work has come: what was heard and is not taken back, and what of it has no end yet.

    A trade that a reorganisation took back may come again, with copies to be made: until then it does not count.
    `unfinished` are intents that are neither settled, owed, failed nor withdrawn; `owed` are open debts.
    """

    signals: int
    unfinished: int
    owed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Counts of one database. `latency_us` are samples by stage, in microseconds.

    `gas_per_leg` is, by step, all gas that settlements used over the legs that they settled, rounded up.
    """

    signals: int
    intents: Counter[str]
    denials: Counter[str]
    orders: int
    fills: int
    settled: int
    debts_opened: int
    debts_recovered: int
    gas_per_leg: dict[str, int]
    latency_us: dict[str, list[int]]


def progress(connection: Connection) -> Progress:
    """Read how far the work has come; it costs little, so that one can wait by it."""
    opened, recovered = _debts(connection)
    standing = select(func.count()).select_from(schema.signals).where(schema.signals.c.state.not_in(TAKEN_BACK))
    unfinished = select(func.count()).select_from(schema.intents).where(schema.intents.c.state.not_in(FINAL))
    return Progress(
        signals=connection.execute(standing).scalar_one(),
        unfinished=connection.execute(unfinished).scalar_one(),
        owed=opened - recovered,
    )


def figures(connection: Connection) -> Figures:
    """Read all figures."""
    opened, recovered = _debts(connection)
    payouts = schema.legs.c.step.in_([SettlementStep.DELIVER, SettlementStep.REMIT])
    settled = schema.legs.c.state == LegState.SETTLED
    return Figures(
        signals=_count(connection, schema.signals),
        intents=_grouped(connection, schema.intents.c.state),
        denials=_grouped(connection, schema.denials.c.reason),
        orders=_count(connection, schema.orders),
        fills=_count(connection, schema.fills),
        settled=connection.execute(select(func.count()).select_from(schema.legs).where(payouts, settled)).scalar_one(),
        debts_opened=opened,
        debts_recovered=recovered,
        gas_per_leg=_gas_per_leg(connection),
        latency_us=_latencies(connection),
    )


def percentile(samples: Sequence[int], per_cent: int) -> int:
    """Return the nearest-rank percentile, 0 for no samples."""
    if not samples:
        return 0
    rank = max(1, -(-len(samples) * per_cent // 100))
    return sorted(samples)[rank - 1]


def _debts(connection: Connection) -> tuple[int, int]:
    """Return how many debts were opened, and how many of them are recovered."""
    query = select(func.count(), func.count(schema.debts.c.recovered_us)).select_from(schema.debts)
    opened, recovered = connection.execute(query).one()
    return opened, recovered


def _count(connection: Connection, table: Any) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def _grouped(connection: Connection, column: Any) -> Counter[str]:
    query = select(column, func.count()).group_by(column)
    return Counter({str(value): count for value, count in connection.execute(query)})


def _gas_per_leg(connection: Connection) -> dict[str, int]:
    t, leg = schema.transactions.c, schema.legs.c
    used = select(t.purpose, func.sum(t.gas_used).label("gas")).where(t.gas_used.is_not(None)).group_by(t.purpose)
    settled = select(leg.step, func.count().label("legs")).where(leg.state == LegState.SETTLED).group_by(leg.step)
    gas = {str(row.purpose): int(row.gas) for row in connection.execute(used)}
    legs = {str(row.step): int(row.legs) for row in connection.execute(settled)}
    return {step: mul_div_ceil(gas[step], 1, count) for step, count in sorted(legs.items()) if step in gas}


def _latencies(connection: Connection) -> dict[str, list[int]]:
    s, o, f, leg = schema.signals.c, schema.orders.c, schema.fills.c, schema.legs.c
    heard = (
        select(schema.order_parts.c.order_hash, func.min(s.heard_us).label("heard_us"))
        .join(schema.intents, schema.intents.c.intent_id == schema.order_parts.c.intent_id)
        .join(schema.signals, s.signal_id == schema.intents.c.signal_id)
        .group_by(schema.order_parts.c.order_hash)
        .subquery()
    )
    filled = select(f.order_hash, func.max(f.heard_us).label("filled_us")).group_by(f.order_hash).subquery()
    filled_orders = schema.orders.join(filled, filled.c.order_hash == o.order_hash)
    filled_legs = (
        select(leg.settled_us - filled.c.filled_us)
        .select_from(schema.legs)
        .join(schema.allocations, schema.allocations.c.intent_id == leg.intent_id)
        .join(filled, filled.c.order_hash == schema.allocations.c.order_hash)
        .where(leg.settled_us.is_not(None), leg.step != SettlementStep.COLLECT)
    )
    sent = schema.orders.join(heard, heard.c.order_hash == o.order_hash)
    acknowledged = o.acknowledged_us.is_not(None) & (o.state == OrderState.DONE)
    queries: dict[str, Select[Any]] = {
        "heard_to_stored": select(s.stored_us - s.heard_us),
        "heard_to_sent": select(o.sent_us - heard.c.heard_us).select_from(sent),
        "sent_to_acknowledged": select(o.acknowledged_us - o.sent_us).where(acknowledged),
        "acknowledged_to_filled": select(filled.c.filled_us - o.acknowledged_us)
        .select_from(filled_orders)
        .where(acknowledged),
        "filled_to_settled": filled_legs,
    }
    return {stage: [row[0] for row in connection.execute(query)] for stage, query in queries.items()}
