"""A supervisor on a devnet that is broken on purpose, and mended after every test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.scenario.casts import trio
from tests.scenario.faults.sabotage import Sabotage
from tests.scenario.theatre import LongRun, Theatre


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def run(theatre: Theatre) -> AsyncIterator[LongRun]:
    """Copy for three followers in one order, on the only wallet: a fault of that wallet strikes it for sure."""
    run = LongRun(lambda: theatre.rehearsal(trio, fleet_size=1))
    yield run
    await run.end()


@pytest_asyncio.fixture(loop_scope="session")
async def sabotage(theatre: Theatre) -> AsyncIterator[Sabotage]:
    sabotage = Sabotage(theatre.devnet.endpoints.control_url)
    yield sabotage
    await sabotage.end()
