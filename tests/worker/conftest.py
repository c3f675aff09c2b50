"""The outside world in memory, but for the database: that is a real one, so that what is durable can be seen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete

from remora.adapters.store.database import engine_for, migrate
from remora.adapters.store.schema import metadata
from remora.adapters.store.writer import Writer
from remora.domain.ids import Address
from tests.fakes.chain import FakeChain, FakeSender
from tests.fakes.clearinghouse import FakeClearinghouse
from tests.fakes.database import Database
from tests.fakes.signer import FakeSigner
from tests.fakes.specimens import TOKEN, book, market, wallet
from tests.fakes.venue import FakeVenue

TREASURY = Address("0x7" + 39 * "0")


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A database with all tables. One for all tests: an engine remembers the statements that it compiled."""
    engine = engine_for(tmp_path_factory.mktemp("database") / "remora.db")
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def database(engine: Engine) -> Iterator[Database]:
    """A database without rows."""
    with closing(Writer(engine)) as writer:
        yield Database(Path(str(engine.url.database)), writer)
    with engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(delete(table))


@pytest.fixture
def chain() -> FakeChain:
    return FakeChain()


@pytest.fixture
def venue() -> FakeVenue:
    """One market with a book: 0.51 bid, 0.52 asked."""
    fake = FakeVenue()
    fake.markets[TOKEN] = market()
    fake.order_books[TOKEN] = book()
    return fake


@pytest.fixture
def clearinghouse() -> FakeClearinghouse:
    return FakeClearinghouse()


@pytest.fixture
def sender(chain: FakeChain, clearinghouse: FakeClearinghouse) -> FakeSender:
    return FakeSender(chain, clearinghouse)


@pytest.fixture
def signer() -> FakeSigner:
    return FakeSigner((wallet(1), wallet(2), wallet(3)), TREASURY)
