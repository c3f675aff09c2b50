"""SIGTERM: what is in flight is finished, or left for the next start; either way the exit code is 0."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.scenario.casts import trio
from tests.scenario.evidence import unfinished
from tests.scenario.rehearsal import Rehearsal
from tests.scenario.theatre import LongRun, Theatre
from tests.scenario.traps import Moment, Swallowed

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def run(theatre: Theatre) -> AsyncIterator[LongRun]:
    """Give up before the venue would be asked about an order without an answer."""
    run = LongRun(lambda: theatre.rehearsal(trio, REMORA_SHUTDOWN_S="3", REMORA_NEVER_ARRIVED_S="6"))
    yield run
    await run.end()


async def test_an_order_in_flight_is_finished(theatre: Theatre) -> None:
    async with theatre.rehearsal(trio, REMORA_SHUTDOWN_S="30") as rehearsal:
        await rehearsal.start()

        async def ask_to_stop() -> None:
            rehearsal.ask_to_stop()

        rehearsal.trap(Moment.AFTER, "POST /order", ask_to_stop)
        await rehearsal.buy()
        assert await rehearsal.life.ended() == 0
        assert unfinished(rehearsal.performance) == set()
        assert await rehearsal.wrong() == []


async def test_an_order_without_an_answer_is_left_for_the_next_start(run: LongRun) -> None:
    async with run.scene() as rehearsal:
        rehearsal.trap(Moment.AFTER, "POST /order", lambda: _stop_without_an_answer(rehearsal))
        await rehearsal.buy()
        assert await rehearsal.life.ended() == 0
        assert unfinished(rehearsal.performance) == {"intent ordered", "order recorded"}
        await rehearsal.start()
        await rehearsal.settled()
        assert await rehearsal.wrong() == []


async def test_a_signal_that_comes_after_is_left_for_the_next_start(run: LongRun) -> None:
    async with run.scene() as rehearsal:
        before = rehearsal.performance.read().signals

        async def ask_to_stop() -> None:
            rehearsal.ask_to_stop()
            await rehearsal.life.heard("stopping")

        rehearsal.trap(Moment.AFTER, "eth_getBlockReceipts", ask_to_stop)
        await rehearsal.buy()
        assert await rehearsal.life.ended() == 0
        assert rehearsal.performance.read().signals == before
        await rehearsal.start()
        await rehearsal.settled()
        assert await rehearsal.wrong() == []


async def test_a_start_is_given_up(theatre: Theatre) -> None:
    async with theatre.rehearsal(trio) as rehearsal:
        rehearsal.trap(Moment.BEFORE, "approve", lambda: _stop_without_an_answer(rehearsal))
        life = await rehearsal.launch()
        assert await life.ended() == 0
        assert "listening" not in life.names


async def _stop_without_an_answer(rehearsal: Rehearsal) -> None:
    rehearsal.ask_to_stop()
    await rehearsal.life.ended()
    raise Swallowed
