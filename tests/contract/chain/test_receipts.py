"""Reading a block's receipts through a real node, through one that lacks the method, and through ones in trouble."""

from __future__ import annotations

from typing import Any

import pytest
from eth_utils.crypto import keccak

from remora.adapters.chain.reader import NodeReader
from remora.adapters.chain.rpc import RpcClient
from remora.devnet.accounts import Role, scripted_range
from remora.domain.chain import LogFilter
from remora.domain.contracts import Ledgers
from remora.domain.errors import Malformed, Retryable
from remora.domain.ids import ZERO_ADDRESS, Address
from remora.domain.ignored import Ignored
from remora.domain.money import Collateral
from tests.contract.chain.scripted_node import Peer, Script, scripted_node
from tests.contract.chain.world import World

TRANSFER = f"0x{keccak(text='Transfer(address,address,uint256)').hex()}"
FOLLOWERS = tuple(account.address for account in scripted_range(Role.FOLLOWER, 2))
NO_BLOCK = "0x" + 64 * "7"
TOKEN = Address("0x" + 40 * "1")
LEDGERS = Ledgers(conditional_tokens=TOKEN, position_manager=TOKEN)


def padded(wallet: Address) -> str:
    return f"0x{wallet[2:]:0>64}"


def transfers(collateral: Address, *to: Address) -> list[LogFilter]:
    return [LogFilter(addresses=(collateral,), topics=((TRANSFER,), None, tuple(map(padded, to))))]


async def test_a_block_is_read_whole_by_its_hash_and_only_what_concerns_us(world: World) -> None:
    await world.funding.fund([FOLLOWERS[0]], collateral=Collateral(1))
    filters = transfers(world.collateral, FOLLOWERS[0])
    (log,) = await world.reader.logs(filters, 0, (await world.reader.head()).number)
    assert log.block_hash is not None
    (receipt,) = await world.reader.receipts(log.block_hash, filters) or []
    assert log.tx_hash is not None
    assert receipt == await world.reader.receipt(log.tx_hash)
    assert (receipt.block_hash, receipt.tx_index) == (log.block_hash, 0)
    assert await world.reader.receipts(log.block_hash, transfers(world.collateral, FOLLOWERS[1])) == []
    assert await world.reader.receipts(NO_BLOCK, filters) is None


def raw_receipt(number: int, block_hash: str, **changes: Any) -> dict[str, Any]:
    log = {
        "address": TOKEN,
        "topics": [TRANSFER, padded(ZERO_ADDRESS), padded(FOLLOWERS[0])],
        "data": "0x",
        "blockNumber": "0x5",
        "blockHash": block_hash,
        "transactionHash": f"0x{number:064x}",
        "logIndex": hex(number),
    }
    return {
        "transactionHash": f"0x{number:064x}",
        "transactionIndex": hex(number),
        "blockNumber": "0x5",
        "blockHash": block_hash,
        "status": "0x1",
        "gasUsed": "0x1",
        "logs": [log],
    } | changes


def node(answers: dict[str, Any], asked: list[str]) -> Script:
    """Return a node that answers by method; a tuple of code and words refuses, a function is given the parameters."""

    async def script(peer: Peer) -> None:
        while True:
            heard = await peer.hear()
            batch = heard if isinstance(heard, list) else [heard]
            said = [_answer(each, answers, asked) for each in batch]
            await peer.say(said if isinstance(heard, list) else said[0])

    return script


def _answer(request: Any, answers: dict[str, Any], asked: list[str]) -> dict[str, Any]:
    asked.append(request["method"])
    answer = answers[request["method"]]
    if callable(answer):
        answer = answer(*request["params"])
    if isinstance(answer, tuple):
        return {"jsonrpc": "2.0", "id": request["id"], "error": {"code": answer[0], "message": answer[1]}}
    return {"jsonrpc": "2.0", "id": request["id"], "result": answer}


BLOCK = "0x" + 64 * "a"


@pytest.mark.parametrize("code", [-32601, -32600])
async def test_a_node_without_the_method_is_asked_for_logs_and_receipts_from_then_on(code: int) -> None:
    receipts = {each["transactionHash"]: each for each in (raw_receipt(2, BLOCK), raw_receipt(1, BLOCK))}
    answers = {
        "eth_getBlockReceipts": (code, "the method does not exist or is not available"),
        "eth_getLogs": lambda _: [receipt["logs"][0] for receipt in receipts.values()],
        "eth_getTransactionReceipt": receipts.get,
    }
    asked: list[str] = []
    async with scripted_node(node(answers, asked)) as url, RpcClient(url) as rpc:
        reader = NodeReader(rpc, collateral=TOKEN, ledgers=LEDGERS)
        for _ in range(2):
            found = await reader.receipts(BLOCK, transfers(TOKEN, FOLLOWERS[0]))
            assert [each.tx_index for each in found or []] == [1, 2]
    by_logs = ["eth_getLogs", "eth_getTransactionReceipt", "eth_getTransactionReceipt"]
    assert asked == ["eth_getBlockReceipts", *by_logs, *by_logs]


