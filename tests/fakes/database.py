"""The real stores on one file, and a look into the file from outside: only what is committed is seen there."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from remora.adapters.store.audits import SqliteAuditStore
from remora.adapters.store.debts import SqliteDebtStore
from remora.adapters.store.fleet import SqliteFleetStore
from remora.adapters.store.floats import SqliteFloatStore
from remora.adapters.store.orders import SqliteOrderStore
from remora.adapters.store.schema import metadata
from remora.adapters.store.settlements import SqliteSettlementStore
from remora.adapters.store.signals import SqliteSignalStore
from remora.adapters.store.switches import SqliteSwitchStore
from remora.adapters.store.writer import Writer
from remora.domain.order import Denial, Intent, IntentState
from remora.domain.signal import Signal
from tests.fakes.clock import START_US


class Database:
    """The stores as the stages use them, and `committed` as nobody else may."""

    def __init__(self, path: Path, writer: Writer) -> None:
        self.path = path
        self.signals = SqliteSignalStore(writer)
        self.orders = SqliteOrderStore(writer)
        self.settlements = SqliteSettlementStore(writer)
        self.debts = SqliteDebtStore(writer)
        self.audits = SqliteAuditStore(writer)
        self.switches = SqliteSwitchStore(writer)
        self.fleet = SqliteFleetStore(writer)
        self.floats = SqliteFloatStore(writer)

    def committed(self, query: str, *values: Any) -> list[Any]:
        """Return the rows of a query, or the values if it has one column, over a connection of its own."""
        with closing(sqlite3.connect(self.path)) as connection:
            rows = connection.execute(query, values).fetchall()
        return [row[0] if len(row) == 1 else row for row in rows]

    def clear(self) -> None:
        """Delete all rows."""
        with closing(sqlite3.connect(self.path)) as connection, connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(f"DELETE FROM {table.name}")

    def states(self) -> dict[str, str]:
        """Return the state of every intent by its policy."""
        return dict(self.committed("SELECT policy_id, state FROM intents"))

    def reasons(self) -> dict[str, tuple[str, dict[str, str]]]:
        """Return reason and facts of every intent that failed, by its policy."""
        rows = self.committed("SELECT policy_id, reason, facts FROM intents WHERE reason IS NOT NULL")
        return {policy: (reason, json.loads(facts)) for policy, reason, facts in rows}

    async def decided(self, of: Signal, intents: Sequence[Intent], denials: Sequence[Denial] = ()) -> None:
        """Store a signal with its intents, as the dispatcher would."""
        stored = await self.signals.record_decision(of, intents, denials, stored_us=START_US, state=IntentState.PENDING)
        assert stored
