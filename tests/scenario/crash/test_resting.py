"""`kill -9` around an order that rests in the book: while it is placed, while it fills, while it is taken out."""

from __future__ import annotations

import pytest

from remora.domain.policy import OrderMode, Orders
from tests.scenario.thin import ThinBook, ended_once, orders, resting, trade
from tests.scenario.traps import Moment

pytestmark = pytest.mark.asyncio(loop_scope="session")

BEFORE, AFTER = Moment.BEFORE, Moment.AFTER
LONG = Orders(kind=OrderMode.GTD, rest_s=600)
SHORT = Orders(kind=OrderMode.GTD, rest_s=10)


@pytest.mark.parametrize(
    ("moment", "message", "left"),
    [
        pytest.param(BEFORE, "POST /order", "order recorded", id="recorded-not-sent"),
        pytest.param(AFTER, "POST /order", "order recorded", id="accepted-not-answered"),
        pytest.param(BEFORE, "DELETE /order", "order accepted", id="cancellation-not-sent"),
        pytest.param(AFTER, "DELETE /order", "order accepted", id="cancellation-not-answered"),
    ],
)
async def test_an_order_that_rests_is_placed_and_taken_out_once(
    thin: ThinBook, moment: Moment, message: str, left: str
) -> None:
    async with thin.bidding(SHORT) as rehearsal:
        await rehearsal.start()
        trap = rehearsal.kill(moment, message)
        await trade(rehearsal)
        assert left in await rehearsal.killed(trap)
        await rehearsal.start()
        await ended_once(rehearsal, fills=1)
        assert rehearsal.traps.came.count("DELETE /order") >= 1


async def test_what_fills_while_nobody_is_there_is_heard_and_settled_with_the_rest(thin: ThinBook) -> None:
    async with thin.bidding(SHORT) as rehearsal:
        await rehearsal.start()
        await trade(rehearsal)
        await resting(rehearsal)
        await rehearsal.life.supervisor.kill()
        await thin.sell("10")
        await rehearsal.start()
        await ended_once(rehearsal, fills=2)
        assert orders(rehearsal) == ["done"]


async def test_what_a_stop_was_taking_back_is_taken_back_by_the_next_process(thin: ThinBook) -> None:
    async with thin.bidding(LONG) as rehearsal:
        await rehearsal.start()
        await trade(rehearsal)
        await resting(rehearsal)
        trap = rehearsal.kill(BEFORE, "DELETE /order")
        await rehearsal.command("stop", "--all")
        assert "order accepted" in await rehearsal.killed(trap)
        await thin.sell("10")
        await rehearsal.start()
        await ended_once(rehearsal, fills=2)
        assert orders(rehearsal) == ["done"]
