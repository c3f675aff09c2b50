"""The supervisor that dies, again and again, on one database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.scenario.casts import trio
from tests.scenario.theatre import LongRun, Theatre


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def run(theatre: Theatre) -> AsyncIterator[LongRun]:
    """Copy for three followers with an order each on two wallets, so that one order waits for another's answer."""
    run = LongRun(lambda: theatre.rehearsal(trio, fleet_size=2, REMORA_FOLLOWERS_PER_ORDER="1"))
    yield run
    await run.end()
