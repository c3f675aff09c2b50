"""`kill -9` while a delivery that no block takes is replaced: whichever of the two is mined, it is made once."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import func, select

from remora.adapters.store import schema
from remora.domain.transaction import TxState
from tests.scenario.casts import trio
from tests.scenario.faults.sabotage import Sabotage
from tests.scenario.rehearsal import Rehearsal
from tests.scenario.theatre import LongRun, Theatre
from tests.scenario.traps import Moment

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def run(theatre: Theatre) -> AsyncIterator[LongRun]:
    """Copy on one wallet, and replace after a block: before the delivery would be handed over again as it is."""
    run = LongRun(lambda: theatre.rehearsal(trio, fleet_size=1, REMORA_REPLACE_AFTER_BLOCKS="1"))
    yield run
    await run.end()


@pytest_asyncio.fixture(loop_scope="session")
async def sabotage(theatre: Theatre) -> AsyncIterator[Sabotage]:
    sabotage = Sabotage(theatre.devnet.endpoints.control_url)
    yield sabotage
    await sabotage.end()


@pytest.mark.parametrize("original", [False, True], ids=["replacement-mined", "original-mined"])
@pytest.mark.parametrize("moment", Moment, ids=["recorded-not-sent", "sent-not-answered"])
async def test_a_delivery_is_made_once(run: LongRun, sabotage: Sabotage, moment: Moment, *, original: bool) -> None:
    async with run.scene() as rehearsal:
        (operator,) = rehearsal.performance.stage.fleet
        await sabotage.inject("stuck-transaction", wallet=operator, count=1)
        trap = rehearsal.kill(moment, "deliver", spare=1)
        await rehearsal.buy()
        left = await rehearsal.killed(trap)
        assert left >= {"leg sent", "transaction recorded"}
        assert _attempts(rehearsal) == 2
        if original:
            await sabotage.end()  # the first one goes to the chain, if the second has not taken its place
        await rehearsal.start()
        await rehearsal.settled()
        assert _attempts(rehearsal) == 0
        assert await rehearsal.wrong() == []


def _attempts(rehearsal: Rehearsal) -> int:
    """Return how many transactions are recorded whose end is not known."""
    t = schema.transactions.c
    with rehearsal.performance.database() as connection:
        return connection.execute(select(func.count()).where(t.state == TxState.RECORDED)).scalar_one()
