"""A match is not a fill: what the venue matched comes later, or never."""

from __future__ import annotations

import pytest

from tests.scenario.casts import trio
from tests.scenario.faults.outcome import inexact, reasons
from tests.scenario.faults.sabotage import Sabotage
from tests.scenario.theatre import Theatre
from tests.scenario.traps import Belied, Moment

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_an_entry_whose_match_reverts_fails_and_costs_nobody_anything(
    theatre: Theatre, sabotage: Sabotage
) -> None:
    async with theatre.rehearsal(trio, fleet_size=1) as rehearsal:
        await rehearsal.start()
        (operator,) = rehearsal.performance.stage.fleet
        await sabotage.inject("failed-trade", wallet=operator, count=1)
        await rehearsal.buy()
        await rehearsal.settled()
        assert await sabotage.is_spent()
        assert reasons(rehearsal) == {"MATCH_REVERTED": 3}
        assert await inexact(rehearsal) == []


async def test_an_exit_whose_match_reverts_gives_the_shares_back(theatre: Theatre, sabotage: Sabotage) -> None:
    async with theatre.rehearsal(trio, fleet_size=1) as rehearsal:
        await rehearsal.start()
        (operator,) = rehearsal.performance.stage.fleet
        await rehearsal.buy()
        await rehearsal.settled()
        await sabotage.inject("failed-trade", wallet=operator, count=1)
        await rehearsal.sell()
        await rehearsal.settled()
        assert await sabotage.is_spent()
        assert reasons(rehearsal) == {"MATCH_REVERTED": 3}
        assert await inexact(rehearsal, gave_back=True) == []


async def test_an_order_that_the_venue_says_it_refused_and_that_fills_is_copied_all_the_same(
    theatre: Theatre, sabotage: Sabotage
) -> None:
    """The order has ended when its fill comes: its followers get what they wanted, through legs of their own."""

    async def belie() -> None:
        raise Belied("the market is closed")

    async with theatre.rehearsal(trio, fleet_size=1) as rehearsal:
        await rehearsal.start()
        (operator,) = rehearsal.performance.stage.fleet
        await sabotage.inject("retried-trade", wallet=operator, count=1, seconds=2)
        rehearsal.trap(Moment.AFTER, "POST /order", belie)
        await rehearsal.buy()
        await rehearsal.life.heard("order_rejected")
        allotted = await rehearsal.life.heard("late_fill_allotted")
        assert allotted["followers"] == 3
        await rehearsal.settled()
        assert await rehearsal.wrong() == []
