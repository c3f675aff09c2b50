"""A second process beside the supervisor: it may write, the supervisor notices, and neither waits for a restart."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, update

from remora.adapters.store import schema
from remora.adapters.store.changes import Changes
from remora.adapters.store.database import attached, is_held, opened
from remora.adapters.store.fleet import SqliteFleetStore
from remora.adapters.store.leaders import SqliteLeaderStore
from remora.adapters.store.writer import Writer
from remora.domain.errors import OperatorError
from remora.domain.parties import Leader
from tests.contract.store.samples import wallet
from tests.contract.store.test_database import held_elsewhere
from tests.fakes.clock import SteppedClock
from tests.fakes.waiting import until

ANN = Leader(wallet=wallet(1), label="ann")


async def test_a_command_writes_beside_the_supervisor(tmp_path: Path) -> None:
    path = tmp_path / "remora.db"
    with held_elsewhere(path):
        assert is_held(path)
        with attached(path) as writer:
            await SqliteLeaderStore(writer).add_leader(ANN, added_us=1)
    with opened(path) as writer:
        assert await SqliteLeaderStore(writer).leaders() == [ANN]


SPEND = """
import asyncio, sys
from pathlib import Path
from remora.adapters.store.database import attached
from tests.contract.store.test_attached import entries

async def main() -> None:
    with attached(Path(sys.argv[1])) as writer:
        print("ready", flush=True)
        sys.stdin.readline()
        await entries(writer, 50)

asyncio.run(main())
"""


async def entries(writer: Writer, count: int) -> None:
    """Count a number up, one by one: each reads what it writes one more than."""
    mine = schema.fleet_size.c.size

    def one_more(connection: Connection) -> None:
        connection.execute(update(schema.fleet_size).values(size=connection.execute(select(mine)).scalar_one() + 1))

    for _ in range(count):
        await writer.run(one_more)


async def test_two_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "remora.db"
    with opened(path) as writer:
        await SqliteFleetStore(writer).resize(1)
        pipe = asyncio.subprocess.PIPE
        command = await asyncio.create_subprocess_exec(sys.executable, "-c", SPEND, str(path), stdin=pipe, stdout=pipe)
        assert command.stdin is not None
        assert command.stdout is not None
        assert await command.stdout.readline() == b"ready\n"
        command.stdin.write(b"go\n")
        await entries(writer, 50)
        assert await command.wait() == 0
        assert (await SqliteFleetStore(writer).plan(0)).size == 101


async def test_without_a_supervisor_the_database_is_made_and_let_go(tmp_path: Path) -> None:
    path = tmp_path / "remora.db"
    with attached(path) as writer:
        assert await SqliteLeaderStore(writer).leaders() == []
    assert not is_held(path)


def test_a_supervisor_of_another_version_is_told(tmp_path: Path) -> None:
    path = tmp_path / "remora.db"
    with held_elsewhere(path):
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE alembic_version SET version_num = '0000'")
        with pytest.raises(OperatorError, match="found 0000: the supervisor that runs on it"), attached(path):
            pass


async def test_the_supervisor_notices_what_others_wrote_and_not_what_it_wrote_itself(tmp_path: Path) -> None:
    path, clock = tmp_path / "remora.db", SteppedClock()
    seen: list[list[Leader]] = []
    with opened(path) as writer:
        mine = SqliteLeaderStore(writer)

        async def note() -> None:
            seen.append(await mine.leaders())

        async def let_it_look() -> None:
            await clock.advance(0.5)
            await asyncio.to_thread(lambda: None)

        watching = asyncio.create_task(Changes(writer, clock).follow(note))
        await until(lambda: seen == [[]])
        await mine.add_leader(ANN, added_us=1)
        await let_it_look()
        with attached(path) as other:
            await SqliteLeaderStore(other).remove_leader(ANN.wallet)
        await clock.advance(0.5)
        await until(lambda: len(seen) == 2)
        assert seen[1] == []
        watching.cancel()
