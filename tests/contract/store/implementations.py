"""What the suites run on: every implementation of the store's ports, opened on a path and closed again.

No port tells yet why an intent failed or a policy was denied; `Audit` reads that from the database itself.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from remora.adapters.store.database import opened
from remora.adapters.store.orders import SqliteOrderStore
from remora.adapters.store.settlements import SqliteSettlementStore
from remora.adapters.store.signals import SqliteSignalStore
from remora.domain.ids import IntentId
from remora.domain.order import IntentState
from remora.domain.reasons import Because, Reason
from remora.ports import OrderStore, SettlementStore, SignalStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What the database says of each intent and each denied policy."""

    intents: Mapping[IntentId, tuple[IntentState, Because | None]]
    denials: Mapping[str, Because]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """One database behind its three ports."""

    signals: SignalStore
    orders: OrderStore
    settlements: SettlementStore
    audit: Callable[[], Audit]


OpenStores = Callable[[], AbstractContextManager[Stores]]


@contextmanager
def sqlite_stores(folder: Path) -> Iterator[Stores]:
    path = folder / "remora.db"
    if not path.exists():
        path.write_bytes(_empty_database())
    with opened(path) as writer:
        yield Stores(
            signals=SqliteSignalStore(writer),
            orders=SqliteOrderStore(writer),
            settlements=SqliteSettlementStore(writer),
            audit=lambda: _sqlite_audit(path),
        )


IMPLEMENTATIONS = (sqlite_stores,)


@cache
def _empty_database() -> bytes:
    """Return a migrated database: migrating one takes longer than most tests."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "empty.db"
        with opened(path):
            pass
        return path.read_bytes()


def _sqlite_audit(path: Path) -> Audit:
    with closing(sqlite3.connect(path)) as connection:
        intents = connection.execute("SELECT intent_id, state, reason, facts FROM intents").fetchall()
        denials = connection.execute("SELECT policy_id, reason, facts FROM denials").fetchall()
    return Audit(
        intents={IntentId(i): (IntentState(state), _because(reason, facts)) for i, state, reason, facts in intents},
        denials={policy: Because(reason=Reason(reason), facts=json.loads(facts)) for policy, reason, facts in denials},
    )


def _because(reason: str | None, facts: str | None) -> Because | None:
    return None if reason is None or facts is None else Because(reason=Reason(reason), facts=json.loads(facts))
