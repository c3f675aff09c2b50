"""The node pool on two real nodes that lag, fall silent and hang up: the chain is heard without a hole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field

import pytest

from remora.adapters.chain.endpoint import Endpoint
from remora.adapters.chain.pool import NodePool
from remora.adapters.chain.reader import NodeReader
from remora.adapters.chain.rpc import RpcClient
from remora.adapters.chain.sender import NodeSender
from remora.adapters.clock import SystemClock
from remora.domain.chain import Gap, Head
from remora.domain.contracts import Ledgers
from remora.domain.ids import ZERO_ADDRESS
from tests.contract.faults.scene import Scene, eventually

NOWHERE = Ledgers(conditional_tokens=ZERO_ADDRESS, position_manager=ZERO_ADDRESS)

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""

    async def answer() -> bool:
        return holds()

    await eventually(answer)


@dataclass(slots=True)
class Heard:
    """What a pool told of the chain."""

    pool: NodePool
    numbers: list[int] = field(default_factory=list)
    gaps: int = 0

    async def blocks(self, count: int) -> None:
        """Wait for so many more blocks."""
        goal = len(self.numbers) + count
        await until(lambda: len(self.numbers) >= goal)


@asynccontextmanager
async def pooled(scene: Scene) -> AsyncIterator[Heard]:
    """Listen to both nodes of a devnet through a pool."""
    endpoints = scene.devnet.endpoints
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(RpcClient(url))
            for url in (endpoints.rpc_ws_url, endpoints.second_rpc_ws_url)
        ]
        nodes = [
            Endpoint(
                name=rpc.host,
                reader=NodeReader(rpc, collateral=ZERO_ADDRESS, ledgers=NOWHERE),
                sender=NodeSender(rpc),
                drop=rpc.drop,
            )
            for rpc in clients
        ]
        pool = await stack.enter_async_context(NodePool(nodes, clock=SystemClock()))
        heard = Heard(pool)
        task = asyncio.create_task(listen(pool, heard))
        yield heard
        task.cancel()


async def listen(pool: NodePool, heard: Heard) -> None:
    """Note what the pool tells."""
    async with aclosing(pool.stream([])) as stream:
        async for item in stream:
            if isinstance(item, Head):
                heard.numbers.append(item.number)
            elif isinstance(item, Gap):
                heard.gaps += 1


def is_whole(numbers: list[int]) -> bool:
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


async def test_a_node_that_falls_silent_is_replaced_and_nothing_is_missed(scene: Scene) -> None:
    async with pooled(scene) as heard:
        await heard.blocks(5)
        await scene.inject("node-silence", node=1)
        await until(lambda: heard.pool.health()[0].replaced > 0)
        await heard.blocks(5)
        assert heard.pool.health()[1].leading
        assert is_whole(heard.numbers)
        await scene.control("DELETE", "/faults")
        await until(lambda: heard.pool.health()[0].lag_blocks == 0 and heard.gaps > 2)


async def test_a_node_that_hangs_up_again_and_again_is_not_missed(scene: Scene) -> None:
    async with pooled(scene) as heard:
        await heard.blocks(3)
        await scene.inject("node-close", node=1, duration_s=2)
        await heard.blocks(15)
        assert is_whole(heard.numbers)
        assert heard.pool.health()[0].replaced


async def test_a_lagging_node_is_not_asked_while_another_is_ahead(scene: Scene) -> None:
    async with pooled(scene) as heard:
        await heard.blocks(3)
        await scene.inject("lagging-head", node=1, blocks=5)
        await heard.blocks(10)
        first, second = heard.pool.health()
        assert second.leading
        assert first.lag_blocks >= 3
        told = heard.numbers[-1]
        assert (await heard.pool.head()).number >= told
        assert await heard.pool.logs([], heard.numbers[-1], heard.numbers[-1]) == []
        assert is_whole(heard.numbers)
