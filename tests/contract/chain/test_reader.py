"""Reading through a real node; where a real one would not misbehave on demand, a scripted one."""

from __future__ import annotations

from typing import Any

import pytest
from eth_utils.crypto import keccak

from remora.adapters.chain.reader import NodeReader
from remora.adapters.chain.rpc import RpcClient
from remora.devnet.accounts import Role, scripted, scripted_range
from remora.domain.chain import LogFilter
from remora.domain.contracts import Ledgers
from remora.domain.errors import Malformed, OperatorError, Retryable
from remora.domain.ids import ZERO_ADDRESS, Address, TokenId, TxHash
from remora.domain.money import Collateral, Shares, Wei
from remora.domain.transaction import GasPrice
from tests.contract.chain.scripted_node import Peer, Script, scripted_node
from tests.contract.chain.world import World

TRANSFER = f"0x{keccak(text='Transfer(address,address,uint256)').hex()}"
FOLLOWERS = tuple(account.address for account in scripted_range(Role.FOLLOWER, 3))
STRANGER = scripted(Role.FOLLOWER, 99).address
NOWHERE = Ledgers(conditional_tokens=STRANGER, position_manager=STRANGER)
GWEI = 10**9


def padded(wallet: Address) -> str:
    return f"0x{wallet[2:]:0>64}"


def transfers(world: World, *, to: tuple[Address, ...] | None = None) -> LogFilter:
    receivers = None if to is None else tuple(padded(wallet) for wallet in to)
    return LogFilter(addresses=(world.collateral,), topics=((TRANSFER,), None, receivers))


async def test_the_chain_and_its_head(world: World) -> None:
    assert await world.reader.chain_id() == 31337
    head = await world.reader.head()
    block = await world.node.call("eth_getBlockByNumber", hex(head.number), False)
    assert (head.hash, head.parent_hash) == (block["hash"], block["parentHash"])
    assert head.timestamp_s == int(block["timestamp"], 16)


async def test_balances_come_in_the_order_asked(world: World) -> None:
    first, second, third = FOLLOWERS
    await world.funding.fund([first], collateral=Collateral(5_000_000), native=Wei(7 * 10**17))
    await world.funding.fund([third], collateral=Collateral(1), native=Wei(10**18))
    assert await world.reader.collateral_of([third, second, first]) == [
        Collateral(1), Collateral(0), Collateral(5_000_000),
    ]  # fmt: skip
    assert await world.reader.native_of([first, STRANGER]) == [Wei(7 * 10**17), Wei(0)]
    assert await world.reader.collateral_of([]) == []


async def test_shares_of_many_holdings_at_once(world: World) -> None:
    holder = FOLLOWERS[0]
    await world.funding.fund([holder], collateral=Collateral(10**9))
    await world.stock(holder, Shares(123_456))
    no = TokenId(world.market.no_token_id)
    nothing = [(Address(f"0x{number:040x}"), world.yes) for number in range(1, 2500)]
    holdings = [(holder, world.yes), (holder, no), *nothing, (holder, no)]
    balances = await world.reader.shares_of(holdings)
    assert len(balances) == len(holdings)
    assert [number for number, shares in enumerate(balances) if shares] == [0, 1, 2501]
    assert balances[0] == Shares(123_456)
    assert await world.reader.shares_of([]) == []


async def test_shares_after_a_block_by_its_hash(world: World) -> None:
    holder = FOLLOWERS[1]
    await world.funding.fund([holder], collateral=Collateral(10**9))
    await world.stock(holder, Shares(1_000))
    then, holding = await world.reader.head(), (holder, world.yes)
    await world.stock(holder, Shares(500))
    assert await world.reader.shares_at([holding, (STRANGER, world.yes)], then.hash) == [Shares(1_000), Shares(0)]
    assert await world.reader.shares_of([holding]) == [Shares(1_500)]
    assert await world.reader.shares_at([holding], f"0x{7:064x}") is None  # of no block that the node has


