"""One signal, a thousand followers: a wallet fails, fifty cannot pay, ten have paused; the others are served."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from functools import partial

import pytest

from remora.devnet.abi import calldata
from remora.devnet.deployment import OWNER
from remora.devnet.transactions import Act, transact
from remora.domain.ids import Address
from tests.scenario.casts import POOR, strapped
from tests.scenario.rehearsal import Rehearsal
from tests.scenario.theatre import Theatre
from tests.scenario.traps import Moment

pytestmark = pytest.mark.asyncio(loop_scope="session")

FOLLOWERS, FLEET_SIZE = 1_000, 20
PAUSED = 10


@pytest.mark.timeout(600)
async def test_the_rest_are_served_and_recovery_brings_the_debts_to_zero(theatre: Theatre) -> None:
    cast = partial(strapped, followers=FOLLOWERS)
    async with theatre.rehearsal(cast, fleet_size=FLEET_SIZE, REMORA_RECOVERY_INTERVAL_S="3600") as rehearsal:
        performance = rehearsal.performance
        failing, *_ = performance.stage.fleet
        paused = [follower.wallet for follower in performance.cast.followers[POOR : POOR + PAUSED]]
        await _call(rehearsal, [OWNER], calldata("remove_operator(address)", failing))

        life = await rehearsal.start()
        assert [event["wallet"] for event in life.told("wallet_out")] == [failing]
        rehearsal.trap(Moment.BEFORE, "deliver", lambda: _call(rehearsal, paused, calldata("pause()")))
        await rehearsal.buy()
        await rehearsal.settled(debts_too=False)
        figures = performance.read()
        assert figures.intents == {"settled": FOLLOWERS - POOR - PAUSED, "owed": POOR + PAUSED}
        causes = Counter(debt["cause"] for debt in json.loads(await rehearsal.command("debts", "list", "--json")))
        assert causes == {"COLLATERAL_REFUSED": POOR, "PAUSED": PAUSED}
        assert (await performance.audit()).balanced

        await performance.relieve()
        await _call(rehearsal, paused, calldata("resume()"))
        await rehearsal.command("debts", "retry")
        await rehearsal.settled()
        assert performance.read().intents == {"settled": FOLLOWERS}
        assert await rehearsal.wrong() == []


async def _call(rehearsal: Rehearsal, senders: Iterable[Address], data: bytes) -> None:
    """Have wallets call the Clearinghouse."""
    stage = rehearsal.performance.stage
    clearinghouse = Address(stage.endpoints.contracts.clearinghouse)
    await transact(stage.node, [Act(sender=sender, to=clearinghouse, data=data) for sender in senders])
