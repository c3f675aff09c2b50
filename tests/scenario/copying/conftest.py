"""The supervisor for scenarios that it survives."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.scenario.casts import trio
from tests.scenario.theatre import LongRun, Theatre


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def run(theatre: Theatre) -> AsyncIterator[LongRun]:
    run = LongRun(lambda: theatre.rehearsal(trio))
    yield run
    await run.end()