async def test_allowances_and_approvals(world: World) -> None:
    approving, other = FOLLOWERS[:2]
    await world.funding.fund([approving], approve_clearinghouse=True)
    spender = world.clearinghouse
    assert await world.reader.collateral_allowances([approving, other], spender) == [
        Collateral(2**256 - 1), Collateral(0),
    ]  # fmt: skip
    for ledger in (world.contracts.conditional_tokens, world.contracts.position_manager):
        assert await world.reader.shares_approved([other, approving], spender, Address(ledger)) == [False, True]


async def test_past_logs_of_overlapping_filters_come_once_in_chain_order(world: World) -> None:
    start = (await world.reader.head()).number + 1
    for wallet in (FOLLOWERS[0], FOLLOWERS[2], FOLLOWERS[1], FOLLOWERS[0]):
        await world.funding.fund([wallet], collateral=Collateral(1))
    end = (await world.reader.head()).number
    filters = [transfers(world, to=FOLLOWERS[1:]), transfers(world, to=FOLLOWERS[:2])]
    logs = await world.reader.logs(filters, start, end)
    assert [(await world.log_at(place)).topics[2] for place in logs] == [
        padded(FOLLOWERS[0]), padded(FOLLOWERS[2]), padded(FOLLOWERS[1]), padded(FOLLOWERS[0]),
    ]  # fmt: skip
    assert logs == sorted(logs, key=lambda log: (log.block_number, log.log_index))
    assert await world.reader.logs(filters, end + 1, end + 1) == []


async def test_receipts_are_none_until_there_is_one(world: World) -> None:
    assert await world.reader.receipt(TxHash("0x" + "00" * 32)) is None
    call = world.custody.approvals()[0].call
    receipt = await world.execute(world.signer.fleet[0], call)
    assert receipt.succeeded
    assert 21_000 < receipt.gas_used < call.gas
    assert [log.address for log in receipt.logs] == [world.collateral]


async def test_the_account_nonce_counts_transactions_in_blocks(world: World) -> None:
    wallet = world.signer.fleet[0]
    assert await world.reader.account_nonce(wallet) == 0
    await world.execute(wallet, world.custody.approvals()[0].call)
    assert await world.reader.account_nonce(wallet) == 1


async def test_fees_are_above_the_base_fee(world: World) -> None:
    price = await world.reader.gas_price()
    block = await world.node.call("eth_getBlockByNumber", "latest", False)
    assert price.max_fee - price.priority_fee >= Wei(int(block["baseFeePerGas"], 16))


async def test_an_address_without_a_contract_is_named(world: World) -> None:
    wrong = NodeReader(world.rpc, collateral=STRANGER, ledgers=NOWHERE)
    with pytest.raises(Malformed, match=f"expected 1 words from {STRANGER}, found '0x': is it the right contract"):
        await wrong.collateral_of(FOLLOWERS)
    with pytest.raises(Malformed, match=f"expected 3 words from {STRANGER}"):
        await wrong.shares_of([(FOLLOWERS[0], world.yes)])


async def test_a_contract_that_reverts_a_read_is_for_the_operator(world: World) -> None:
    with pytest.raises(OperatorError, match="refuses a read"):
        await world.reader.shares_of([(ZERO_ADDRESS, world.yes)])


def scripted_fees(chain_id: int, base_fee: int, suggested: int) -> Script:
    async def script(peer: Peer) -> None:
        while True:
            results = {
                "eth_chainId": hex(chain_id),
                "eth_getBlockByNumber": {"baseFeePerGas": hex(base_fee)},
                "eth_maxPriorityFeePerGas": hex(suggested),
            }
            batch = await peer.hear()
            await peer.say([{"id": each["id"], "result": results[each["method"]]} for each in batch])

    return script


