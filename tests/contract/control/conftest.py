"""One devnet for the tests of what its control API adds and ends."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from remora.devnet.launcher import Devnet, DevnetConfig, running_devnet
from tests.contract.control.scene import Scene


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def devnet() -> AsyncIterator[Devnet]:
    async with running_devnet(DevnetConfig(block_time_s=0.2, markets=())) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def scene(devnet: Devnet) -> Scene:
    return Scene(devnet=devnet)
