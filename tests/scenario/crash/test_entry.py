"""`kill -9` while a leader's purchase is copied: every place between hearing it and knowing that it is delivered."""

from __future__ import annotations

import pytest

from tests.scenario.evidence import has_unanswered_fill
from tests.scenario.faults.outcome import wrong_in_the_end
from tests.scenario.faults.sabotage import Sabotage
from tests.scenario.rehearsal import until
from tests.scenario.theatre import LongRun, Theatre
from tests.scenario.traps import Moment

pytestmark = pytest.mark.asyncio(loop_scope="session")

BEFORE, AFTER = Moment.BEFORE, Moment.AFTER


@pytest.mark.parametrize(
    ("moment", "message", "spare", "left"),
    [
        pytest.param(BEFORE, "eth_getBlockReceipts", 0, set(), id="signal-heard-not-stored"),
        pytest.param(BEFORE, "POST /order", 0, {"order recorded", "intent pending"}, id="order-recorded-not-sent"),
        pytest.param(AFTER, "POST /order", 0, {"order recorded"}, id="order-accepted-not-answered"),
        pytest.param(BEFORE, "eth_getBlockReceipts", 1, {"order accepted"}, id="order-filled-not-stored"),
        pytest.param(BEFORE, "eth_maxPriorityFeePerGas", 0, {"leg pending"}, id="order-ended-delivery-not-recorded"),
        pytest.param(BEFORE, "deliver", 0, {"leg sent", "transaction recorded"}, id="delivery-recorded-not-sent"),
        pytest.param(AFTER, "deliver", 0, {"leg sent", "transaction recorded"}, id="delivery-sent-not-answered"),
    ],
)
async def test_nothing_is_lost_or_doubled(
    run: LongRun, moment: Moment, message: str, spare: int, left: set[str]
) -> None:
    async with run.scene() as rehearsal:
        trap = rehearsal.kill(moment, message, spare=spare)
        await rehearsal.buy()
        assert await rehearsal.killed(trap) >= left
        await rehearsal.start()
        await rehearsal.settled()
        assert await rehearsal.wrong() == []


async def test_a_fill_that_came_before_its_answer_is_not_lost(run: LongRun) -> None:
    async with run.scene() as rehearsal:

        async def die_once_filled() -> None:
            await until(lambda: has_unanswered_fill(rehearsal.performance))
            await rehearsal.die()

        trap = rehearsal.trap(AFTER, "POST /order", die_once_filled)
        await rehearsal.buy()
        assert await rehearsal.killed(trap) >= {"order recorded"}
        await rehearsal.start()
        await rehearsal.settled()
        assert await rehearsal.wrong() == []


async def test_a_delivery_that_a_reorg_took_back_is_made_once(run: LongRun, theatre: Theatre) -> None:
    sabotage = Sabotage(theatre.devnet.endpoints.control_url)
    async with run.scene() as rehearsal:
        before = len(rehearsal.life.told("settled"))
        await rehearsal.buy()
        await until(lambda: len(rehearsal.life.told("settled")) > before)
        trap = rehearsal.kill(BEFORE, "deliver")
        await sabotage.inject("reorg", depth=await rehearsal.depth_of(rehearsal.life.told("settled")[-1]["tx_hash"]))
        assert await rehearsal.killed(trap) >= {"transaction recorded"}
        await rehearsal.start()
        assert await wrong_in_the_end(rehearsal) == []
        await rehearsal.settled()
