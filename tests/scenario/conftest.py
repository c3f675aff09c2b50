"""One devnet with deep books for all scenarios of the supervisor; each has a cast, a fleet and a database of its own."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from remora.devnet.accounts import fleet
from remora.devnet.demo.cast import Cast
from remora.devnet.demo.performance import Performance
from remora.devnet.demo.stage import Stage
from remora.devnet.launcher import Devnet, DevnetConfig, running_devnet
from remora.devnet.traders.crew import market_making
from remora.devnet.traders.market_maker import Ladder
from remora.domain.money import ONE, Shares
from tests.scenario.rehearsal import Rehearsal, rehearsing

DEEP = Ladder(shares=Shares(100_000 * ONE))
"""No copy of a scenario moves the price."""

Rehearse = Callable[..., AbstractAsyncContextManager[Rehearsal]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def theatre() -> AsyncIterator[Devnet]:
    async with running_devnet(DevnetConfig(block_time_s=0.3)) as devnet:
        async with market_making(devnet.endpoints, devnet.funding, ladder=DEEP, pause_s=2.0):
            yield devnet


@pytest.fixture(scope="session")
def numbers() -> Iterator[int]:
    """Return a number of its own for each rehearsal."""
    return itertools.count(1)


@pytest.fixture(scope="session")
def bytecode(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the environment in which the second supervisor does not compile again what the first one has."""
    return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(tmp_path_factory.mktemp("bytecode"))}
