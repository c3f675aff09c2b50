"""`kill -9` around a fill of an order that had ended: whom it was ordered for gets it once, and pays once."""

from __future__ import annotations

import pytest
from aiohttp import web
from sqlalchemy import func, select

from remora.adapters.store import schema
from tests.scenario.casts import trio
from tests.scenario.faults.sabotage import Sabotage
from tests.scenario.rehearsal import Rehearsal, until
from tests.scenario.theatre import Theatre
from tests.scenario.traps import Belied, Moment, Swallowed

pytestmark = pytest.mark.asyncio(loop_scope="session")

BEFORE, AFTER = Moment.BEFORE, Moment.AFTER
NO_BLOCKS_S, QUICK_S = 3_600, 0.2


@pytest.mark.parametrize(
    ("moment", "message", "left"),
    [
        pytest.param(BEFORE, "eth_maxPriorityFeePerGas", {"intent filled", "leg pending"}, id="allotted-not-recorded"),
        pytest.param(BEFORE, "deliver", {"leg sent", "transaction recorded"}, id="delivery-not-sent"),
        pytest.param(AFTER, "deliver", {"leg sent", "transaction recorded"}, id="delivery-not-answered"),
        pytest.param(AFTER, "receipt of ours", {"leg sent", "transaction recorded"}, id="delivery-mined-not-stored"),
    ],
)
async def test_what_filled_late_is_delivered_once(
    theatre: Theatre, moment: Moment, message: str, left: set[str]
) -> None:
    """The venue says that it refused the order, and matches it."""
    sabotage = Sabotage(theatre.devnet.endpoints.control_url)

    async def belie() -> None:
        raise Belied("the market is closed")

    async with theatre.rehearsal(trio, fleet_size=1) as rehearsal:
        life = await rehearsal.start()
        (operator,) = rehearsal.performance.stage.fleet
        await sabotage.inject("retried-trade", wallet=operator, count=1, seconds=2)
        rehearsal.trap(AFTER, "POST /order", belie)
        trap = rehearsal.kill(moment, message)
        await rehearsal.buy()
        assert await rehearsal.killed(trap) >= left
        assert len(life.told("late_fill_allotted")) == 1
        await rehearsal.start()
        await rehearsal.settled()
        assert rehearsal.life.told("late_fill_allotted") == []
        assert await rehearsal.wrong() == []


async def test_what_waits_for_another_order_is_allotted_by_the_next_process(theatre: Theatre) -> None:
    """The venue matches an order and denies to know it, so another is made; no block has the match until then."""
    sabotage = Sabotage(theatre.devnet.endpoints.control_url)
    async with theatre.rehearsal(trio, fleet_size=1) as rehearsal:

        async def lose() -> None:
            raise Swallowed

        async def die_once_filled() -> None:
            await sabotage.inject("block-time", seconds=QUICK_S)
            await until(lambda: _waiting(rehearsal) == 1)
            await rehearsal.die()

        rehearsal.trap(BEFORE, "POST /order", lambda: sabotage.inject("block-time", seconds=NO_BLOCKS_S))
        rehearsal.trap(AFTER, "POST /order", lose)
        trap = rehearsal.trap(BEFORE, "POST /order", die_once_filled, spare=1)
        rehearsal.venue.refusals.append(_knows_nothing)
        try:
            await rehearsal.start()
            await rehearsal.buy()
            assert await rehearsal.killed(trap) == {"intent ordered", "order recorded"}
        finally:
            await sabotage.inject("block-time", seconds=QUICK_S)
        assert _waiting(rehearsal) == 1
        rehearsal.venue.refusals[:] = [_takes_nothing]
        life = await rehearsal.start()
        await life.heard("late_fill_allotted")
        await rehearsal.settled()
        assert _waiting(rehearsal) == 0
        assert await rehearsal.wrong() == []


def _waiting(rehearsal: Rehearsal) -> int:
    """Return how many late fills are booked and not allotted."""
    with rehearsal.performance.database() as connection:
        return connection.execute(select(func.count()).select_from(schema.late_fills)).scalar_one()


def _knows_nothing(request: web.Request) -> web.Response | None:
    """Deny to know orders and trades, as the venue does of those that it never had."""
    if request.path.startswith("/data/order/"):
        return web.Response(status=404)
    if request.path == "/data/trades":
        return web.json_response({"data": [], "next_cursor": "LTE="})
    return None


def _takes_nothing(request: web.Request) -> web.Response | None:
    """Take no orders: what is ordered anew would have the budget that the late fill is to have."""
    if (request.method, request.path) == ("POST", "/order"):
        return web.json_response({"error": "the market is closed"}, status=400)
    return None
