"""`kill -9` while float is on its way between operator wallets and treasury: it moves once, and the books say so."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from remora.domain.money import ONE, Collateral
from tests.scenario.casts import trio
from tests.scenario.floats import endow, fleet_float, rebalanced, treasury_float
from tests.scenario.rehearsal import Rehearsal
from tests.scenario.theatre import LongRun, Theatre
from tests.scenario.traps import Moment

pytestmark = pytest.mark.asyncio(loop_scope="session")

TEN = 10 * ONE


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def run(theatre: Theatre) -> AsyncIterator[LongRun]:
    run = LongRun(lambda: theatre.rehearsal(trio, fleet_size=2, REMORA_REFUEL_INTERVAL_S="600"))
    yield run
    await run.end()


@pytest.mark.parametrize("by", [-TEN, TEN], ids=["drawn", "topped-up"])
@pytest.mark.parametrize(
    ("moment", "message"),
    [(Moment.BEFORE, "transfer"), (Moment.AFTER, "transfer"), (Moment.AFTER, "receipt of ours")],
    ids=["recorded-not-sent", "sent-not-answered", "mined-not-stored"],
)
async def test_float_moves_once(run: LongRun, moment: Moment, message: str, by: int) -> None:
    async with run.scene() as rehearsal:
        target, had = await _target(rehearsal, by), await treasury_float(rehearsal)
        trap = rehearsal.kill(moment, message)
        await rehearsal.command("fleet", "rebalance", "--target", str(target))
        assert await rehearsal.killed(trap) == {"transaction recorded"}
        await rehearsal.start()
        await _moved(rehearsal, target, had, by)


async def test_a_rebalance_that_was_asked_for_is_made_by_the_next_process(run: LongRun) -> None:
    """Killed when it asks for the price of gas, which it does before it records anything; the refuel asks first."""
    async with run.scene() as rehearsal:
        target, had = await _target(rehearsal, TEN), await treasury_float(rehearsal)
        assert await rehearsal.stop() == 0
        await rehearsal.command("fleet", "rebalance", "--target", str(target))
        trap = rehearsal.kill(Moment.BEFORE, "eth_maxPriorityFeePerGas", spare=1)
        await rehearsal.launch()
        assert await rehearsal.killed(trap) == set()
        await rehearsal.start()
        await _moved(rehearsal, target, had, TEN)


async def _target(rehearsal: Rehearsal, by: int) -> Collateral:
    """Return what both wallets have and so much more, or less; the treasury has enough of it."""
    await endow(rehearsal, Collateral(2 * TEN))
    first, second = await fleet_float(rehearsal)
    assert first == second
    return first + Collateral(by)


async def _moved(rehearsal: Rehearsal, target: Collateral, had: Collateral, by: int) -> None:
    await rebalanced(rehearsal)
    assert await fleet_float(rehearsal) == [target, target]
    assert await treasury_float(rehearsal) == had - Collateral(2 * by)
    assert await rehearsal.wrong() == []
