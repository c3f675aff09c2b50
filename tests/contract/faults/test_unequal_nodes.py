"""Two nodes before one chain that do not say the same; and a node that hangs up on who asks over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from remora.devnet.balances import collateral_of
from remora.devnet.rpc import Node, connected
from tests.contract.faults.scene import Person, Scene, accepted, eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

Nodes = tuple[Node, Node]


@pytest_asyncio.fixture(loop_scope="session")
async def nodes(scene: Scene) -> AsyncIterator[Nodes]:
    endpoints = scene.devnet.endpoints
    async with connected(endpoints.rpc_url) as first, connected(endpoints.second_rpc_url) as second:
        yield first, second


async def test_one_node_does_not_know_a_receipt_that_the_other_has(
    scene: Scene, alice: Person, bob: Person, nodes: Nodes
) -> None:
    await scene.inject("null-receipt", node=1)
    tx_hash = await traded(scene, alice, bob)
    first, second = [await node.call("eth_getTransactionReceipt", tx_hash) for node in nodes]
    assert (first, second["transactionHash"]) == (None, tx_hash)


async def test_balances_and_logs_of_a_node_that_lags_are_those_of_earlier(
    scene: Scene, alice: Person, bob: Person, nodes: Nodes
) -> None:
    contracts = scene.devnet.endpoints.contracts
    before = await collateral_of(nodes[0], contracts, bob.wallet)
    await scene.inject("lagging-head", node=2, blocks=20)
    tx_hash = await traded(scene, alice, bob)
    criteria = {"fromBlock": "earliest", "toBlock": "latest", "address": contracts.exchange}
    logs = [await node.call("eth_getLogs", criteria) for node in nodes]
    assert [tx_hash in {log["transactionHash"] for log in found} for found in logs] == [True, False]
    ahead, behind = [await collateral_of(node, contracts, bob.wallet) for node in nodes]
    assert before.units - ahead.units == 5_200_000
    assert behind != ahead

    async def catches_up() -> bool:
        return await collateral_of(nodes[1], contracts, bob.wallet) == ahead

    await eventually(catches_up)


async def test_a_node_hangs_up_over_http(scene: Scene, nodes: Nodes) -> None:
    await scene.inject("node-close", node=1, endpoint="eth_chainId", count=1)
    with pytest.raises(aiohttp.ClientConnectionError):
        await nodes[0].call("eth_chainId")
    assert await nodes[0].call("eth_chainId") == await nodes[1].call("eth_chainId") == hex(31337)


async def traded(scene: Scene, alice: Person, bob: Person) -> str:
    """Have Bob buy for 5.20 from Alice; return the hash of the transaction that settled it."""
    await scene.rests(alice)
    accepted(await scene.buys(bob))

    async def is_confirmed() -> bool:
        return await scene.trade_statuses(bob) == ["CONFIRMED"]

    await eventually(is_confirmed)
    (trade,) = (await bob.client.list_account_trades(market=scene.market.condition_id).first_page()).items
    assert trade.transaction_hash is not None
    return trade.transaction_hash
