"""The writer: many units of work in few commits, each answered for itself and only when it is on the disk."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import OperationalError

from remora.adapters.store.database import engine_for
from remora.adapters.store.writer import MAX_GROUP, Writer
from remora.domain.errors import InvariantBroken, OperatorError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "remora.db"


@pytest.fixture
def engine(path: Path) -> Iterator[Engine]:
    engine = engine_for(path)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE notes (note TEXT PRIMARY KEY)")
        connection.exec_driver_sql("CREATE TABLE replies (note TEXT REFERENCES notes DEFERRABLE INITIALLY DEFERRED)")
    yield engine
    engine.dispose()


@pytest.fixture
def writer(engine: Engine) -> Iterator[Writer]:
    writer = Writer(engine)
    yield writer
    writer.close()


def stored(path: Path) -> list[str]:
    """What another process would find on the disk."""
    with sqlite3.connect(path) as connection:
        notes = [note for (note,) in connection.execute("SELECT note FROM notes ORDER BY note")]
    connection.close()
    return notes


async def note(writer: Writer, text: str) -> str:
    """Store a note and return it."""

    def work(connection: Connection) -> str:
        connection.exec_driver_sql("INSERT INTO notes VALUES (?)", (text,))
        return text

    return await writer.run(work)


@asynccontextmanager
async def busy(writer: Writer) -> AsyncIterator[None]:
    """Keep the writer's thread in a unit of work, so that what is queued meanwhile becomes the next group."""
    started, finish = threading.Event(), threading.Event()

    def hold(_connection: Connection) -> None:
        started.set()
        finish.wait()

    (holding,) = await queued(writer.run(hold))
    started.wait()
    try:
        yield
    finally:
        finish.set()
        await holding


async def queued(*work: Any) -> list[asyncio.Task[Any]]:
    """Start units of work and let each reach the queue."""
    tasks = [asyncio.ensure_future(each) for each in work]
    await asyncio.sleep(0)
    return tasks


class Commits:
    """Counts the commits that reach the database."""

    def __init__(self, engine: Engine) -> None:
        self.count = 0
        event.listen(engine, "commit", self._count)

    def _count(self, _connection: Connection) -> None:
        self.count += 1


# Groups.


async def test_answer_means_that_it_is_on_the_disk(writer: Writer, path: Path) -> None:
    assert await note(writer, "a") == "a"
    assert stored(path) == ["a"]


async def test_units_that_wait_together_share_a_commit(writer: Writer, engine: Engine, path: Path) -> None:
    commits = Commits(engine)
    async with busy(writer):
        tasks = await queued(*(note(writer, f"{number:03}") for number in range(200)))
    assert await asyncio.gather(*tasks) == [f"{number:03}" for number in range(200)]
    assert commits.count == 2, "one of the unit that was waited for, one of all others"
    assert len(stored(path)) == 200


async def test_group_is_bounded(writer: Writer, engine: Engine) -> None:
    commits = Commits(engine)
    async with busy(writer):
        tasks = await queued(*(note(writer, str(number)) for number in range(2 * MAX_GROUP + 1)))
    await asyncio.gather(*tasks)
    assert commits.count == 4  # 1 + 256 + 256 + 1


async def test_unit_alone_does_not_wait_for_others(writer: Writer, engine: Engine) -> None:
    commits = Commits(engine)
    for number in range(3):
        await note(writer, str(number))
    assert commits.count == 3


async def test_units_run_in_order(writer: Writer) -> None:
    order: list[int] = []

    def work(number: int) -> Callable[[Connection], None]:
        return lambda _connection: order.append(number)

    await asyncio.gather(*(writer.run(work(number)) for number in range(100)))
    assert order == list(range(100))


async def test_unit_sees_what_earlier_units_of_its_group_wrote(writer: Writer) -> None:
    def count(connection: Connection) -> int:
        return int(connection.exec_driver_sql("SELECT count(*) FROM notes").scalar_one())

    async with busy(writer):
        tasks = await queued(note(writer, "a"), writer.run(count), note(writer, "b"), writer.run(count))
    assert await asyncio.gather(*tasks) == ["a", 1, "b", 2]


# Others who write to the same file.


def counted(connection: Connection) -> int:
    return int(connection.exec_driver_sql("SELECT count(*) FROM notes").scalar_one())


