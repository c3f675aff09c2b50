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

from remora.adapters.store.audits import SqliteAuditStore
from remora.adapters.store.database import opened
from remora.adapters.store.debts import SqliteDebtStore
from remora.adapters.store.fleet import SqliteFleetStore
from remora.adapters.store.floats import SqliteFloatStore
from remora.adapters.store.leaders import SqliteLeaderStore
from remora.adapters.store.orders import SqliteOrderStore
from remora.adapters.store.rules import SqlitePolicyStore
from remora.adapters.store.settlements import SqliteSettlementStore
from remora.adapters.store.signals import SqliteSignalStore
from remora.adapters.store.switches import SqliteSwitchStore
from remora.domain.ids import IntentId
from remora.domain.order import IntentState
from remora.domain.reasons import Because, Reason
from remora.ports import (
    AuditStore,
    DebtStore,
    FleetStore,
    FloatStore,
    LeaderStore,
    OrderStore,
    PolicyStore,
    SettlementStore,
    SignalStore,
    SwitchStore,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What the database says of each intent and each denied policy, and what was held before each exit."""

    intents: Mapping[IntentId, tuple[IntentState, Because | None]]
    denials: Mapping[str, Because]
    held_before: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """One database behind its ports."""

    leaders: LeaderStore
    policies: PolicyStore
    signals: SignalStore
    orders: OrderStore
    settlements: SettlementStore
    debts: DebtStore
    audits: AuditStore
    switches: SwitchStore
    fleet: FleetStore
    floats: FloatStore
    audit: Callable[[], Audit]


OpenStores = Callable[[], AbstractContextManager[Stores]]


@contextmanager
def sqlite_stores(folder: Path) -> Iterator[Stores]:
    path = folder / "remora.db"
    if not path.exists():
        path.write_bytes(_empty_database())
    with opened(path) as writer:
        yield Stores(
            leaders=SqliteLeaderStore(writer),
            policies=SqlitePolicyStore(writer),
            signals=SqliteSignalStore(writer),
            orders=SqliteOrderStore(writer),
            settlements=SqliteSettlementStore(writer),
            debts=SqliteDebtStore(writer),
            audits=SqliteAuditStore(writer),
            switches=SqliteSwitchStore(writer),
            fleet=SqliteFleetStore(writer),
            floats=SqliteFloatStore(writer),
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
        held = connection.execute("SELECT signal_id, held_before FROM signals WHERE held_before IS NOT NULL").fetchall()
    return Audit(
        intents={IntentId(i): (IntentState(state), _because(reason, facts)) for i, state, reason, facts in intents},
        denials={policy: Because(reason=Reason(reason), facts=json.loads(facts)) for policy, reason, facts in denials},
        held_before=dict(held),
    )


def _because(reason: str | None, facts: str | None) -> Because | None:
    return None if reason is None or facts is None else Because(reason=Reason(reason), facts=json.loads(facts))
