"""Pending transactions of a real node, and of nodes that tell them in other ways or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from remora.adapters.chain.mempool import MempoolFeed, NodeMempool
from remora.adapters.chain.rpc import RpcClient
from remora.devnet.accounts import Role, scripted
from remora.domain.chain import Head, PendingTransaction
from remora.domain.errors import OperatorError, Retryable
from remora.domain.ids import ZERO_ADDRESS, Address
from remora.domain.money import Wei
from remora.domain.transaction import Call
from tests.contract.chain.scripted_node import Peer, Script, scripted_node
from tests.contract.chain.world import World

EXCHANGES = (Address("0x" + 40 * "2"), Address("0x" + 40 * "1"))
TRANSACTION = {
    "hash": "0x" + 64 * "a", "from": "0x" + 40 * "B", "nonce": "0x7", "to": EXCHANGES[0].upper().replace("X", "x"),
    "input": "0x3c2b4399", "blockNumber": None, "value": "0x0",
}  # fmt: skip


async def first_transaction(stream: AsyncIterator[PendingTransaction | Head]) -> PendingTransaction:
    async with asyncio.timeout(10):
        async for item in stream:
            if isinstance(item, PendingTransaction):
                return item
    raise AssertionError("the stream ended")


async def test_a_transaction_is_told_before_its_block(world: World) -> None:
    mempool = NodeMempool(world.rpc, feed=MempoolFeed.FULL, exchanges=())
    wallet = world.signer.treasury
    call = Call(to=world.clearinghouse, data=b"\x12\x34", gas=100_000)
    await world.funding.fund([wallet], native=Wei.parse("1"))
    async with aclosing(mempool.stream()) as stream:
        assert isinstance(await anext(stream), Head)
        await world.node.call("evm_setIntervalMining", 0)
        signed = await world.sign(wallet, call)
        await world.sender.broadcast(signed)
        heard = await first_transaction(stream)
        assert await world.reader.receipt(signed.tx_hash) is None
    nonce = await world.reader.account_nonce(wallet)
    assert heard == PendingTransaction(
        tx_hash=signed.tx_hash, sender=wallet, nonce=nonce, to=world.clearinghouse, calldata=b"\x12\x34"
    )


async def test_the_exchange_says_who_may_match(world: World) -> None:
    mempool = NodeMempool(world.rpc, feed=MempoolFeed.FULL, exchanges=())
    exchange, operator = Address(world.contracts.exchange), scripted(Role.EXCHANGE_OPERATOR, 0).address
    assert await mempool.may_match(operator, exchange)
    assert not await mempool.may_match(world.signer.treasury, exchange)
    assert not await mempool.may_match(operator, ZERO_ADDRESS)
    assert not await mempool.may_match(operator, world.collateral)


def subscribing(*payloads: Any, asked: list[Any] | None = None) -> Script:
    """A node that grants both subscriptions and then tells these payloads as pending transactions."""

    async def script(peer: Peer) -> None:
        for name in ("0xheads", "0xpending"):
            request = await peer.hear()
            if asked is not None:
                asked.append(request["params"])
            await peer.answer(request, name)
        for payload in payloads:
            params = {"subscription": "0xpending", "result": payload}
            await peer.say({"jsonrpc": "2.0", "method": "eth_subscription", "params": params})
        await peer.idle()

    return script


async def heard_from(
    script: Script, feed: MempoolFeed = MempoolFeed.FULL, *, silence_s: float = 5
) -> PendingTransaction:
    async with scripted_node(script) as url, RpcClient(url) as rpc:
        mempool = NodeMempool(rpc, feed=feed, exchanges=EXCHANGES, silence_s=silence_s)
        async with aclosing(mempool.stream()) as stream:
            return await first_transaction(stream)


@pytest.mark.parametrize(
    ("feed", "params"),
    [
        (MempoolFeed.FULL, ["newPendingTransactions", True]),
        (
            MempoolFeed.ALCHEMY,
            ["alchemy_pendingTransactions", {"toAddress": sorted(EXCHANGES), "hashesOnly": False}],
        ),
    ],
)
async def test_whole_transactions_are_asked_for(feed: MempoolFeed, params: list[Any]) -> None:
    asked: list[Any] = []
    heard = await heard_from(subscribing(TRANSACTION, asked=asked), feed)
    assert asked == [["newHeads"], params]
    assert (heard.sender, heard.to, heard.nonce) == (Address("0x" + 40 * "b"), EXCHANGES[0], 7)


@pytest.mark.parametrize("unreadable", [{}, 7, {**TRANSACTION, "nonce": "x"}, {**TRANSACTION, "input": None}])
async def test_what_cannot_be_read_is_passed_over(unreadable: Any) -> None:
    assert (await heard_from(subscribing(unreadable, TRANSACTION))).tx_hash == TRANSACTION["hash"]


async def test_hashes_are_not_enough() -> None:
    with pytest.raises(OperatorError, match=r"tells only the hashes of pending transactions: .* REMORA_MEMPOOL=off"):
        await heard_from(subscribing(TRANSACTION["hash"]))


async def test_a_node_that_knows_no_such_subscription_is_refused_in_words() -> None:
    async def script(peer: Peer) -> None:
        await peer.answer(await peer.hear(), "0xheads")
        await peer.refuse(await peer.hear(), -32602, "unsupported subscription type")
        await peer.idle()

    with pytest.raises(OperatorError, match="by alchemy_pendingTransactions: unsupported subscription type"):
        await heard_from(script, MempoolFeed.ALCHEMY)


async def test_silence_is_a_lost_connection() -> None:
    with pytest.raises(Retryable, match=r"the node sent nothing for 0\.2 s"):
        await heard_from(subscribing(), silence_s=0.2)
