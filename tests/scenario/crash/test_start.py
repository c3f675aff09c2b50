"""`kill -9` while the fleet is made ready: gas and approvals are transactions, too."""

from __future__ import annotations

import pytest
from eth_utils.crypto import keccak
from sqlalchemy import select

from remora.adapters.store import schema
from remora.domain import ledger
from tests.scenario.casts import trio
from tests.scenario.faults.outcome import wrong_in_the_end
from tests.scenario.faults.sabotage import Sabotage
from tests.scenario.rehearsal import Rehearsal
from tests.scenario.theatre import BLOCK_TIME_S, Theatre
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


async def test_a_reorg_between_the_debts_and_the_audit_suspends_nobody_and_is_no_deposit(theatre: Theatre) -> None:
    """What it takes back is sent again once the supervisor listens; until then followers lack what was delivered."""
    sabotage = Sabotage(theatre.devnet.endpoints.control_url)
    async with theatre.rehearsal(trio, fleet_size=2) as rehearsal:
        life = await rehearsal.start()
        await rehearsal.buy()
        delivery = (await life.heard("settled"))["tx_hash"]
        # So it is in one of the last blocks when the next one starts, and in none again before that has audited.
        await sabotage.inject("block-time", seconds=60)
        try:
            await life.supervisor.kill()

            async def take_back() -> None:
                await sabotage.inject("reorg", depth=await rehearsal.depth_of(delivery))

            trap = rehearsal.trap(Moment.BEFORE, "POST /auth/api-key", take_back)
            life = await rehearsal.launch()
            audited = await life.heard("audited")
        finally:
            await sabotage.inject("block-time", seconds=BLOCK_TIME_S)
        assert trap.done.is_set()
        assert audited["differences"] > 0
        assert audited["unexplained"] == 0
        await life.heard("listening")
        assert life.told("suspensions") == []
        assert await wrong_in_the_end(rehearsal) == []
        with rehearsal.performance.database() as connection:
            postings = [str(row.posting_id) for row in connection.execute(select(schema.postings))]
        assert [each for each in postings if each.startswith(ledger.DEPOSIT)] == []


async def _refuels(rehearsal: Rehearsal) -> int:
    """Return how often wallets of this fleet were given gas."""
    stage = rehearsal.performance.stage
    wallets = ["0x" + wallet[2:].rjust(64, "0") for wallet in stage.fleet]
    criteria = {"fromBlock": "0x0", "address": stage.endpoints.contracts.clearinghouse, "topics": [_REFUELED, wallets]}
    return len(await stage.node.call("eth_getLogs", criteria))
