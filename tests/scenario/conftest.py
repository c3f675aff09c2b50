"""One devnet with deep books for all scenarios of the supervisor, and one with thin books for orders that wait."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from remora.devnet.launcher import DevnetConfig, running_devnet
from remora.devnet.traders.crew import MAKER_SHARES, market_maker, market_making, stock
from remora.devnet.traders.market_maker import Ladder
from remora.domain.money import ONE, Shares
from tests.scenario.theatre import BLOCK_TIME_S, Theatre
from tests.scenario.thin import ThinBook

DEEP = Ladder(shares=Shares(100_000 * ONE))
"""No copy of a scenario moves the price."""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def theatre(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Theatre]:
    folder = tmp_path_factory.mktemp("theatre")
    with _compiled_once(folder):
        async with (
            running_devnet(DevnetConfig(block_time_s=BLOCK_TIME_S)) as devnet,
            market_making(devnet.endpoints, devnet.funding, ladder=DEEP, pause_s=30.0),
        ):
            yield Theatre(devnet, folder)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def thin(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ThinBook]:
    folder = tmp_path_factory.mktemp("thin")
    with _compiled_once(folder):
        async with (
            running_devnet(DevnetConfig(block_time_s=BLOCK_TIME_S)) as devnet,
            market_maker(devnet.endpoints, devnet.funding) as maker,
        ):
            market = devnet.endpoints.markets[0]
            await stock(devnet.funding, market, MAKER_SHARES)
            yield ThinBook(theatre=Theatre(devnet, folder), maker=maker, market=market)


@contextmanager
def _compiled_once(folder: Path) -> Iterator[None]:
    """Let supervisors inherit where bytecode is: the second one need not compile what the first one has."""
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        environment.setenv("PYTHONPYCACHEPREFIX", str(folder / "bytecode"))
        yield
