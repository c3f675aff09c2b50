"""One failing operator wallet is out, not the fleet."""

from __future__ import annotations

import pytest
from aiohttp import web

from remora.domain.ids import Address
from tests.scenario.casts import trio
from tests.scenario.rehearsal import until
from tests.scenario.theatre import Theatre
from tests.scenario.traps import Moment, Swallowed
from tests.scenario.venue_proxy import Refusal

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_wallet_without_an_api_key_is_out_and_the_others_serve(theatre: Theatre) -> None:
    async with theatre.rehearsal(trio, fleet_size=3) as rehearsal:
        broken = rehearsal.performance.stage.fleet[1]
        rehearsal.venue.refusals.append(_no_key_for(broken))
        life = await rehearsal.start()
        assert [event["wallet"] for event in life.told("wallet_out")] == [broken]
        assert (life.told("refreshed")[0]["ready"], life.told("refreshed")[0]["size"]) == (2, 3)
        await rehearsal.buy()
        await rehearsal.settled()
        assert await rehearsal.wrong() == []


async def test_an_unresolved_order_of_a_wallet_that_is_out_holds_up_no_other(theatre: Theatre) -> None:
    async with theatre.rehearsal(
        trio, fleet_size=3, REMORA_FOLLOWERS_PER_ORDER="1", REMORA_SHUTDOWN_S="1", REMORA_NEVER_ARRIVED_S="6"
    ) as rehearsal:
        await rehearsal.start()
        lost = [rehearsal.trap(Moment.AFTER, "POST /order", _lose_the_answer, spare=spare) for spare in range(3)]
        await rehearsal.buy()
        await until(lambda: all(trap.sprung.is_set() for trap in lost))
        await rehearsal.life.supervisor.kill()

        refusal = _no_key_for(rehearsal.performance.stage.fleet[0])
        rehearsal.venue.refusals.append(refusal)
        await rehearsal.start()
        await until(lambda: rehearsal.performance.read().intents["settled"] == 2)

        assert await rehearsal.stop() == 0
        rehearsal.venue.refusals.remove(refusal)
        await rehearsal.start()
        await rehearsal.settled()
        assert await rehearsal.wrong() == []


async def _lose_the_answer() -> None:
    raise Swallowed


def _no_key_for(wallet: Address) -> Refusal:
    def refuse(request: web.Request) -> web.Response | None:
        concerned = request.headers.get("POLY_ADDRESS", "").lower() == wallet
        return web.json_response({"error": "boom"}, status=500) if concerned and "/auth/" in request.path else None

    return refuse
