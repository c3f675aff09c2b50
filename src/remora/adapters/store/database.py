"""Opening the database: one file, one process, WAL with full durability, migrated to the newest schema."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import DatabaseError

from remora.adapters.store.writer import Writer
from remora.domain.errors import OperatorError

MIGRATIONS = Path(__file__).parent / "migrations"


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


def engine_for(path: Path) -> Engine:
    """Return an engine whose connections are durable (WAL, synchronous=FULL) and whose transactions we begin ourselves.

    The driver's own transaction handling would commit before savepoints; SQLAlchemy's documentation gives this recipe.
    """
    engine = create_engine(f"sqlite:///{path}", connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def migrate(engine: Engine) -> None:
    """Apply all migrations that the database has not seen, in one transaction. OperatorError when they do not fit."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    try:
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except (CommandError, DatabaseError) as error:
        found = getattr(error, "orig", error)
        raise OperatorError(f"expected {engine.url.database} to be this remora's database, found: {found}") from error


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
