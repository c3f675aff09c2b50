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
from remora.domain.order import IntentState, LegState, OrderState, SettlementStep

US_PER_MS = 1000

FINAL = (IntentState.SETTLED, IntentState.FAILED, IntentState.OWED, IntentState.PAPER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Counts of one database. `latency_us` are samples by stage, in microseconds."""

    signals: int
    intents: Counter[str]
    denials: Counter[str]
    orders: int
    fills: int
    settled: int
    debts_opened: int
    debts_recovered: int
    latency_us: dict[str, list[int]]

    @property
    def unfinished(self) -> int:
        """How many intents are neither settled, owed nor failed."""
        return sum(count for state, count in self.intents.items() if state not in FINAL)


def figures(connection: Connection) -> Figures:
    """Read all figures."""
    debts = select(func.count(), func.count(schema.debts.c.recovered_us)).select_from(schema.debts)
    opened, recovered = connection.execute(debts).one()
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
        latency_us=_latencies(connection),
    )


def percentile(samples: Sequence[int], per_cent: int) -> int:
    """Return the nearest-rank percentile, 0 for no samples."""
    if not samples:
        return 0
    rank = max(1, -(-len(samples) * per_cent // 100))
    return sorted(samples)[rank - 1]


def _count(connection: Connection, table: Any) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def _grouped(connection: Connection, column: Any) -> Counter[str]:
    query = select(column, func.count()).group_by(column)
    return Counter({str(value): count for value, count in connection.execute(query)})


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
