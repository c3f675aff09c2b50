"""`kill -9` while a debt is collected, and what a start does about debts before it does anything else."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from remora.domain.money import ONE, Collateral
from tests.scenario.casts import debtor
from tests.scenario.rehearsal import Rehearsal
from tests.scenario.theatre import LongRun, Theatre
from tests.scenario.traps import Moment

pytestmark = pytest.mark.asyncio(loop_scope="session")

BEFORE, AFTER = Moment.BEFORE, Moment.AFTER
ENOUGH_FOR_ONE = Collateral(20 * ONE)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def run(theatre: Theatre) -> AsyncIterator[LongRun]:
    run = LongRun(lambda: theatre.rehearsal(debtor))
    yield run
    await run.end()


@pytest.mark.parametrize(
    ("moment", "message"),
    [
        pytest.param(BEFORE, "deliver", id="not-sent"),
        pytest.param(AFTER, "receipt of ours", id="mined-not-stored"),
    ],
)
async def test_a_debt_is_collected_once(run: LongRun, moment: Moment, message: str) -> None:
    async with run.scene() as rehearsal:
        await _fall_into_debt(rehearsal)
        trap = rehearsal.kill(moment, message)
        await rehearsal.performance.relieve(ENOUGH_FOR_ONE)
        assert await rehearsal.killed(trap) >= {"leg sent", "transaction recorded"}
        life = await rehearsal.start()
        await rehearsal.settled()
        assert await rehearsal.wrong() == []
        assert _in_order(life.names, "checking_debts", "settled", "fleet_loading", "listening")


async def test_debts_come_first_when_it_starts(run: LongRun) -> None:
    async with run.scene() as rehearsal:
        await _fall_into_debt(rehearsal)
        assert await rehearsal.stop() == 0
        await rehearsal.performance.relieve(ENOUGH_FOR_ONE)
        life = await rehearsal.start()
        await rehearsal.settled()
        assert await rehearsal.wrong() == []
        assert _in_order(life.names, "checking_debts", "debts_pending", "debt_recovered", "fleet_loading", "listening")


async def _fall_into_debt(rehearsal: Rehearsal) -> None:
    before = rehearsal.performance.read().debts_opened
    await rehearsal.run_short()
    await rehearsal.buy()
    await rehearsal.settled(debts_too=False)
    assert rehearsal.performance.read().debts_opened == before + 1


def _in_order(names: list[str], *expected: str) -> bool:
    """Tell whether the first of each come in this order."""
    places = [names.index(name) for name in expected]
    return places == sorted(places)
