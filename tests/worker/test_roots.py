"""Roots: every block that the chain has no more is found, and few are asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora.domain.chain import BlockId, Head
from remora.domain.errors import Retryable
from remora.settle.roots import EACH_AFTER_S, FIRST_LOOK_S, MOST_BLOCKS, UPROOTED_WITHIN_S, Roots
from tests.fakes.chain import FakeChain, head
from tests.fakes.clock import SimulatedClock


class Moving(FakeChain):
    """A chain to which something happens after so many more questions."""

    def __init__(self) -> None:
        super().__init__()
        self.coming: dict[int, Callable[[], None]] = {}

    async def block(self, number: int) -> Head:
        found = await super().block(number)
        if happen := self.coming.pop(len(self.asked), None):
            happen()
        return found


class Named:
    """The blocks that a store names, as SettlementStore does; what is gone is named no more."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock = clock
        self.blocks: dict[BlockId, int] = {}

    def name(self, block: Head) -> None:
        self.blocks[BlockId(block.number, block.hash)] = self._clock.now_us()

    def drop(self, blocks: Collection[BlockId]) -> None:
        for block in blocks:
            del self.blocks[block]

    async def blocks_since(self, mined_since_us: int, most: int) -> list[BlockId]:
        return sorted((block for block, us in self.blocks.items() if us >= mined_since_us), reverse=True)[:most]


@dataclass(kw_only=True)
class Watch:
    """Roots over a chain and the blocks that are named."""

    clock: SimulatedClock = field(default_factory=SimulatedClock)
    chain: Moving = field(default_factory=Moving)

    def __post_init__(self) -> None:
        self.named = Named(self.clock)
        self.restart()

    def restart(self) -> None:
        self.roots = Roots(chain=self.chain, ends=self.named.blocks_since, clock=self.clock)

    def mine(self, *numbers: int) -> None:
        for number in numbers:
            self.named.name(self.chain.canonical(number))

    def orphans(self) -> set[BlockId]:
        return {block for block in self.named.blocks if self.chain.canonical(block.number).hash != block.hash}

    async def look(self) -> Sequence[BlockId]:
        self.chain.asked.clear()
        gone = await self.roots.gone()
        self.named.drop(gone)
        return gone


async def test_nothing_is_asked_for_when_nothing_was_mined() -> None:
    watch = Watch()
    assert await watch.look() == []
    assert watch.chain.asked == []


async def test_blocks_that_stood_together_are_told_by_the_highest() -> None:
    watch = Watch()
    watch.mine(*range(1, 31))
    assert await watch.look() == []
    assert len(watch.chain.asked) == 30
    assert await watch.look() == []
    assert len(watch.chain.asked) == 1
    watch.mine(31)
    assert await watch.look() == []
    assert len(watch.chain.asked) == 2


async def test_a_reorg_is_found_down_to_where_it_began() -> None:
    watch = Watch()
    watch.mine(*range(1, 31))
    await watch.look()
    watch.chain.reorganise(28)
    assert {block.number for block in await watch.look()} == {28, 29, 30}
    assert len(watch.chain.asked) == 4  # 30, 29, 28, and 27 which stands
    assert await watch.look() == []


async def test_a_block_is_found_below_one_of_the_new_branch() -> None:
    """A transaction of the new branch was recorded before anybody looked."""
    watch = Watch()
    watch.mine(1, 2, 3)
    await watch.look()
    watch.chain.reorganise(2)
    watch.mine(3, 4)
    assert [block.number for block in await watch.look()] == [3, 2]
    assert watch.orphans() == set()


async def test_what_was_recorded_late_is_asked_for_by_itself() -> None:
    """Its receipt was read before the reorganisation, and recorded after others were found standing."""
    watch = Watch()
    watch.chain.reorganise(1)
    watch.mine(5)
    await watch.look()
    watch.named.name(head(3))
    assert [block.number for block in await watch.look()] == [3]


async def test_two_blocks_of_one_number_are_told_apart() -> None:
    watch = Watch()
    watch.mine(7)
    old = await watch.named.blocks_since(0, most=1)
    watch.chain.reorganise(7)
    watch.mine(7)
    assert await watch.look() == old


