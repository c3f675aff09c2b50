"""`kill -9` around the second try of an order of which the book had too little: filled, ended and delivered once."""

from __future__ import annotations

import json

import pytest

from remora.domain.policy import Orders
from tests.scenario.evidence import unfinished
from tests.scenario.rehearsal import Rehearsal, until
from tests.scenario.thin import ThinBook, delivered, ended_once, filled, orders, trade
from tests.scenario.traps import Moment

pytestmark = pytest.mark.asyncio(loop_scope="session")

BEFORE, AFTER = Moment.BEFORE, Moment.AFTER
AGAIN = {"REMORA_SECOND_TRY_S": "6"}


async def found_a_part(rehearsal: Rehearsal, thin: ThinBook) -> None:
    """Have the first order take what is there, and then put more there at the same price."""
    await trade(rehearsal)
    await until(lambda: len(filled(rehearsal)) == 1)
    await thin.refill()


async def test_the_rest_is_bought_when_it_is_there_and_told(thin: ThinBook) -> None:
    async with thin.bidding(Orders(), AGAIN) as rehearsal:
        await rehearsal.start()
        await found_a_part(rehearsal, thin)
        await until(lambda: len(delivered(rehearsal)) == 1)
        await ended_once(rehearsal, fills=2)
        bidder = rehearsal.performance.cast.followers[0].wallet
        (copy,) = json.loads(await rehearsal.command("copies", "--follower", bidder, "--json"))
        (story,) = json.loads(await rehearsal.command("why", copy["signal_id"], bidder, "--json"))["stories"]
        first, second = story["orders"]
        assert second["rest_of"] == first["order_hash"]
        assert len(first["fills"]) == len(second["fills"]) == 1


@pytest.mark.parametrize(
    ("moment", "fills", "states"),
    [
        pytest.param(BEFORE, 1, ["done", "rejected"], id="second-recorded-not-sent"),
        pytest.param(AFTER, 2, ["done", "done"], id="second-sent-not-answered"),
    ],
)
async def test_both_tries_are_settled_together(thin: ThinBook, moment: Moment, fills: int, states: list[str]) -> None:
    async with thin.bidding(Orders(), AGAIN) as rehearsal:
        await rehearsal.start()
        trap = rehearsal.kill(moment, "POST /order", spare=1)
        await found_a_part(rehearsal, thin)
        assert "order recorded" in await rehearsal.killed(trap)
        await rehearsal.start()
        await until(lambda: not unfinished(rehearsal.performance))
        await ended_once(rehearsal, fills=fills)
        assert orders(rehearsal) == states


async def test_a_rest_that_was_not_recorded_is_tried_by_the_next_process(thin: ThinBook) -> None:
    async with thin.bidding(Orders(), AGAIN) as rehearsal:
        await rehearsal.start()
        await found_a_part(rehearsal, thin)
        await rehearsal.life.supervisor.kill()
        assert unfinished(rehearsal.performance) == {"intent ordered", "order accepted"}
        await rehearsal.start()
        await ended_once(rehearsal, fills=2)
        assert orders(rehearsal) == ["done", "done"]