async def number_on(writer: Writer) -> int:
    """Store the number of the notes that there are as the next note: two that see the same number cannot both do so."""

    def work(connection: Connection) -> int:
        number = counted(connection)
        connection.exec_driver_sql("INSERT INTO notes VALUES (?)", (f"{number:04}",))
        return number

    return await writer.run(work)


async def test_two_writers_of_one_file_lose_nothing_and_fail_nobody(writer: Writer, path: Path) -> None:
    with closing(Writer(engine_for(path))) as other:
        numbers: list[int] = []
        for _ in range(100):
            numbers += await asyncio.gather(number_on(writer), number_on(other))
        numbers += await asyncio.gather(*(number_on(each) for each in (writer, other) * 100))
    assert sorted(numbers) == list(range(400))
    assert stored(path) == [f"{number:04}" for number in range(400)]


async def test_what_was_read_is_so_until_it_is_written(writer: Writer, path: Path) -> None:
    """Another process's commit between reading and writing would fail the writing: it waits instead."""
    read, go_on = threading.Event(), threading.Event()

    def work(connection: Connection) -> str:
        found = counted(connection)
        read.set()
        go_on.wait()
        connection.exec_driver_sql("INSERT INTO notes VALUES (?)", (f"after {found}",))
        return f"after {found}"

    with closing(Writer(engine_for(path))) as other:
        (mine,) = await queued(writer.run(work))
        await asyncio.to_thread(read.wait)
        (theirs,) = await queued(note(other, "theirs"))
        assert stored(path) == []
        go_on.set()
        assert [await mine, await theirs] == ["after 0", "theirs"]
    assert stored(path) == ["after 0", "theirs"]


async def test_who_only_reads_keeps_nobody_from_writing(writer: Writer, path: Path) -> None:
    read, go_on = threading.Event(), threading.Event()

    def work(connection: Connection) -> tuple[int, int]:
        before = counted(connection)
        read.set()
        go_on.wait()
        return before, counted(connection)

    with closing(Writer(engine_for(path))) as other:
        (reading,) = await queued(other.read(work))
        await asyncio.to_thread(read.wait)
        assert await note(writer, "a") == "a"
        go_on.set()
        assert await reading == (0, 0), "as of one moment"
        assert await other.read(counted) == 1


async def test_who_only_reads_cannot_write_in_any_group(writer: Writer, path: Path) -> None:
    def write(connection: Connection) -> None:
        connection.exec_driver_sql("INSERT INTO notes VALUES ('b')")

    async with busy(writer):
        tasks = await queued(note(writer, "a"), writer.read(write), note(writer, "c"))
    a, refused, c = await asyncio.gather(*tasks, return_exceptions=True)
    assert (a, c) == ("a", "c")
    assert isinstance(refused, OperatorError)
    assert "readonly" in str(refused)
    assert stored(path) == ["a", "c"]


# Failures.


async def test_failing_unit_does_not_touch_its_neighbours(writer: Writer, engine: Engine, path: Path) -> None:
    def half(connection: Connection) -> None:
        connection.exec_driver_sql("INSERT INTO notes VALUES ('half')")
        raise LookupError("the other half is missing")

    commits = Commits(engine)
    async with busy(writer):
        tasks = await queued(note(writer, "a"), writer.run(half), note(writer, "b"))
    first, failed, last = await asyncio.gather(*tasks, return_exceptions=True)
    assert (first, last) == ("a", "b")
    assert isinstance(failed, LookupError)
    assert commits.count == 2, "the neighbours shared a commit nevertheless"
    assert stored(path) == ["a", "b"]


async def test_broken_key_is_a_broken_invariant(writer: Writer, path: Path) -> None:
    await note(writer, "secret")
    with pytest.raises(InvariantBroken, match=r"UNIQUE constraint failed: notes\.note") as caught:
        await note(writer, "secret")
    assert "secret" not in str(caught.value), "values of the row stay out of the logs"
    assert stored(path) == ["secret"]


async def test_database_that_fails_is_the_operators_matter(writer: Writer) -> None:
    with pytest.raises(OperatorError, match="no such table: nowhere"):
        await writer.run(lambda connection: connection.exec_driver_sql("SELECT * FROM nowhere"))


