"""The node is silent, hangs up, lags, or does not find what is there."""

from __future__ import annotations

import pytest

from tests.scenario.casts import trio
from tests.scenario.faults.sabotage import Sabotage
from tests.scenario.theatre import Theatre

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_two_nodes_of_which_one_says_nothing(theatre: Theatre, sabotage: Sabotage) -> None:
    endpoints = theatre.devnet.endpoints
    both = f"{endpoints.rpc_ws_url},{endpoints.second_rpc_ws_url}"
    async with theatre.rehearsal(trio, fleet_size=1, REMORA_RPC_WS_URL=both) as rehearsal:
        await rehearsal.start()
        await sabotage.inject("node-silence", node=1)
        await rehearsal.buy()
        await rehearsal.settled()
        assert await sabotage.has_struck()
        assert await rehearsal.wrong() == []
        assert await rehearsal.stop() == 0


async def test_two_nodes_of_which_one_lags_and_finds_no_receipts(theatre: Theatre, sabotage: Sabotage) -> None:
    endpoints = theatre.devnet.endpoints
    both = f"{endpoints.second_rpc_ws_url},{endpoints.rpc_ws_url}"
    async with theatre.rehearsal(trio, fleet_size=1, REMORA_RPC_WS_URL=both) as rehearsal:
        await rehearsal.start()
        await sabotage.inject("lagging-head", node=2, blocks=5)
        await sabotage.inject("null-receipt", node=2)
        await rehearsal.buy()
        await rehearsal.settled()
        await sabotage.end()
        assert await rehearsal.wrong() == []
        assert await rehearsal.stop() == 0
