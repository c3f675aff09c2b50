"""What is asked while trades wait must not get slower with every trade of the past: those queries use an index."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from remora.adapters.store.database import engine_for, migrate
from remora.adapters.store.orders import SqliteOrderStore
from remora.adapters.store.settlements import SqliteSettlementStore
from remora.adapters.store.signals import SqliteSignalStore
from remora.adapters.store.writer import Writer
from remora.domain.ids import OrderHash, PolicyId
from tests.contract.store.samples import OPERATOR, TOKEN, word

POLICY = PolicyId("ann")
HASH = OrderHash(word(1))
QUERIES: dict[str, Callable[[Writer], Awaitable[object]]] = {
    "lots": lambda writer: SqliteSignalStore(writer).lots(TOKEN),
    "debts": lambda writer: SqliteSignalStore(writer).debts(),
    "open_debts": lambda writer: SqliteSettlementStore(writer).open_debts(),
    "entries_in_flight": lambda writer: SqliteSignalStore(writer).entries_in_flight(TOKEN, [POLICY]),
    "pending_intents": lambda writer: SqliteOrderStore(writer).pending_intents(),
    "collected": lambda writer: SqliteOrderStore(writer).collected(),
    "knows_order": lambda writer: SqliteOrderStore(writer).knows_order(HASH),
    "open_order": lambda writer: SqliteOrderStore(writer).open_order(HASH),
    "open_orders": lambda writer: SqliteOrderStore(writer).open_orders(),
    "fill_transactions": lambda writer: SqliteOrderStore(writer).fill_transactions(HASH),
    "release_order": lambda writer: SqliteOrderStore(writer).release_order(HASH),
    "filled": lambda writer: SqliteOrderStore(writer).filled(HASH),
    "pending_legs": lambda writer: SqliteSettlementStore(writer).pending_legs(),
    "unsettled": lambda writer: SqliteSettlementStore(writer).unsettled(),
    "recorded_nonces": lambda writer: SqliteSettlementStore(writer).recorded_nonces(OPERATOR),
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
        if statement.startswith("SELECT"):
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
