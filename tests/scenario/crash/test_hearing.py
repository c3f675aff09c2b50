"""`kill -9` while it changes what the chain is, and before a block has what only the public history told."""

from __future__ import annotations

import asyncio
from collections import Counter
from signal import SIGKILL

import pytest
from sqlalchemy import select

from remora.adapters.store import schema
from remora.domain.signal import SignalState
from tests.scenario.casts import trio
from tests.scenario.evidence import doubts, traded, unfinished
from tests.scenario.faults.sabotage import Sabotage
from tests.scenario.rehearsal import Rehearsal, until
from tests.scenario.theatre import LongRun, Theatre
from tests.scenario.traps import Moment, Swallowed

pytestmark = pytest.mark.asyncio(loop_scope="session")

TOLD_WITHIN_S = 0.3
"""From the supervisor's line to our reading it."""

CLOCKS_DIFFER_S = 5.0
"""A chain with reorgs may be this late, and what is older than the first poll is left to the chain."""


@pytest.mark.parametrize("depth", [2, 4])
async def test_a_reorg_that_was_not_read_again_is_read_by_the_next_process(
    run: LongRun, theatre: Theatre, depth: int
) -> None:
    sabotage = Sabotage(theatre.devnet.endpoints.control_url)
    async with run.scene() as rehearsal:
        life, before = rehearsal.life, len(rehearsal.life.told("signal_heard"))
        _kill_before_the_reading_after(rehearsal, "reorg", already=len(life.told("reorg")))
        await rehearsal.buy()
        await until(lambda: len(life.told("signal_heard")) > before)
        await sabotage.inject("reorg", depth=depth)
        assert await life.ended() == -SIGKILL
        await rehearsal.start()
        await rehearsal.settled()
        assert await rehearsal.wrong() == []
        assert await _stored_in_the_end(rehearsal) == await traded(rehearsal.performance)


async def test_a_polled_trade_is_the_blocks_for_the_next_process_too(theatre: Theatre) -> None:
    data_url = theatre.devnet.endpoints.data_url
    async with theatre.rehearsal(trio, REMORA_DATA_URL=data_url, REMORA_POLL_S="1") as rehearsal:
        life = await rehearsal.start()
        await rehearsal.node.go_down()
        await life.heard("no_node_answers")  # the fallback comes half a minute later
        await asyncio.sleep(CLOCKS_DIFFER_S)
        await rehearsal.buy()
        await until(lambda: _states(rehearsal) == Counter({SignalState.PENDING: 1}))
        await life.supervisor.kill()
        rehearsal.node.come_up()
        await rehearsal.start()
        await until(lambda: _states(rehearsal) == Counter({SignalState.MINED: 1}))
        await rehearsal.buy()
        await until(lambda: _states(rehearsal) == Counter({SignalState.MINED: 2}))
        await until(lambda: not unfinished(rehearsal.performance))
        assert await _stored_in_the_end(rehearsal) == await traded(rehearsal.performance)
        figures = rehearsal.performance.read()
        assert figures.intents.total() + figures.denials.total() == 2 * len(rehearsal.performance.cast.followers)
        assert await doubts(rehearsal.performance) == []
        assert (await rehearsal.performance.audit()).balanced


def _kill_before_the_reading_after(rehearsal: Rehearsal, event: str, *, already: int) -> None:
    """Kill the supervisor when it has said something once more and asks for logs: what it read of them dies with it."""
    life = rehearsal.life

    async def die_or_wait() -> None:
        await asyncio.sleep(TOLD_WITHIN_S)
        if len(life.told(event)) > already:
            await life.supervisor.kill()
            raise Swallowed
        rehearsal.trap(Moment.BEFORE, "eth_getLogs", die_or_wait)

    rehearsal.trap(Moment.BEFORE, "eth_getLogs", die_or_wait)


def _states(rehearsal: Rehearsal) -> Counter[str]:
    with rehearsal.performance.database() as connection:
        return Counter(row.state for row in connection.execute(select(schema.signals.c.state)))


async def _stored_in_the_end(rehearsal: Rehearsal) -> Counter[str]:
    """Return the transactions of stored signals, once all of them are in blocks."""
    await until(lambda: _states(rehearsal).keys() == {SignalState.MINED})
    with rehearsal.performance.database() as connection:
        return Counter(row.tx_hash for row in connection.execute(select(schema.signals.c.tx_hash)))
