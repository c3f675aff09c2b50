"""One thread that owns the connection: work is queued, run in order, and committed in groups.

Callers await their own unit of work; while one commit is on its way to the disk, the next group gathers. A unit that
fails is rolled back alone, by its savepoint. A group whose commit fails, or whose transaction the database gives up (a
full disk does that), fails as a whole: nobody is told "stored" before it is on the disk.

A group that writes takes the database's write lock before it reads: what it read is still so when it writes, whichever
other process writes to the same file. A group that only reads takes no lock.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from remora.domain.errors import InvariantBroken, OperatorError

T = TypeVar("T")
Work = Callable[[Connection], Any]

MAX_GROUP = 256
"""Units of work per commit at most: bounds how long the first one waits for the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unit:
    """A unit of work and who waits for it."""

    work: Work
    writes: bool
    future: Future[Any]


class Writer:
    """Runs units of work on one connection in one thread."""

    def __init__(self, engine: Engine) -> None:
        self._reading = engine
        self._writing = engine.execution_options(begin="BEGIN IMMEDIATE")
        self._queue: queue.SimpleQueue[_Unit | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()
        self._closed = False

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Run a unit of work in a transaction and return its result once that is on the disk."""
        return await self._queued(work, writes=True)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run a unit of work that only reads, as of one moment, without keeping other processes from writing.

        One that writes all the same fails.
        """
        return await self._queued(work, writes=False)

    def close(self) -> None:
        """Finish what is queued, then end the thread."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
            self._thread.join()

    async def _queued(self, work: Callable[[Connection], T], *, writes: bool) -> T:
        if self._closed:
            raise InvariantBroken("the store is closed")
        future: Future[T] = Future()
        self._queue.put(_Unit(work=work, writes=writes, future=future))
        return await asyncio.shield(asyncio.wrap_future(future))

    def _run(self) -> None:
        while group := self._next_group():
            self._commit([item for item in group if item])
            if None in group:
                return

    def _next_group(self) -> list[_Unit | None]:
        group = [self._queue.get()]
        while len(group) < MAX_GROUP and group[-1] is not None and not self._queue.empty():
            group.append(self._queue.get())
        return group

    def _commit(self, group: list[_Unit]) -> None:
        """Run a group and commit it, on a connection that the pool takes back: it ends what a failed commit left."""
        done: list[tuple[Future[Any], Any]] = []
        engine = self._writing if any(unit.writes for unit in group) else self._reading
        try:
            with engine.begin() as connection:
                for unit in group:
                    self._attempt(connection, unit, done)
        except BaseException as error:  # noqa: BLE001  whatever failed the commit must reach every caller
            for unit in group:
                if not unit.future.done():
                    unit.future.set_exception(_named(error))
            return
        for future, result in done:
            future.set_result(result)

    @staticmethod
    def _attempt(connection: Connection, unit: _Unit, done: list[tuple[Future[Any], Any]]) -> None:
        savepoint = connection.begin_nested()
        try:
            with _permission(connection, writes=unit.writes):
                result = unit.work(connection)
            savepoint.commit()
        except BaseException as error:  # the caller's future carries it
            if not _in_transaction(connection):
                raise
            savepoint.rollback()
            unit.future.set_exception(_named(error))
        else:
            done.append((unit.future, result))


@contextmanager
def _permission(connection: Connection, *, writes: bool) -> Iterator[None]:
    """Let SQLite refuse what writes in a unit that only reads, in whatever group it is."""
    if writes:
        yield
        return
    raw: Any = connection.connection.driver_connection
    raw.execute("PRAGMA query_only=ON")
    try:
        yield
    finally:
        raw.execute("PRAGMA query_only=OFF")


def _in_transaction(connection: Connection) -> bool:
    """Tell whether SQLite still has the group's transaction: some errors roll all of it back, savepoints included."""
    raw: Any = connection.connection.driver_connection
    return bool(raw.in_transaction)


def _named(error: BaseException) -> BaseException:
    """Name a database error by what the caller must do: a broken key is a broken invariant, the rest a person's task.

    Without the statement's parameters: errors are logged.
    """
    match error:
        case IntegrityError():
            return InvariantBroken(f"the database refused: {error.orig}")
        case SQLAlchemyError():
            return OperatorError(f"the database failed: {getattr(error, 'orig', error)}")
        case _:
            return error
