"""Blocks are taken back after they were acted on."""

from __future__ import annotations

import pytest

from tests.scenario.casts import trio
from tests.scenario.faults.outcome import inexact, reasons, wrong_in_the_end
from tests.scenario.faults.sabotage import Sabotage
from tests.scenario.rehearsal import until
from tests.scenario.theatre import LongRun, Theatre
from tests.scenario.traps import Moment

pytestmark = pytest.mark.asyncio(loop_scope="session")

DEPTHS = range(1, 6)

QUICK_S, SLOW_S = 0.2, 1
"""A trade is confirmed one block after its own: it must be taken away before that."""


@pytest.mark.parametrize("removed_logs", [True, False], ids=["removed-logs", "parent-hashes-only"])
@pytest.mark.parametrize("depth", DEPTHS)
async def test_a_leaders_trade_is_copied_once(
    run: LongRun, sabotage: Sabotage, depth: int, *, removed_logs: bool
) -> None:
    async with run.scene() as rehearsal:
        before = len(rehearsal.life.told("signal_heard"))
        await rehearsal.buy()
        await until(lambda: len(rehearsal.life.told("signal_heard")) > before)
        await sabotage.inject("reorg", depth=depth, removed_logs=removed_logs)
        await rehearsal.settled()
        assert await rehearsal.wrong() == []


@pytest.mark.parametrize("depth", DEPTHS)
async def test_a_settlement_is_made_once(run: LongRun, sabotage: Sabotage, depth: int) -> None:
    async with run.scene() as rehearsal:
        await rehearsal.buy()
        await rehearsal.settled()  # also what an earlier reorg took back, which is told of again
        await sabotage.inject("reorg", depth=depth)
        assert await wrong_in_the_end(rehearsal) == []


async def test_a_fill_that_never_comes_back_is_reversed_and_costs_nobody_anything(
    theatre: Theatre, sabotage: Sabotage
) -> None:
    """The block that had it is replaced before the shares are delivered, and sent again its match reverts."""
    async with theatre.rehearsal(trio, fleet_size=1, REMORA_REORG_DEPTH="2") as rehearsal:
        (operator,) = rehearsal.performance.stage.fleet

        async def take_away() -> None:
            await sabotage.inject("failed-trade", wallet=operator, count=1)
            await sabotage.inject("reorg", depth=3)

        await rehearsal.start()
        trap = rehearsal.trap(Moment.BEFORE, "deliver", take_away)
        await sabotage.inject("block-time", seconds=SLOW_S)
        try:
            await rehearsal.buy()
            reversal = await rehearsal.life.heard("fill_reversed")
        finally:
            await sabotage.inject("block-time", seconds=QUICK_S)
        assert trap.sprung.is_set()
        assert reversal["order"] == "reopened"
        await rehearsal.settled()
        assert reasons(rehearsal) == {"MATCH_REVERTED": 3}
        assert await inexact(rehearsal) == []