async def test_a_chain_that_is_shorter_is_asked_again() -> None:
    watch = Watch()
    watch.mine(1, 2)
    await watch.look()
    watch.chain.reorganise(2)
    watch.chain.troubles["block"].append(Retryable("the node has no block 2"))
    with pytest.raises(Retryable):
        await watch.look()
    assert [block.number for block in await watch.look()] == [2]


async def test_what_was_taken_back_while_nobody_looked_is_found_by_the_next_process() -> None:
    watch = Watch()
    watch.mine(1, 2)
    await watch.look()
    watch.chain.reorganise(2)
    watch.clock.advance(FIRST_LOOK_S)
    watch.restart()
    assert [block.number for block in await watch.look()] == [2]


async def test_a_first_look_that_fails_is_made_again() -> None:
    watch = Watch()
    watch.mine(1)
    watch.chain.reorganise(1)
    watch.clock.advance(UPROOTED_WITHIN_S + 1)
    watch.chain.troubles["block"].append(Retryable("busy"))
    with pytest.raises(Retryable):
        await watch.look()
    assert [block.number for block in await watch.look()] == [1]


async def test_old_blocks_are_watched_no_more() -> None:
    """Each is asked for once more after its time, however long nobody could look."""
    watch = Watch()
    watch.mine(1)
    await watch.look()
    watch.clock.advance(UPROOTED_WITHIN_S + 1)
    await watch.look()
    assert watch.chain.asked == ["block"]
    await watch.look()
    assert watch.chain.asked == []


async def test_what_is_gone_is_said_until_that_is_noted() -> None:
    watch = Watch()
    watch.mine(*range(1, MOST_BLOCKS + 3))
    watch.chain.reorganise(1)
    watch.clock.advance(UPROOTED_WITHIN_S + 1)
    assert len(await watch.roots.gone()) == MOST_BLOCKS
    assert len(await watch.look()) == MOST_BLOCKS
    assert len(await watch.look()) == 2
    assert watch.named.blocks == {}


async def test_a_block_that_a_higher_one_of_another_branch_told_of_is_found_within_a_minute() -> None:
    """Two nodes answered one look: the higher block is of one branch, the lower one of the other."""
    watch = Watch()
    watch.chain.reorganise(100)
    watch.mine(100)
    (of_the_loser,) = watch.named.blocks
    here = dict(watch.chain.branch)
    watch.chain.branch.clear()
    watch.mine(101)
    watch.chain.coming = {1: partial(watch.chain.branch.update, here)}
    assert await watch.look() == []
    watch.chain.branch.clear()
    assert await watch.look() == []
    watch.clock.advance(EACH_AFTER_S)
    assert await watch.look() == [of_the_loser]


async def test_no_more_than_so_many_are_asked_for() -> None:
    watch = Watch()
    watch.mine(*range(1, MOST_BLOCKS + 50))
    await watch.look()
    assert len(watch.chain.asked) == MOST_BLOCKS


_NUMBERS = st.integers(1, 8)
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("mine"), _NUMBERS),
        st.tuples(st.just("late"), _NUMBERS),
        st.tuples(st.just("reorganise"), _NUMBERS),
        st.tuples(st.just("meanwhile"), _NUMBERS, st.integers(1, 6)),
        st.tuples(st.just("look")),
        st.tuples(st.just("restart")),
    ),
    max_size=25,
)


async def play(steps: list[tuple[Any, ...]]) -> Watch:
    watch = Watch()
    earlier: dict[int, Head] = {}
    for name, *numbers in steps:
        match name:
            case "mine":
                watch.mine(*numbers)
            case "late":  # its receipt was read before the last reorganisation
                (number,) = numbers
                watch.named.name(earlier.get(number, head(number)))
            case "reorganise":
                earlier = dict(watch.chain.branch)
                watch.chain.reorganise(*numbers)
            case "meanwhile":
                first, after = numbers
                watch.chain.coming = {after: partial(watch.chain.reorganise, first)}
                await watch.look()
                watch.chain.coming.clear()
            case "look":
                await watch.look()
            case "restart":
                watch.restart()
    return watch


@given(steps=_STEPS)
def test_after_a_quiet_look_no_named_block_is_an_orphan(steps: list[tuple[Any, ...]]) -> None:
    async def law() -> None:
        watch = await play(steps)
        standing = set(watch.named.blocks) - watch.orphans()
        await watch.look()
        assert set(watch.named.blocks) == standing

    asyncio.run(law())
