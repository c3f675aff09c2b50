"""The migrations make the schema that the code speaks of, can be taken back, and leave all or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, event, inspect

from remora.adapters.store.database import MIGRATIONS, engine_for, migrate
from remora.adapters.store.schema import metadata

VERSION_TABLE = "alembic_version"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = engine_for(tmp_path / "migrated.db")
    yield engine
    engine.dispose()


@pytest.fixture
def created(tmp_path: Path) -> Iterator[Engine]:
    """A database whose tables were made from the schema, without migrations."""
    engine = engine_for(tmp_path / "created.db")
    metadata.create_all(engine)
    yield engine
    engine.dispose()


def downgrade(engine: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names()) - {VERSION_TABLE}


def reflected(engine: Engine) -> dict[str, dict[str, Any]]:
    """Everything that the database says of its tables, in a form that can be compared."""
    found = inspect(engine)
    return {
        table: {
            "columns": [
                (column["name"], str(column["type"]), column["nullable"], column["default"])
                for column in found.get_columns(table)
            ],
            "primary key": found.get_pk_constraint(table)["constrained_columns"],
            "uniques": {u["name"]: u["column_names"] for u in found.get_unique_constraints(table)},
            "indexes": {i["name"]: (i["column_names"], i["unique"]) for i in found.get_indexes(table)},
            "foreign keys": sorted(
                (key["constrained_columns"], key["referred_table"], key["referred_columns"])
                for key in found.get_foreign_keys(table)
            ),
            "checks": found.get_check_constraints(table),
        }
        for table in tables(engine)
    }


def test_there_is_one_head() -> None:
    assert len(ScriptDirectory(str(MIGRATIONS)).get_heads()) == 1


def test_migrations_make_the_schema(engine: Engine, created: Engine) -> None:
    migrate(engine)
    assert reflected(engine) == reflected(created)


def test_schema_has_all_that_is_compared(created: Engine) -> None:
    """Guards the comparison: a reflection that saw nothing would make everything equal."""
    found = reflected(created)
    assert set(found) == set(metadata.tables)
    assert found["signals"]["uniques"] == {
        "one_signal_per_leader_fill": ["chain_id", "exchange", "order_hash", "tx_hash"]
    }
    assert found["transactions"]["uniques"] == {"one_transaction_per_wallet_and_nonce": ["wallet", "nonce"]}
    assert found["legs"]["indexes"]["legs_by_state"] == (["state"], 0)
    assert found["debts"]["foreign keys"] == [(["settlement_id"], "legs", ["settlement_id"])]
    nullable = {name for name, _, is_nullable, *_ in found["intents"]["columns"] if is_nullable}
    assert nullable == {"reason", "facts"}


def test_nothing_is_left_to_generate(engine: Engine) -> None:
    migrate(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_migrating_again_changes_nothing(engine: Engine) -> None:
    migrate(engine)
    before = reflected(engine)
    migrate(engine)
    assert reflected(engine) == before


def test_downgrade_takes_everything_back_and_upgrade_brings_it_again(engine: Engine) -> None:
    migrate(engine)
    before = reflected(engine)
    downgrade(engine)
    assert tables(engine) == set()
    migrate(engine)
    assert reflected(engine) == before


def test_rows_survive_migrating_again(engine: Engine) -> None:
    migrate(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO cursor VALUES (1, 77)")
    migrate(engine)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT block_number FROM cursor").scalar_one() == 77


@pytest.mark.parametrize("statement_number", [1, 5, 15])
def test_migration_that_is_interrupted_leaves_nothing(engine: Engine, statement_number: int) -> None:
    remaining = [statement_number]

    def interrupt(*event_arguments: Any) -> None:
        statement: str = event_arguments[2]
        remaining[0] -= statement.strip().startswith("CREATE")
        if not remaining[0]:
            raise InterruptedError

    event.listen(engine, "before_cursor_execute", interrupt)
    with pytest.raises(InterruptedError):
        migrate(engine)
    event.remove(engine, "before_cursor_execute", interrupt)
    assert inspect(engine).get_table_names() == []
    migrate(engine)
    assert tables(engine) == set(metadata.tables)
