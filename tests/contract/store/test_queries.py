"""What is asked while trades wait must not get slower with every trade of the past: those queries use an index."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from remora.adapters.store.database import engine_for, migrate
from remora.adapters.store.debts import SqliteDebtStore
from remora.adapters.store.orders import SqliteOrderStore
from remora.adapters.store.settlements import SqliteSettlementStore
from remora.adapters.store.signals import SqliteSignalStore
from remora.adapters.store.stories import SqliteStories
from remora.adapters.store.writer import Writer
from remora.domain.history import TradeKey
from remora.domain.ids import ZERO_ADDRESS, OrderHash, PolicyId
from remora.domain.order import Decision, IntentState
from remora.domain.usage import UsageQuestion
from tests.contract.store.samples import NOW_US, OPERATOR, TOKEN, follower, signal, word

POLICY = PolicyId("ann")
POLLED = replace(signal(), exchange=ZERO_ADDRESS, block_number=None, log_index=None)
KEY = TradeKey(leader=POLLED.leader, tx_hash=POLLED.tx_hash, token_id=POLLED.token_id, side=POLLED.side)
HASH = OrderHash(word(1))
NOTHING = Decision(signal=signal(), intents=(), denials=())
PAYING = UsageQuestion(
    leader=POLLED.leader,
    token_id=TOKEN,
    condition_id=None,
    now_us=NOW_US,
    meters={},
    followers=frozenset(),
    means_as_of={follower("ann"): NOW_US},
)
QUERIES: dict[str, Callable[[Writer], Awaitable[object]]] = {
    "lots": lambda writer: SqliteSignalStore(writer).lots(TOKEN),
    "carried": lambda writer: SqliteSignalStore(writer).carried(TOKEN),
    "taken": lambda writer: SqliteSignalStore(writer).decide_and_record(
        signal(), PAYING, lambda _: NOTHING, stored_us=NOW_US, state=IntentState.PENDING
    ),
    "copies": lambda writer: SqliteStories(writer).since(follower("ann"), NOW_US),
    "open_debts": lambda writer: SqliteDebtStore(writer).open_debts(),
    "entries_in_flight": lambda writer: SqliteSignalStore(writer).entries_in_flight(TOKEN, [POLICY]),
    "stop_resting": lambda writer: SqliteSignalStore(writer).stop_resting(TOKEN, [POLICY], NOW_US),
    "mined_trades": lambda writer: SqliteSignalStore(writer).mined_trades([KEY]),
    "record_decision": lambda writer: SqliteSignalStore(writer).record_decision(
        POLLED, [], [], stored_us=NOW_US, state=IntentState.PENDING
    ),
    "pending_intents": lambda writer: SqliteOrderStore(writer).pending_intents(),
    "collected": lambda writer: SqliteOrderStore(writer).collected(),
    "knows_order": lambda writer: SqliteOrderStore(writer).knows_order(HASH),
    "open_order": lambda writer: SqliteOrderStore(writer).open_order(HASH),
    "resting": lambda writer: SqliteOrderStore(writer).resting(NOW_US),
    "end_rest": lambda writer: SqliteOrderStore(writer).end_rest([HASH], NOW_US),
    "intents_of": lambda writer: SqliteOrderStore(writer).intents_of(HASH),
    "latest_try": lambda writer: SqliteOrderStore(writer).latest_try(HASH),
    "open_orders": lambda writer: SqliteOrderStore(writer).open_orders(),
    "fill_transactions": lambda writer: SqliteOrderStore(writer).fill_transactions(HASH),
    "release_order": lambda writer: SqliteOrderStore(writer).release_order(HASH),
    "filled": lambda writer: SqliteOrderStore(writer).filled(HASH),
    "pending_legs": lambda writer: SqliteSettlementStore(writer).pending_legs(),
    "unsettled": lambda writer: SqliteSettlementStore(writer).unsettled(),
    "reservations": lambda writer: SqliteSettlementStore(writer).reservations(OPERATOR),
    "unmined": lambda writer: SqliteSettlementStore(writer).unmined(),
}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = engine_for(tmp_path / "remora.db")
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
async def test_query_scans_no_table(engine: Engine, query: Callable[[Writer], Awaitable[object]]) -> None:
    seen: list[tuple[str, Any]] = []

    @event.listens_for(engine, "before_cursor_execute")
    def _note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith(("SELECT", "UPDATE")):
            seen.append((statement, parameters))

    writer = Writer(engine)
    await query(writer)
    writer.close()
    assert seen
    with engine.connect() as connection:
        plans = [
            row.detail
            for statement, parameters in seen.copy()
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]
    assert [step for step in plans if step.startswith("SCAN")] == []
