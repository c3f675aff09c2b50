"""`kill -9` while a leader's sale is copied: shares are with the operators then, and later their proceeds."""

from __future__ import annotations

import pytest

from tests.scenario.casts import trio
from tests.scenario.faults.outcome import inexact, reasons
from tests.scenario.faults.sabotage import Sabotage
from tests.scenario.theatre import LongRun, Theatre
from tests.scenario.traps import Moment

pytestmark = pytest.mark.asyncio(loop_scope="session")

BEFORE, AFTER = Moment.BEFORE, Moment.AFTER


@pytest.mark.parametrize(
    ("moment", "message", "left"),
    [
        pytest.param(BEFORE, "eth_maxPriorityFeePerGas", {"intent collecting", "leg pending"}, id="not-collected"),
        pytest.param(BEFORE, "collect", {"leg sent", "transaction recorded"}, id="collection-not-sent"),
        pytest.param(AFTER, "collect", {"leg sent", "transaction recorded"}, id="collection-not-answered"),
        pytest.param(BEFORE, "POST /order", {"order recorded"}, id="sale-not-sent"),
        pytest.param(AFTER, "POST /order", {"order recorded"}, id="sale-not-answered"),
        pytest.param(BEFORE, "remit", {"leg sent", "transaction recorded"}, id="proceeds-not-sent"),
        pytest.param(AFTER, "remit", {"leg sent", "transaction recorded"}, id="proceeds-not-answered"),
    ],
)
async def test_nothing_is_lost_or_doubled(run: LongRun, moment: Moment, message: str, left: set[str]) -> None:
    async with run.scene() as rehearsal:
        await rehearsal.buy()
        await rehearsal.settled()
        trap = rehearsal.kill(moment, message)
        await rehearsal.sell()
        assert await rehearsal.killed(trap) >= left
        await rehearsal.start()
        await rehearsal.settled()
        assert await rehearsal.wrong() == []


async def test_a_sale_that_ended_is_paid_out_after_a_crash(run: LongRun) -> None:
    async with run.scene() as rehearsal:
        await rehearsal.buy()
        await rehearsal.settled()

        async def die_before_the_next_transaction() -> None:
            rehearsal.kill(BEFORE, "eth_maxPriorityFeePerGas")

        trap = rehearsal.trap(AFTER, "POST /order", die_before_the_next_transaction)
        await rehearsal.sell()
        assert await rehearsal.killed(trap) >= {"intent filled", "leg pending"}
        await rehearsal.start()
        await rehearsal.settled()
        assert await rehearsal.wrong() == []


@pytest.mark.parametrize(
    "moment", [pytest.param(BEFORE, id="return-not-sent"), pytest.param(AFTER, id="return-not-answered")]
)
async def test_unsold_shares_are_given_back_once(theatre: Theatre, moment: Moment) -> None:
    sabotage = Sabotage(theatre.devnet.endpoints.control_url)
    async with theatre.rehearsal(trio, fleet_size=1) as rehearsal:
        await rehearsal.start()
        await rehearsal.buy()
        await rehearsal.settled()
        (operator,) = rehearsal.performance.stage.fleet
        await sabotage.inject("failed-trade", wallet=operator, count=1)
        trap = rehearsal.kill(moment, "remit")
        await rehearsal.sell()
        assert await rehearsal.killed(trap) == {"leg sent", "transaction recorded"}
        await rehearsal.start()
        await rehearsal.settled()
        assert reasons(rehearsal) == {"MATCH_REVERTED": 3}
        assert await inexact(rehearsal, gave_back=True) == []
