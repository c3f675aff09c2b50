"""Deliveries that the node refuses for their nonce, keeps from the chain, or forgets."""

from __future__ import annotations

import pytest

from tests.scenario.casts import trio
from tests.scenario.evidence import unfinished
from tests.scenario.faults.outcome import wrong_in_the_end
from tests.scenario.faults.sabotage import Sabotage
from tests.scenario.rehearsal import PATIENCE_S, Rehearsal, until
from tests.scenario.theatre import LongRun, Theatre

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_delivery_that_is_stuck_is_replaced_by_one_that_pays_more(run: LongRun, sabotage: Sabotage) -> None:
    async with run.scene() as rehearsal:
        await _stick(rehearsal, sabotage)
        await rehearsal.settled()
        assert await sabotage.is_spent()
        assert "transaction_replaced" in rehearsal.life.names
        assert await rehearsal.wrong() == []
        assert unfinished(rehearsal.performance) == set()


@pytest.mark.parametrize("depth", [1, 3, 5])
async def test_a_replacement_that_a_reorg_takes_back_is_made_once(run: LongRun, sabotage: Sabotage, depth: int) -> None:
    async with run.scene() as rehearsal:
        before = len(rehearsal.life.told("settled"))
        await _stick(rehearsal, sabotage)
        await until(lambda: len(rehearsal.life.told("settled")) > before)
        await sabotage.inject("reorg", depth=depth)
        assert await wrong_in_the_end(rehearsal) == []
        await rehearsal.settled()


async def test_at_the_bound_it_is_shown_as_stuck_and_goes_on_when_the_pool_lets_it_go(
    theatre: Theatre, sabotage: Sabotage
) -> None:
    bound = {"REMORA_REPLACE_AFTER_BLOCKS": "1", "REMORA_MAX_GAS_PRICE_GWEI": "1"}
    async with theatre.rehearsal(trio, bound, fleet_size=1) as rehearsal:
        life = await rehearsal.start()
        (operator,) = rehearsal.performance.stage.fleet
        await sabotage.inject("stuck-transaction", wallet=operator)
        await rehearsal.buy()
        await until(lambda: bool(life.told("settling")))
        assert life.told("settling")[0]["state"] == "stuck"
        assert life.told("transaction_stuck")
        await sabotage.end()
        await rehearsal.settled()
        assert await rehearsal.wrong() == []


async def test_a_delivery_that_is_stuck_is_made_once_when_the_pool_lets_it_go(run: LongRun, sabotage: Sabotage) -> None:
    async with run.scene() as rehearsal:
        await _stick(rehearsal, sabotage)
        await sabotage.end()
        await rehearsal.settled()
        assert await rehearsal.wrong() == []


async def _stick(rehearsal: Rehearsal, sabotage: Sabotage) -> None:
    """Have a purchase copied whose delivery no block takes."""
    (operator,) = rehearsal.performance.stage.fleet
    await sabotage.inject("stuck-transaction", wallet=operator, count=1)
    await rehearsal.buy()
    await until(lambda: "leg sent" in unfinished(rehearsal.performance))
    await sabotage.strikes(PATIENCE_S)  # a delivery is recorded before it goes to the node
