"""Opening the database: one file, one process, WAL with full durability, migrated to the newest schema."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError

from remora.adapters.store.writer import Writer
from remora.domain.errors import OperatorError

MIGRATIONS = Path(__file__).parent / "migrations"

PATIENCE_MS = 60_000
"""How long whoever wants to write waits for another process's commit, which takes milliseconds."""


@contextmanager
def opened(path: Path) -> Iterator[Writer]:
    """Open, migrate and lock the database for this process.

    OperatorError when another process holds it: two supervisors on one database would spend the same float twice. Also
    when the file is no database, or one of a newer remora.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path.with_name(path.name + ".lock")):
        engine = engine_for(path)
        try:
            migrate(engine)
            with closing(Writer(engine)) as writer:
                yield writer
        finally:
            engine.dispose()


@contextmanager
def attached(path: Path) -> Iterator[Writer]:
    """Open the database beside whoever holds it, for short work: SQLite lets one write after the other.

    Without a supervisor it is migrated first. OperatorError as for `opened`, and when the supervisor that runs on it is
    of another version, so that the tables are not what this one expects.
    """
    if not is_held(path):
        with opened(path) as writer:
            yield writer
        return
    engine = engine_for(path)
    try:
        _expect_newest(engine)
        with closing(Writer(engine)) as writer:
            yield writer
    finally:
        engine.dispose()


def is_held(path: Path) -> bool:
    """Tell whether a supervisor runs on the database."""
    lock = path.with_name(path.name + ".lock")
    if not lock.exists():
        return False
    with lock.open("r") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _expect_newest(engine: Engine) -> None:
    newest = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    with engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    if found != newest:
        raise OperatorError(
            f"expected {engine.url.database} at revision {newest}, found {found}: "
            "the supervisor that runs on it is of another version"
        )


def engine_for(path: Path) -> Engine:
    """Return an engine whose connections are durable (WAL, synchronous=FULL) and whose transactions we begin ourselves.

    The driver's own transaction handling would commit before savepoints; SQLAlchemy's documentation gives this recipe.
    The execution option `begin` says how: `BEGIN IMMEDIATE` waits for the write lock before anything is read, since a
    transaction that has read cannot wait for it any more once somebody else has committed.
    """
    engine = create_engine(f"sqlite:///{path}", connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={PATIENCE_MS}"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))

    return engine


def migrate(engine: Engine) -> None:
    """Apply all migrations that the database has not seen, in one transaction. OperatorError when they do not fit."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    try:
        with engine.connect() as connection, _unreferenced(connection):
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except (CommandError, DatabaseError) as error:
        found = getattr(error, "orig", error)
        raise OperatorError(f"expected {engine.url.database} to be this remora's database, found: {found}") from error


@contextmanager
def _unreferenced(connection: Connection) -> Iterator[None]:
    """Let tables be replaced while others refer to them: SQLite changes a column by copying its table.

    Foreign keys can only be switched between transactions.
    """
    raw: Any = connection.connection.driver_connection
    raw.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        connection.rollback()  # what was begun for reading only
        raw.execute("PRAGMA foreign_keys=ON")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OperatorError(
                f"expected to be the only supervisor on {path.with_suffix('')}, found another; stop it first"
            ) from None
        yield
