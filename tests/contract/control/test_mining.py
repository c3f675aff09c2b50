"""Blocks that are held while a reorg takes the last ones, on a chain of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from remora.devnet.anvil import running_anvil
from remora.devnet.chain_state import ChainState
from remora.devnet.mining import Mining, mining
from remora.devnet.rpc import Node, Request, connected

pytestmark = pytest.mark.asyncio(loop_scope="module")

ACCOUNTS = 3_000
"""So many that it takes a while to bring their state back."""
BLOCK_TIME_S = 0.05
SOON_S = 0.003
"""Between blocks that shall meet every reorg."""
REORGS = 200
DEPTH = 3
NOW_S = 4_000_000_000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def node() -> AsyncIterator[Node]:
    async with running_anvil(block_time_s=BLOCK_TIME_S) as chain, connected(chain.rpc_url) as running:
        rich = (f"0x{index:040x}" for index in range(1_000, 1_000 + ACCOUNTS))
        await running.batch(Request(method="anvil_setBalance", params=(each, hex(10**18))) for each in rich)
        await running.call("anvil_mine", hex(DEPTH))
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def blocks(node: Node) -> AsyncIterator[Mining]:
    async with mining(node, BLOCK_TIME_S) as running:
        yield running


async def test_no_block_comes_while_they_are_held_and_they_come_afterwards(node: Node, blocks: Mining) -> None:
    for _ in range(2):  # first the chain's own blocks, then those that are mined from here
        async with blocks.held():
            held_at = await number_of(node)
            await asyncio.sleep(4 * BLOCK_TIME_S)
            assert await number_of(node) == held_at
        await more_than(node, held_at + 2)


async def test_blocks_that_are_paused_stay_so_after_they_were_held(node: Node, blocks: Mining) -> None:
    async with blocks.paused():
        paused_at = await number_of(node)
        async with blocks.held():
            pass
        await asyncio.sleep(4 * BLOCK_TIME_S)
        assert await number_of(node) == paused_at
    await more_than(node, paused_at)


async def test_a_reorg_leaves_no_hole_however_fast_blocks_come(node: Node, blocks: Mining) -> None:
    """A block that anvil mines during a reorg is put after those that are no more."""
    await blocks.set_interval(SOON_S)
    state = ChainState(node, blocks)
    begun = await number_of(node)
    for _ in range(REORGS):
        async with blocks.held():
            await state.reorganise(DEPTH, NOW_S)
        await asyncio.sleep(SOON_S)
    await blocks.stop()
    numbers = range(begun, await number_of(node) + 1)
    found = await node.batch(Request(method="eth_getBlockByNumber", params=(hex(each), False)) for each in numbers)
    assert [number for number, block in zip(numbers, found, strict=True) if block is None] == []
    assert [child["parentHash"] for child in found[1:]] == [parent["hash"] for parent in found[:-1]]


async def number_of(node: Node) -> int:
    return int(await node.call("eth_blockNumber"), 16)


async def more_than(node: Node, number: int) -> None:
    async with asyncio.timeout(10):
        while await number_of(node) <= number:  # noqa: ASYNC110  it watches another process
            await asyncio.sleep(BLOCK_TIME_S)
