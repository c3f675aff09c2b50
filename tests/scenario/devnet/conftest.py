"""One devnet for the scenarios that do not end theirs."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from remora.devnet.launcher import Devnet, DevnetConfig, running_devnet


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def devnet() -> AsyncIterator[Devnet]:
    async with running_devnet(DevnetConfig(block_time_s=0.2)) as running:
        yield running
