"""Neighbours in trouble while the supervisor lives: nothing is lost and nothing doubled then, either."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from tests.scenario.rehearsal import until
from tests.scenario.theatre import LongRun
from tests.scenario.traps import Moment, Swallowed

pytestmark = pytest.mark.asyncio(loop_scope="session")

LONGER_THAN_NEVER_ARRIVED_S = 3.0


@pytest.mark.parametrize(
    ("moment", "message"),
    [
        pytest.param(Moment.BEFORE, "POST /order", id="order"),
        pytest.param(Moment.AFTER, "POST /order", id="answer-to-order"),
        pytest.param(Moment.AFTER, "deliver", id="answer-to-delivery"),
        pytest.param(Moment.BEFORE, "eth_getBlockReceipts", id="receipt"),
    ],
)
async def test_a_connection_is_lost(run: LongRun, moment: Moment, message: str) -> None:
    async with run.scene() as rehearsal:

        async def lose() -> None:
            raise Swallowed

        trap = rehearsal.trap(moment, message, lose)
        await rehearsal.buy()
        await rehearsal.settled()
        assert trap.sprung.is_set()
        assert await rehearsal.wrong() == []


async def test_the_venue_does_not_look_at_orders_for_a_while(run: LongRun) -> None:
    async with run.scene() as rehearsal:
        refused: list[str] = []

        def closed(request: web.Request) -> web.Response | None:
            if (request.method, request.path) != ("POST", "/order"):
                return None
            refused.append(request.path)
            return web.json_response({"error": "Trading is currently cancel-only."}, status=503)

        rehearsal.venue.refusals.append(closed)
        await rehearsal.buy()
        await until(lambda: bool(refused))
        await asyncio.sleep(LONGER_THAN_NEVER_ARRIVED_S)
        rehearsal.venue.refusals.remove(closed)
        await rehearsal.settled()
        assert await rehearsal.wrong() == []


async def test_the_node_keeps_logs_to_itself(run: LongRun) -> None:
    async with run.scene() as rehearsal:
        rehearsal.node.silent = True
        await rehearsal.buy()
        await rehearsal.settled()
        rehearsal.node.silent = False
        assert await rehearsal.wrong() == []


async def test_the_node_is_down_while_a_leader_trades(run: LongRun) -> None:
    async with run.scene() as rehearsal:
        await rehearsal.node.go_down()
        await rehearsal.buy()
        await asyncio.sleep(1)
        rehearsal.node.come_up()
        await rehearsal.settled()
        assert await rehearsal.wrong() == []
