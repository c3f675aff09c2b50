"""The outside world in memory, but for the database: that is a real one, so that what is durable can be seen."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from remora.adapters.store.database import engine_for, opened
from remora.adapters.store.writer import Writer
from remora.domain.ids import Address
from tests.fakes.chain import FakeChain, FakeSender
from tests.fakes.clearinghouse import FakeClearinghouse
from tests.fakes.database import Database
from tests.fakes.signer import FakeSigner
from tests.fakes.specimens import TOKEN, market, quote, wallet
from tests.fakes.venue import FakeVenue

TREASURY = Address("0x7" + 39 * "0")


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with all tables and no rows; tests take copies of it."""
    path = tmp_path_factory.mktemp("database") / "remora.db"
    with opened(path):
        pass
    return path


@pytest.fixture
def database(migrated: Path, tmp_path: Path) -> Iterator[Database]:
    path = Path(shutil.copy(migrated, tmp_path))
    engine = engine_for(path)
    writer = Writer(engine)
    yield Database(path, writer)
    writer.close()
    engine.dispose()


@pytest.fixture
def chain() -> FakeChain:
    return FakeChain()


@pytest.fixture
def venue() -> FakeVenue:
    """One market with a book: 0.51 bid, 0.52 asked."""
    book = FakeVenue()
    book.markets[TOKEN] = market()
    book.quotes[TOKEN] = quote()
    return book


@pytest.fixture
def clearinghouse() -> FakeClearinghouse:
    return FakeClearinghouse()


@pytest.fixture
def sender(chain: FakeChain, clearinghouse: FakeClearinghouse) -> FakeSender:
    return FakeSender(chain, clearinghouse)


@pytest.fixture
def signer() -> FakeSigner:
    return FakeSigner((wallet(1), wallet(2), wallet(3)), TREASURY)
