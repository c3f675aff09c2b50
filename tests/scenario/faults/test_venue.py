"""The order book refuses, breaks off, or accepts and does not say so: every copy happens once all the same."""

from __future__ import annotations

import pytest

from tests.scenario.faults.sabotage import Sabotage
from tests.scenario.theatre import LongRun

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_storm_of_all_kinds_over_every_request_of_the_wallet(run: LongRun, sabotage: Sabotage) -> None:
    async with run.scene() as rehearsal:
        (operator,) = rehearsal.performance.stage.fleet
        for seed, fault in enumerate(("error-before", "error-after", "drop-after", "restarting", "rate-limited")):
            await sabotage.inject(fault, wallet=operator, chance_percent=40, seed=seed, duration_s=5)
        await rehearsal.buy()
        await rehearsal.settled()
        assert await rehearsal.wrong() == []
