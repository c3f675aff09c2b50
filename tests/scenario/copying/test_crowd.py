"""Two hundred followers: every eligible one is copied exactly once, and the chain equals the books."""

from __future__ import annotations

import pytest

from tests.scenario.casts import crowd
from tests.scenario.theatre import Theatre

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_every_eligible_follower_is_copied_exactly_once(theatre: Theatre) -> None:
    async with theatre.rehearsal(crowd, fleet_size=8) as rehearsal:
        await rehearsal.start()
        for leader in range(3):
            await rehearsal.buy(leader=leader, market=leader)
        await rehearsal.settled(debts_too=False)
        await rehearsal.sell(leader=1, market=1)
        await rehearsal.performance.relieve()
        await rehearsal.settled()
        assert await rehearsal.wrong() == []
        figures = rehearsal.performance.read()
        # One policy each; only dan, who never pays above 0.40, is refused.
        assert figures.denials == {"MAX_ODDS": 1}
        assert figures.debts_opened == 1
        assert await rehearsal.stop() == 0