async def test_commit_that_fails_fails_for_everyone(writer: Writer, path: Path) -> None:
    def orphan(connection: Connection) -> None:
        connection.exec_driver_sql("INSERT INTO replies VALUES ('re: nothing')")  # its key is checked by the commit

    async with busy(writer):
        tasks = await queued(note(writer, "a"), writer.run(orphan), note(writer, "b"))
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == 3 * [InvariantBroken]
    assert stored(path) == []
    assert await note(writer, "c") == "c", "the writer goes on with the next group"
    assert stored(path) == ["c"]


async def test_transaction_that_does_not_begin_fails_for_everyone(writer: Writer, engine: Engine, path: Path) -> None:
    def fail(_connection: Connection) -> None:
        raise OperationalError("BEGIN", {}, sqlite3.OperationalError("disk I/O error"))

    async with busy(writer):
        tasks = await queued(note(writer, "a"), note(writer, "b"))
        event.listen(engine, "begin", fail)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    event.remove(engine, "begin", fail)
    assert [type(result) for result in results] == 2 * [OperatorError]
    assert await note(writer, "c") == "c"
    assert stored(path) == ["c"]


async def test_full_disk_fails_for_everyone_whose_work_it_takes_back(writer: Writer, path: Path) -> None:
    """SQLite gives up the whole transaction then, so what ran before is gone too, and must not be called stored."""

    def fill_the_disk(connection: Connection) -> None:
        pages: int = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 1}")

    await writer.run(fill_the_disk)
    async with busy(writer):
        tasks = await queued(note(writer, "a"), note(writer, 100_000 * "x"), note(writer, "b"))
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == 3 * [OperatorError]
    assert "full" in str(results[1])
    assert stored(path) == []
    assert await note(writer, "c") == "c"
    assert stored(path) == ["c"]


# Callers that go away.


async def test_cancelled_caller_leaves_its_work_queued(writer: Writer, path: Path) -> None:
    async with busy(writer):
        tasks = await queued(note(writer, "a"), note(writer, "b"))
        tasks[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await tasks[0]
    assert await tasks[1] == "b"
    assert stored(path) == ["a", "b"]


async def test_caller_that_runs_out_of_time_leaves_its_work_queued(writer: Writer, path: Path) -> None:
    async with busy(writer):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(note(writer, "a"), 0.01)
    await note(writer, "b")
    assert stored(path) == ["a", "b"]


async def test_callers_cancelled_at_any_moment_stop_nobody(writer: Writer, path: Path) -> None:
    for round_number in range(50):
        tasks = await queued(*(note(writer, f"{round_number}:{number}") for number in range(20)))
        for task in tasks[: round_number % 20]:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert not [result for result in results if isinstance(result, Exception)]
    await note(writer, "last")
    assert len(stored(path)) == 50 * 20 + 1


async def test_failure_that_nobody_waits_for_is_silent(writer: Writer) -> None:
    complaints: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))

    def fail(_connection: Connection) -> None:
        raise LookupError("nobody asks")

    async with busy(writer):
        (task,) = await queued(writer.run(fail))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await note(writer, "after")
    await asyncio.sleep(0)
    assert complaints == []


def test_loop_that_is_closed_meanwhile_stops_nobody(writer: Writer, path: Path) -> None:
    finish = threading.Event()

    def work(connection: Connection) -> None:
        finish.wait()
        connection.exec_driver_sql("INSERT INTO notes VALUES ('a')")

    async def leave() -> None:
        await queued(writer.run(work))

    asyncio.run(leave())
    finish.set()
    assert asyncio.run(note(writer, "b")) == "b"
    assert stored(path) == ["a", "b"]


# The end.


async def test_closed_writer_takes_nothing(writer: Writer) -> None:
    writer.close()
    with pytest.raises(InvariantBroken, match="closed"):
        await note(writer, "a")


async def test_closing_finishes_what_is_queued(writer: Writer, path: Path) -> None:
    tasks = await queued(*(note(writer, str(number)) for number in range(MAX_GROUP + 2)))
    writer.close()
    assert len(stored(path)) == MAX_GROUP + 2, "it is all on the disk when close returns"
    await asyncio.gather(*tasks)


async def test_closing_ends_the_thread(writer: Writer) -> None:
    writer.close()
    writer.close()
    assert "store-writer" not in [thread.name for thread in threading.enumerate()]
