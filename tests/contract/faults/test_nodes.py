"""What a node's clients see when the node is silent, late, forgetful, or takes back what it said."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from eth_account import Account

from remora.devnet.accounts import DevnetAccount, Role, scripted
from remora.devnet.rpc import Node, connected
from remora.domain.errors import Refused
from tests.contract.faults.scene import Person, Scene, accepted, eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

GWEI = 10**9
QUIET_S = 0.8
"""Four blocks."""

LAG = 20
"""So many blocks that a busy machine does not catch up within a few questions."""


@dataclass(slots=True)
class Ear:
    """A WebSocket with one subscription."""

    socket: aiohttp.ClientWebSocketResponse

    async def hears(self) -> dict[str, Any]:
        message: dict[str, Any] = await self.socket.receive_json(timeout=10)
        event: dict[str, Any] = message["params"]["result"]
        return event

    async def is_silent(self) -> bool:
        try:
            await self.socket.receive(timeout=QUIET_S)
        except TimeoutError:
            return True
        return False


@asynccontextmanager
async def listening(url: str, *subscription: object) -> AsyncIterator[Ear]:
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        await socket.send_json({"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": subscription})
        assert "result" in await socket.receive_json()
        yield Ear(socket)


async def sent(node: Node, account: DevnetAccount, *, gas_gwei: int = 50, nonce: int | None = None) -> str:
    """Send one wei nowhere; return the hash."""
    if nonce is None:
        nonce = int(await node.call("eth_getTransactionCount", account.address, "latest"), 16)
    fees = {"maxFeePerGas": gas_gwei * GWEI, "maxPriorityFeePerGas": GWEI, "gas": 21_000, "chainId": 31337}
    signed = Account.sign_transaction({"to": "0x" + 40 * "1", "value": 1, "nonce": nonce, **fees}, account.private_key)
    tx_hash: str = await node.call("eth_sendRawTransaction", "0x" + signed.raw_transaction.hex())
    assert tx_hash == "0x" + signed.hash.hex()
    return tx_hash


@pytest_asyncio.fixture(loop_scope="session")
async def first(scene: Scene) -> AsyncIterator[Node]:
    async with connected(scene.devnet.endpoints.rpc_url) as node:
        yield node


async def account_of(scene: Scene, index: int) -> DevnetAccount:
    account = scripted(Role.FOLLOWER, index, seed=7)
    await scene.devnet.funding.fund([account.address])
    return account


async def is_mined(node: Node, tx_hash: str) -> bool:
    return await node.call("eth_getTransactionReceipt", tx_hash) is not None


async def test_without_a_fault_everything_passes(scene: Scene) -> None:
    endpoints = scene.devnet.endpoints
    async with (
        connected(endpoints.rpc_url) as first,
        connected(endpoints.second_rpc_url) as second,
        listening(endpoints.rpc_ws_url, "newHeads") as ear,
    ):
        block = (await ear.hears())["number"]
        answers = [await each.call("eth_getBlockByNumber", block, True) for each in (scene.devnet.node, first, second)]
        assert answers[0] == answers[1] == answers[2] is not None
        with pytest.raises(Refused, match="Method not found"):
            await first.call("eth_nonsense")


@pytest.mark.shows("node-silence")
async def test_a_silent_subscription_stays_open(scene: Scene) -> None:
    async with listening(scene.devnet.endpoints.rpc_ws_url, "newHeads") as ear:
        await ear.hears()
        await scene.inject("node-silence", endpoint="newHeads")
        async with asyncio.timeout(10):
            while not await ear.is_silent():  # a head may have been on its way
                continue
        assert not ear.socket.closed


@pytest.mark.shows("node-close")
async def test_a_connection_that_closes_can_be_opened_again(scene: Scene) -> None:
    url = scene.devnet.endpoints.rpc_ws_url
    async with listening(url, "newHeads") as ear:
        await scene.inject("node-close", count=1)
        async with asyncio.timeout(5):
            while (await ear.socket.receive()).type is aiohttp.WSMsgType.TEXT:
                continue
        assert ear.socket.closed
    async with listening(url, "newHeads") as again:
        assert await again.hears()


@pytest.mark.shows("lagging-head")
async def test_a_lagging_node_knows_only_the_past_and_the_other_the_present(scene: Scene) -> None:
    endpoints = scene.devnet.endpoints
    await scene.inject("lagging-head", node=2, blocks=LAG)
    async with connected(endpoints.rpc_url) as first, connected(endpoints.second_rpc_url) as second:
        before = int(await first.call("eth_blockNumber"), 16)
        behind = int((await second.call("eth_getBlockByNumber", "latest", False))["number"], 16)
        ahead = int(await first.call("eth_blockNumber"), 16)
        assert before - LAG <= behind <= ahead - LAG
        assert await second.call("eth_getBlockByNumber", hex(ahead), False) is None
        account = await account_of(scene, 1)
        tx_hash = await sent(first, account)
        await eventually(lambda: is_mined(first, tx_hash))
        assert await second.call("eth_getTransactionReceipt", tx_hash) is None
        assert int(await second.call("eth_getTransactionCount", account.address, "latest"), 16) == 0
        async with listening(endpoints.second_rpc_ws_url, "newHeads") as late:
            head = int((await late.hears())["number"], 16)
            assert int(await first.call("eth_blockNumber"), 16) - head >= LAG
        await eventually(lambda: is_mined(second, tx_hash))


@pytest.mark.shows("null-receipt")
async def test_null_receipts_of_one_wallet(scene: Scene, first: Node) -> None:
    lost, found = await account_of(scene, 2), await account_of(scene, 3)
    await scene.inject("null-receipt", wallet=lost.address)
    hashes = [await sent(first, account) for account in (lost, found)]
    await eventually(lambda: is_mined(first, hashes[1]))
    assert await is_mined(scene.devnet.node, hashes[0])
    assert not await is_mined(first, hashes[0])


@pytest.mark.shows("nonce-error")
@pytest.mark.parametrize("message", ["nonce too low", "nonce too high", "already known"])
async def test_a_nonce_error_leaves_nothing_in_the_pool(scene: Scene, first: Node, message: str) -> None:
    account = await account_of(scene, 4)
    await scene.inject("nonce-error", count=1, wallet=account.address, message=message)
    with pytest.raises(Refused, match=message):
        await sent(first, account)
    tx_hash = await sent(first, account)
    await eventually(lambda: is_mined(first, tx_hash))


@pytest.mark.shows("dropped-transaction")
async def test_a_dropped_transaction_is_accepted_and_never_seen_again(scene: Scene, first: Node) -> None:
    account = await account_of(scene, 5)
    await scene.inject("dropped-transaction", count=1)
    tx_hash = await sent(first, account)
    await asyncio.sleep(QUIET_S)
    assert await first.call("eth_getTransactionByHash", tx_hash) is None
    assert await sent(first, account) == tx_hash  # the same nonce is still free
    await eventually(lambda: is_mined(first, tx_hash))


@pytest.mark.shows("stuck-transaction")
async def test_a_stuck_transaction_waits_for_a_replacement_that_pays_more(scene: Scene, first: Node) -> None:
    account = await account_of(scene, 6)
    nonce = int(await first.call("eth_getTransactionCount", account.address, "latest"), 16)
    await scene.inject("stuck-transaction", count=1)
    stuck = await sent(first, account, gas_gwei=50, nonce=nonce)
    await asyncio.sleep(QUIET_S)
    assert (await first.call("eth_getTransactionByHash", stuck))["blockNumber"] is None
    assert int(await first.call("eth_getTransactionCount", account.address, "pending"), 16) == nonce + 1
    assert int(await first.call("eth_getTransactionCount", account.address, "latest"), 16) == nonce
    with pytest.raises(Refused, match="already known"):
        await sent(first, account, gas_gwei=50, nonce=nonce)
    with pytest.raises(Refused, match="underpriced"):
        await sent(first, account, gas_gwei=54, nonce=nonce)
    replacement = await sent(first, account, gas_gwei=55, nonce=nonce)
    await eventually(lambda: is_mined(first, replacement))
    assert not await is_mined(first, stuck)


async def test_a_stuck_transaction_is_mined_when_all_is_cleared(scene: Scene, first: Node) -> None:
    account = await account_of(scene, 7)
    await scene.inject("stuck-transaction", count=1)
    stuck = await sent(first, account)
    await scene.control("DELETE", "/faults")
    await eventually(lambda: is_mined(first, stuck))


@pytest.mark.shows("reorg")
@pytest.mark.parametrize("depth", range(1, 11))
async def test_a_reorg_withdraws_logs_and_the_venue_settles_again(
    scene: Scene, alice: Person, bob: Person, depth: int
) -> None:
    endpoints = scene.devnet.endpoints
    criteria = {"address": endpoints.contracts.exchange}
    await scene.devnet.node.call("anvil_mine", hex(depth))  # so that the market itself is not lost
    chain, node = scene.devnet.controls.world.chain, scene.devnet.node
    async with listening(endpoints.rpc_ws_url, "logs", criteria) as ear, chain.still():
        await scene.rests(alice)
        accepted(await scene.buys(bob))
        await eventually(lambda: is_pending(node))
        await node.call("anvil_mine", hex(depth))
        heard = await ear.hears()
        await scene.inject("reorg", depth=depth)
        async with asyncio.timeout(10):
            while not (withdrawn := await ear.hears()).get("removed"):
                continue
        known = await scene.devnet.node.call("eth_getBlockByHash", heard["blockHash"], False)
        assert known is None
        assert {**heard, "removed": True} == withdrawn
    await eventually(lambda: is_settled(scene, bob, heard["transactionHash"]))


async def is_pending(node: Node) -> bool:
    return int((await node.call("txpool_status"))["pending"], 16) > 0


async def is_settled(scene: Scene, person: Person, tx_hash: str) -> bool:
    """Whether the trade is final, and its transaction in the chain again."""
    mined = await is_mined(scene.devnet.node, tx_hash)
    return mined and await scene.trade_statuses(person) == ["CONFIRMED"]


async def test_a_reorg_without_removed_logs_shows_only_in_parent_hashes(scene: Scene) -> None:
    async with listening(scene.devnet.endpoints.rpc_ws_url, "newHeads") as ear:
        first = await ear.hears()
        heard = {int(first["number"], 16): str(first["hash"])}
        await scene.inject("reorg", depth=2, removed_logs=False)
        async with asyncio.timeout(10):
            while (lost := replaced_by(head := await ear.hears(), heard)) is None:
                heard[int(head["number"], 16)] = head["hash"]
        assert await scene.devnet.node.call("eth_getBlockByHash", lost, False) is None


async def test_who_asks_during_a_reorg_is_told_what_was_before_or_after(scene: Scene, first: Node) -> None:
    """anvil alone empties its state for a moment, and knows nobody's balance."""
    account = await account_of(scene, 8)
    balances: set[str] = set()
    async with repeated(lambda: first.call("eth_getBalance", account.address, "latest"), balances.add):
        for _ in range(50):
            await scene.inject("reorg", depth=2)
    assert len(balances) == 1


@asynccontextmanager
async def repeated(ask: Callable[[], Awaitable[str]], tell: Callable[[str], None]) -> AsyncIterator[None]:
    """Ask again and again while the context lasts, and tell every answer."""

    async def go_on() -> None:
        while True:
            tell(await ask())

    async with asyncio.TaskGroup() as group:
        asking = group.create_task(go_on())
        yield
        asking.cancel()


def replaced_by(head: dict[str, Any], heard: Mapping[int, str]) -> str | None:
    """Return the hash that was heard for this head's place or its parent's, if it is another one."""
    number = int(head["number"], 16)
    if heard.get(number, head["hash"]) != head["hash"]:
        return heard[number]
    return heard[number - 1] if heard.get(number - 1, head["parentHash"]) != head["parentHash"] else None
