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
from sqlalchemy import Engine, event, insert, inspect, text
from sqlalchemy.exc import IntegrityError

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
    assert found["transactions"]["uniques"] == {"one_transaction_per_attempt": ["wallet", "nonce", "attempt"]}
    assert found["legs"]["indexes"]["legs_by_state"] == (["state"], 0)
    assert found["debts"]["foreign keys"] == [(["settlement_id"], "legs", ["settlement_id"])]
    nullable = {name for name, _, is_nullable, *_ in found["intents"]["columns"] if is_nullable}
    assert nullable == {"reason", "facts", "condition_id", "sized"}


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


def upgrade(engine: Engine, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def test_signals_of_an_older_remora_keep_their_decisions(engine: Engine) -> None:
    upgrade(engine, "0001")
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO signals VALUES"
                " ('s', 31337, 'e', 'o', 't', 'l', 'taker', 'BUY', '1', 2, 1, 0, 7, 3, 40, 41, 42)"
            )
        )
        connection.execute(text("INSERT INTO denials VALUES ('s', 'p', 'f', 'TOO_OLD', '{}')"))
    migrate(engine)
    with engine.begin() as connection:
        columns = "state, source, block_hash, heard_us, mined_heard_us, kind, held_before"
        row = connection.execute(text("SELECT " + columns + " FROM signals")).one()
        assert tuple(row) == ("mined", "chain", None, 40, 40, "trade", None)
        assert connection.execute(text("SELECT signal_id FROM denials")).scalar_one() == "s"
        with pytest.raises(IntegrityError):  # rows still refer to each other
            connection.execute(text("INSERT INTO denials VALUES ('x', 'p', 'f', 'TOO_OLD', '{}')"))


def test_transactions_of_an_older_remora_are_the_first_of_their_nonce(engine: Engine) -> None:
    upgrade(engine, "0004")
    row = "('h', 31337, 'w', 7, 't', '', '0', 1, '2', '1', 'deliver', 'recorded', 3, NULL)"
    with engine.begin() as connection:
        connection.execute(text(f"INSERT INTO transactions VALUES {row}"))
    migrate(engine)
    with engine.begin() as connection:
        found = connection.execute(text("SELECT nonce, attempt, max_fee, gas_used FROM transactions")).one()
        assert tuple(found) == (7, 0, "2", None)
        connection.execute(insert(metadata.tables["transactions"]).values(_sent(attempt=1)))
        with pytest.raises(IntegrityError):
            connection.execute(insert(metadata.tables["transactions"]).values(_sent(attempt=0)))


def _sent(*, attempt: int) -> dict[str, str | int]:
    texts = {"data": "", "value": "0", "max_fee": "2", "priority_fee": "1", "purpose": "deliver", "state": "recorded"}
    numbers = {"chain_id": 31337, "nonce": 7, "gas": 1, "sent_us": 3, "attempt": attempt}
    return {"tx_hash": f"h{attempt}", "wallet": "w", "target": "t", **texts, **numbers}


def test_what_was_allocated_before_limits_is_folded(engine: Engine) -> None:
    """20 shares for 10.1 with the fee, 5 of them sold for 3 less 0.1: cost 2.525 taken out, a gain of 0.375."""
    upgrade(engine, "0004")
    signal = "INSERT INTO signals VALUES (:id, 1, 'e', :id, 't', 'l', 'taker', :side, '1', 2, 1, 0, 7, 3, 40, 41, :at,"
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO leaders VALUES ('l', 'whale', 1, 5), ('m', 'other', 0, 5)"))
        for name, side, at in (("b", "BUY", 86_400_000_042), ("s", "SELL", 86_400_000_043)):
            values = {"id": name, "side": side, "at": at}
            connection.execute(text(f"{signal} NULL, 'chain', 'mined', 40)"), values)
            connection.execute(
                text("INSERT INTO intents VALUES (:id, :id, 'p', 'f', :side, '1', 5, 9, 0, 9, 'settled', NULL, NULL)"),
                values,
            )
            connection.execute(
                text("INSERT INTO orders VALUES (:id, 'w', 0, 'FAK', :side, '1', 5, 1, 1, 1, 1, 9, 'done', 1, 1, 1)"),
                values,
            )
        connection.execute(text("INSERT INTO allocations VALUES ('b', 'b', 20000000, 10000000, 100000, 0)"))
        connection.execute(text("INSERT INTO allocations VALUES ('s', 's', 5000000, 3000000, 100000, 0)"))
        connection.execute(text("""INSERT INTO denials VALUES ('b', 'q', 'f', 'LEADER_PAUSED', '{"leader": "l"}')"""))
    migrate(engine)
    with engine.connect() as connection:

        def rows(query: str) -> list[tuple[Any, ...]]:
            return [tuple(row) for row in connection.execute(text(query))]

        assert rows("SELECT * FROM lots") == [("p", "1", "f", "l", None, 15_000_000, 7_575_000, 0, None)]
        assert rows("SELECT * FROM spending") == [(86_400_000_000, "p", "f", "l", 10_100_000)]
        assert rows("SELECT basis FROM allocations ORDER BY intent_id") == [(10_100_000,), (2_525_000,)]
        assert rows("SELECT realised, losses_in_row FROM results") == [(375_000, 0)] * 4
        assert rows("SELECT scope, subject, halt, set_us FROM switches") == [("leader", "l", "pause", 5)]
        assert rows("SELECT reason, facts FROM denials") == [("PAUSED", '{"whom":"leader l","why":"by hand"}')]
        assert rows("SELECT decided_us, fee_bound FROM intents WHERE intent_id = 'b'") == [(86_400_000_042, 0)]


def test_lots_of_a_market_of_which_a_leader_redeemed_are_of_a_resolved_one(engine: Engine) -> None:
    """Token 1 was redeemed, 2 is its market's other outcome, 3 is of a market that is not known, 4 of another."""
    upgrade(engine, "0013")
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO signals (signal_id, chain_id, exchange, order_hash, tx_hash, leader, role, side, token_id,"
                " shares, collateral, fee, heard_us, stored_us, source, state, kind) VALUES"
                " ('r', 1, 'e', 'o', 't', 'l', 'taker', 'SELL', '1', 2, 2, 0, 40, 42, 'chain', 'mined', 'redemption')"
            )
        )
        for token, market in (("1", "m"), ("2", "m"), ("3", None), ("4", "n")):
            values = {"token": token, "market": market}
            connection.execute(text("INSERT INTO lots VALUES ('p', :token, 'f', 'l', :market, 20, 10)"), values)
    migrate(engine)
    with engine.connect() as connection:
        found = connection.execute(text("SELECT token_id, resolved FROM lots ORDER BY token_id")).all()
    assert [tuple(row) for row in found] == [("1", 1), ("2", 1), ("3", 0), ("4", 0)]
