"""The SQLite file itself: one process at a time, every commit on the disk, and only a database that we understand."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import fields
from pathlib import Path

import pytest

from remora.adapters.store.database import opened
from remora.domain.errors import OperatorError
from remora.domain.money import Collateral, Shares
from remora.domain.order import IntentState
from remora.domain.signal import SignalState
from tests.contract.store import samples
from tests.contract.store.implementations import sqlite_stores

HOLD = """
import sys
from pathlib import Path
from remora.adapters.store.database import opened
with opened(Path(sys.argv[1])):
    print("holding", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_elsewhere(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Let another process hold the database; it is killed when the block is left, if it has not ended."""
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"holding\n"
        try:
            yield process
        finally:
            process.kill()


def test_second_process_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "remora.db"
    with (
        held_elsewhere(path),
        pytest.raises(OperatorError, match=r"remora\.db, found another; stop it first"),
        opened(path),
    ):
        pass


def test_second_opening_in_one_process_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "remora.db"
    with opened(path), pytest.raises(OperatorError), opened(path):
        pass


def test_killed_process_leaves_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "remora.db"
    with held_elsewhere(path) as process:
        process.kill()
        process.wait()
        with opened(path):
            pass


def test_closing_leaves_no_lock(tmp_path: Path) -> None:
    for _ in range(2):
        with opened(tmp_path / "remora.db"):
            pass


def test_databases_do_not_lock_each_other(tmp_path: Path) -> None:
    with opened(tmp_path / "one.db"), opened(tmp_path / "two.db"):
        pass


def test_missing_folder_is_made(tmp_path: Path) -> None:
    with opened(tmp_path / "var" / "lib" / "remora.db"):
        pass
    assert (tmp_path / "var" / "lib" / "remora.db").is_file()


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)],
)
async def test_connection_is_durable_and_checks_keys(tmp_path: Path, pragma: str, value: object) -> None:
    with opened(tmp_path / "remora.db") as writer:
        found = await writer.run(lambda connection: connection.exec_driver_sql(f"PRAGMA {pragma}").scalar())
    assert found == value


def test_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "remora.db"
    path.write_bytes(b"a letter to my aunt, and nothing else" * 100)
    with pytest.raises(OperatorError, match="not a database"), opened(path):
        pass


def test_database_of_a_newer_remora_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "remora.db"
    with opened(path):
        pass
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(OperatorError, match="9999"), opened(path):
        pass


def test_refused_database_is_not_kept_locked(tmp_path: Path) -> None:
    path = tmp_path / "remora.db"
    path.write_bytes(b"no database" * 100)
    with pytest.raises(OperatorError), opened(path):
        pass
    path.unlink()
    with opened(path):
        pass


async def test_reader_beside_the_supervisor_sees_what_is_committed(tmp_path: Path) -> None:
    """The figures are read while the supervisor writes."""
    with sqlite_stores(tmp_path) as stores, closing(sqlite3.connect(tmp_path / "remora.db")) as reader:
        heard = samples.signal()
        await stores.signals.record_decision(heard, [], [], stored_us=1, state=IntentState.PENDING)
        assert reader.execute("SELECT signal_id FROM signals").fetchall() == [(heard.signal_id,)]


async def test_row_of_a_signal_holds_all_of_it(tmp_path: Path) -> None:
    """No port reads a signal back; figures and people do."""
    heard = samples.signal()
    with sqlite_stores(tmp_path) as stores, closing(sqlite3.connect(tmp_path / "remora.db")) as reader:
        await stores.signals.record_decision(heard, [], [], stored_us=7, state=IntentState.PENDING)
        reader.row_factory = sqlite3.Row
        (row,) = reader.execute("SELECT * FROM signals").fetchall()
    values = {field.name: getattr(heard, field.name) for field in fields(heard)}
    amounts = {name: value.units for name, value in values.items() if isinstance(value, Collateral | Shares)}
    kept = {
        "token_id": str(samples.TOKEN),
        "stored_us": 7,
        "mined_heard_us": heard.heard_us,
        "state": SignalState.MINED,
    }
    assert dict(row) == {**values, **amounts, **kept}