@pytest.mark.parametrize(
    "elsewhere",
    [None, raw_receipt(1, "0x" + 64 * "b")],
    ids=["the receipt is gone", "the receipt is in another block"],
)
async def test_a_block_that_is_orphaned_between_two_questions_is_unknown(elsewhere: Any) -> None:
    answers = {
        "eth_getBlockReceipts": (-32601, "method not found"),
        "eth_getLogs": lambda _: raw_receipt(1, BLOCK)["logs"],
        "eth_getTransactionReceipt": lambda _: elsewhere,
    }
    async with scripted_node(node(answers, [])) as url, RpcClient(url) as rpc:
        reader = NodeReader(rpc, collateral=TOKEN, ledgers=LEDGERS)
        assert await reader.receipts(BLOCK, transfers(TOKEN, FOLLOWERS[0])) is None


async def test_a_malformed_receipt_is_counted_and_stops_no_other() -> None:
    answers = {"eth_getBlockReceipts": [raw_receipt(1, BLOCK, gasUsed="much"), raw_receipt(2, BLOCK), 7]}
    ignored = Ignored()
    async with scripted_node(node(answers, [])) as url, RpcClient(url) as rpc:
        reader = NodeReader(rpc, collateral=TOKEN, ledgers=LEDGERS, ignored=ignored)
        found = await reader.receipts(BLOCK, transfers(TOKEN, FOLLOWERS[0]))
    assert [each.tx_index for each in found or []] == [2]
    assert ignored.counts() == {"malformed_receipt": 2}


async def test_receipts_of_another_block_are_refused() -> None:
    answers = {"eth_getBlockReceipts": [raw_receipt(1, NO_BLOCK)]}
    async with scripted_node(node(answers, [])) as url, RpcClient(url) as rpc:
        reader = NodeReader(rpc, collateral=TOKEN, ledgers=LEDGERS)
        with pytest.raises(Malformed, match="found another block's"):
            await reader.receipts(BLOCK, transfers(TOKEN, FOLLOWERS[0]))


@pytest.mark.parametrize("words", ["header not found", "unknown block"])
async def test_a_block_that_the_node_does_not_know_is_none(words: str) -> None:
    async with scripted_node(node({"eth_getBlockReceipts": (-32000, words)}, [])) as url, RpcClient(url) as rpc:
        reader = NodeReader(rpc, collateral=TOKEN, ledgers=LEDGERS)
        assert await reader.receipts(BLOCK, transfers(TOKEN, FOLLOWERS[0])) is None


async def test_a_node_in_trouble_is_retryable() -> None:
    async with scripted_node(node({"eth_getBlockReceipts": (-32603, "internal")}, [])) as url, RpcClient(url) as rpc:
        reader = NodeReader(rpc, collateral=TOKEN, ledgers=LEDGERS)
        with pytest.raises(Retryable, match="internal"):
            await reader.receipts(BLOCK, transfers(TOKEN, FOLLOWERS[0]))


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-32600, "You can make eth_getLogs requests with up to a 10 block range"),
        (-32602, "query returned more than 10000 results. Try with this block range [0x1, 0x5]"),
        (-32005, "limit exceeded"),
        (-32614, "eth_getLogs is limited to a 5 range"),
        (35, "ranges over 10000 blocks are not supported on freetier"),
        (-32000, "query timeout exceeded"),
    ],
)
async def test_every_providers_words_for_too_wide_narrow_the_range(code: int, words: str) -> None:
    def answer(bounds: dict[str, Any]) -> Any:
        wide = int(bounds["toBlock"], 16) - int(bounds["fromBlock"], 16) >= 5
        return (code, words) if wide else []

    asked: list[str] = []
    async with scripted_node(node({"eth_getLogs": answer}, asked)) as url, RpcClient(url) as rpc:
        reader = NodeReader(rpc, collateral=TOKEN, ledgers=LEDGERS)
        await reader.logs(transfers(TOKEN, FOLLOWERS[0]), 1, 500)
        learning = len(asked)
        await reader.logs(transfers(TOKEN, FOLLOWERS[0]), 501, 600)
    assert learning < 140  # 100 answers of 5 blocks, what it took to find the width, and a try now and then
    assert len(asked) - learning < 30