@pytest.mark.parametrize(
    ("chain_id", "base_fee", "suggested", "priority_fee", "max_fee"),
    [
        (137, 40 * GWEI, 1 * GWEI, 25 * GWEI, 105 * GWEI),  # 2 x 40 + 25
        (137, 40 * GWEI, 31 * GWEI, 31 * GWEI, 111 * GWEI),  # 2 x 40 + 31
        (31337, 7, 1 * GWEI, 1 * GWEI, 1 * GWEI + 14),
    ],
    ids=["Polygon's minimum", "the suggestion above it", "another chain"],
)
async def test_polygon_has_a_minimum_priority_fee(
    chain_id: int, base_fee: int, suggested: int, priority_fee: int, max_fee: int
) -> None:
    async with scripted_node(scripted_fees(chain_id, base_fee, suggested)) as url, RpcClient(url) as rpc:
        price = await NodeReader(rpc, collateral=STRANGER, ledgers=NOWHERE).gas_price()
    assert price == GasPrice(max_fee=Wei(max_fee), priority_fee=Wei(priority_fee))


def node_of_narrow_ranges(widest: int, asked: list[tuple[int, int]]) -> Script:
    """A node with one log per block, which returns at most `widest` blocks of them."""

    async def script(peer: Peer) -> None:
        while True:
            request = await peer.hear()
            bounds = request["params"][0]
            first, last = int(bounds["fromBlock"], 16), int(bounds["toBlock"], 16)
            asked.append((first, last))
            if last - first >= widest:
                await peer.refuse(request, -32005, "query returned more than 10000 results")
            else:
                await peer.answer(request, [log_object(number) for number in range(first, last + 1)])

    return script


def log_object(block_number: int) -> dict[str, Any]:
    return {
        "address": STRANGER,
        "topics": [],
        "data": "0x",
        "blockNumber": hex(block_number),
        "logIndex": "0x0",
    }


async def test_a_range_that_is_too_wide_is_halved() -> None:
    asked: list[tuple[int, int]] = []
    async with scripted_node(node_of_narrow_ranges(3, asked)) as url, RpcClient(url) as rpc:
        reader = NodeReader(rpc, collateral=STRANGER, ledgers=NOWHERE)
        logs = await reader.logs([LogFilter(addresses=(STRANGER,), topics=())], 10, 19)
    assert [log.block_number for log in logs] == list(range(10, 20))
    # 10 blocks and 5 are too many, 2 and 3 are not; then 4 is all that could still be found out
    assert asked == [(10, 19), (10, 14), (10, 11), (12, 14), (15, 18), (15, 17), (18, 19)]


async def test_a_single_block_that_is_too_much_is_retryable() -> None:
    asked: list[tuple[int, int]] = []
    async with scripted_node(node_of_narrow_ranges(0, asked)) as url, RpcClient(url) as rpc:
        reader = NodeReader(rpc, collateral=STRANGER, ledgers=NOWHERE)
        with pytest.raises(Retryable, match="more than 10000 results"):
            await reader.logs([LogFilter(addresses=(STRANGER,), topics=())], 10, 11)
    assert asked == [(10, 11), (10, 10)]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (-32000, "missing trie node b03d68ac51042467d7637d4ef9e1c520 (path )"),
        (-32000, "header for hash not found"),
        (3, "execution reverted"),  # what a pruned node may call it
    ],
)
async def test_a_node_that_lacks_a_blocks_state_tells_nothing(code: int, message: str) -> None:
    async with scripted_node(refusing(code, message)) as url, RpcClient(url) as rpc:
        reader = NodeReader(rpc, collateral=STRANGER, ledgers=NOWHERE)
        assert await reader.shares_at([(STRANGER, TokenId(1))], f"0x{7:064x}") is None


async def test_a_node_that_limits_our_rate_may_tell_later() -> None:
    async with scripted_node(refusing(429, "too many requests")) as url, RpcClient(url) as rpc:
        reader = NodeReader(rpc, collateral=STRANGER, ledgers=NOWHERE)
        with pytest.raises(Retryable):
            await reader.shares_at([(STRANGER, TokenId(1))], f"0x{7:064x}")


def refusing(code: int, message: str) -> Script:
    async def script(peer: Peer) -> None:
        while True:
            await peer.refuse(await peer.hear(), code, message)

    return script
