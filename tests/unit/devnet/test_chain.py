"""Following a chain that grows, jumps and loses blocks."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from remora.devnet.clob.chain import Block, ChainFollower
from remora.devnet.rpc import Node
from remora.domain.errors import Refused


class FakeNode(Node):
    """A node with the blocks that the test gives it."""

    def __init__(self) -> None:
        self.blocks: dict[int, Block] = {}

    async def call(self, method: str, *params: Any) -> Any:
        assert method == "eth_getBlockByNumber"
        number = max(self.blocks) if params[0] == "latest" else int(params[0], 16)
        block = self.blocks.get(number)
        if block is None:
            return None
        return {
            "number": hex(block.number),
            "hash": block.hash,
            "parentHash": block.parent_hash,
            "transactions": list(block.transactions),
            "timestamp": hex(block.timestamp_s),
        }

    def grow(self, *names: str) -> None:
        """Mine blocks of these names."""
        for name in names:
            tip = max(self.blocks, default=99)
            parent = self.blocks[tip].hash if tip in self.blocks else "genesis"
            self.blocks[tip + 1] = Block(number=tip + 1, hash=name, parent_hash=parent, transactions=())

    def lose(self, count: int) -> None:
        for _ in range(count):
            self.blocks.popitem()


class Diary:
    """A listener that writes down what it is told, and stumbles when asked to."""

    def __init__(self) -> None:
        self.entries: list[str | int] = []
        self.stumbles = False
        self.told = asyncio.Event()

    async def on_block(self, block: Block) -> None:
        if self.stumbles:
            raise Refused("not now")
        self.entries.append(block.hash)
        self.told.set()

    async def on_reorg(self, first_lost: int) -> None:
        self.entries.append(first_lost)


@pytest.fixture
def node() -> FakeNode:
    return FakeNode()


@pytest.fixture
def diary() -> Diary:
    return Diary()


@pytest.fixture
def follower(node: FakeNode, diary: Diary) -> ChainFollower:
    return ChainFollower(node, "ws://nowhere", diary)


async def test_it_starts_at_the_tip_and_tells_every_later_block_once(
    node: FakeNode, diary: Diary, follower: ChainFollower
) -> None:
    node.grow("a", "b")
    await follower.catch_up()
    node.grow("c", "d", "e")
    await follower.catch_up()
    await follower.catch_up()
    assert diary.entries == ["b", "c", "d", "e"]


async def test_blocks_that_were_replaced_are_told_as_lost_before_the_new_ones(
    node: FakeNode, diary: Diary, follower: ChainFollower
) -> None:
    node.grow("a")
    await follower.catch_up()
    node.grow("b", "c", "d")
    await follower.catch_up()
    node.lose(2)
    node.grow("C", "D", "E")
    await follower.catch_up()
    # "a" is block 100, "c" was 102.
    assert diary.entries == ["a", "b", "c", "d", 102, "C", "D", "E"]


async def test_a_shorter_chain_is_noticed_when_it_grows_again(
    node: FakeNode, diary: Diary, follower: ChainFollower
) -> None:
    node.grow("a")
    await follower.catch_up()
    node.grow("b", "c")
    await follower.catch_up()
    node.lose(1)
    await follower.catch_up()
    node.grow("C")
    await follower.catch_up()
    assert diary.entries == ["a", "b", "c", 102, "C"]


async def test_a_block_at_which_the_listener_stumbled_is_told_again(
    node: FakeNode, diary: Diary, follower: ChainFollower
) -> None:
    node.grow("a")
    await follower.catch_up()
    node.grow("b")
    diary.stumbles = True
    with pytest.raises(Refused):
        await follower.catch_up()
    diary.stumbles = False
    await follower.catch_up()
    assert diary.entries == ["a", "b"]


async def test_blocks_are_seen_though_no_subscription_tells_of_them(
    node: FakeNode, diary: Diary, follower: ChainFollower, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hear_nothing(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(follower, "_follow", hear_nothing)
    node.grow("a")
    following = asyncio.create_task(follower.run())
    async with asyncio.timeout(10):
        await diary.told.wait()
        diary.told.clear()
        node.grow("b")
        await diary.told.wait()
    following.cancel()
    await asyncio.wait({following})
    assert diary.entries == ["a", "b"]
