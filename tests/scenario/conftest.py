"""One devnet with deep books for all scenarios of the supervisor."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from remora.devnet.launcher import DevnetConfig, running_devnet
from remora.devnet.traders.crew import market_making
from remora.devnet.traders.market_maker import Ladder
from remora.domain.money import ONE, Shares
from tests.scenario.theatre import Theatre

DEEP = Ladder(shares=Shares(100_000 * ONE))
"""No copy of a scenario moves the price."""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def theatre(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Theatre]:
    folder = tmp_path_factory.mktemp("theatre")
    with pytest.MonkeyPatch.context() as environment:
        # Supervisors inherit this: the second one need not compile what the first one has.
        environment.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        environment.setenv("PYTHONPYCACHEPREFIX", str(folder / "bytecode"))
        async with (
            running_devnet(DevnetConfig(block_time_s=0.2)) as devnet,
            market_making(devnet.endpoints, devnet.funding, ladder=DEEP, pause_s=30.0),
        ):
            yield Theatre(devnet, folder)
