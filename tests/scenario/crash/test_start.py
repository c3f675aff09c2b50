"""`kill -9` while the fleet is made ready: gas and approvals are transactions, too."""

from __future__ import annotations

import pytest
from eth_utils.crypto import keccak

from tests.scenario.casts import trio
from tests.scenario.rehearsal import Rehearsal
from tests.scenario.theatre import Theatre
from tests.scenario.traps import Moment

pytestmark = pytest.mark.asyncio(loop_scope="session")

_REFUELED = "0x" + keccak(text="Refueled(address,uint256)").hex()


async def test_a_start_that_is_killed_at_every_send_is_made_good_by_the_next(theatre: Theatre) -> None:
    async with theatre.rehearsal(trio, fleet_size=3, low_wallets=2) as rehearsal:
        for moment, message in [
            (Moment.BEFORE, "refuel"),
            (Moment.AFTER, "refuel"),
            (Moment.BEFORE, "approve"),
            (Moment.AFTER, "setApprovalForAll"),
        ]:
            trap = rehearsal.kill(moment, message)
            await rehearsal.launch()
            assert await rehearsal.killed(trap) == {"transaction recorded"}
        life = await rehearsal.start()
        assert life.told("refreshed")[0]["ready"] == 3
        await rehearsal.buy()
        await rehearsal.settled()
        assert await rehearsal.wrong() == []
        assert await _refuels(rehearsal) == 2
        assert await rehearsal.stop() == 0


async def _refuels(rehearsal: Rehearsal) -> int:
    """Return how often wallets of this fleet were given gas."""
    stage = rehearsal.performance.stage
    wallets = ["0x" + wallet[2:].rjust(64, "0") for wallet in stage.fleet]
    criteria = {"fromBlock": "0x0", "address": stage.endpoints.contracts.clearinghouse, "topics": [_REFUELED, wallets]}
    return len(await stage.node.call("eth_getLogs", criteria))
