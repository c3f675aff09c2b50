"""Which blocks are ours: extended, forked, forked back, and with holes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora.detect.reorg import REMEMBERED_BLOCKS, Heads
from remora.domain.chain import Head


def chain(*names: str, first: int = 1) -> dict[int, Head]:
    """Return blocks that follow each other; a block's hash is its name."""
    parents = ("", *names)
    return {
        number: Head(number=number, hash=name, parent_hash=parent, timestamp_s=2 * number)
        for number, (name, parent) in enumerate(zip(names, parents, strict=False), start=first)
    }


def follow(heads: Heads, blocks: dict[int, Head], number: int) -> dict[int, str]:
    """Follow a head as the worker does, asking the chain as it is."""
    branch = [blocks[number]]
    while (unproven := heads.unproven(branch[-1])) is not None:
        branch.append(blocks[unproven])
    return heads.adopt(branch)


def test_heads_that_follow_each_other_ask_for_nothing() -> None:
    heads, blocks = Heads(), chain("a", "b", "c")
    for number in blocks:
        assert heads.unproven(blocks[number]) is None
        assert heads.adopt([blocks[number]]) == {}


def test_a_fork_orphans_what_stands_above_it() -> None:
    heads, before = Heads(), chain("a", "b", "c", "d")
    for number in before:
        follow(heads, before, number)
    after = chain("a", "b", "C", "D", "E")
    assert follow(heads, after, 5) == {3: "c", 4: "d"}
    assert heads.has(3, "C")
    assert follow(heads, before, 4) == {3: "C", 4: "D", 5: "E"}  # and back


def test_a_chain_that_became_shorter_orphans_what_is_above_its_head() -> None:
    heads, before = Heads(), chain("a", "b", "c", "d")
    for number in before:
        follow(heads, before, number)
    assert follow(heads, chain("a", "b", "C"), 3) == {3: "c", 4: "d"}


def test_a_hole_is_crossed_by_asking_for_the_last_block_below_it() -> None:
    heads, blocks = Heads(), chain(*"abcdefgh")
    follow(heads, blocks, 2)
    assert heads.unproven(blocks[7]) == 2
    assert follow(heads, blocks, 7) == {}
    assert follow(heads, chain("a", "B", *"CDEFGHI"), 9) == {2: "b", 7: "g"}


def test_a_log_may_name_a_block_before_its_head_comes() -> None:
    heads, blocks = Heads(), chain("a", "b", "c")
    follow(heads, blocks, 1)
    assert heads.claim(2, "b")
    assert heads.claim(2, "b")
    assert not heads.claim(2, "other")
    assert follow(heads, blocks, 3) == {}
    assert follow(heads, chain("a", "B", "C"), 3) == {2: "b", 3: "c"}


@pytest.mark.parametrize("head", [4, 5])
def test_a_log_proves_nothing_of_what_is_below_its_block(head: int) -> None:
    """The heads of the fork were lost: its first news is a log of block 4, whose head comes, or is lost as well."""
    heads, before, after = Heads(), chain("a", "b", "c"), chain("a", "B", "C", "D", "E")
    for number in before:
        follow(heads, before, number)
    assert heads.claim(4, "D")
    assert follow(heads, after, head) == {2: "b", 3: "c"}


def test_blocks_of_an_earlier_process_are_known_to_follow_from_each_other() -> None:
    heads, blocks = Heads(), chain(*"abcd")
    assert heads.claim(3, "C")  # told before the store was asked
    for number in (1, 3):
        heads.recollect(number, blocks[number].hash)
    assert heads.unproven(blocks[4]) is None
    assert follow(heads, chain("a", "b", "C", "D"), 4) == {3: "c"}


def test_a_late_head_orphans_nothing() -> None:
    heads, blocks = Heads(), chain("a", "b", "c")
    for number in (1, 3, 2):
        assert follow(heads, blocks, number) == {}


def test_no_more_is_remembered_than_is_needed() -> None:
    heads, blocks = Heads(), chain(*(f"block {number}" for number in range(3 * REMEMBERED_BLOCKS)))
    for number in blocks:
        follow(heads, blocks, number)
    assert sum(heads.has(number, blocks[number].hash) for number in blocks) == REMEMBERED_BLOCKS


@given(forks=st.lists(st.tuples(st.integers(1, 6), st.integers(6, 9)), max_size=12))
def test_ours_is_always_the_chain_as_far_as_it_was_heard(forks: list[tuple[int, int]]) -> None:
    """Each fork goes back some blocks and ahead at least as many; heads are heard only of its end."""
    heads, names = Heads(), ["block 0"]
    follow(heads, chain(*names), 1)
    ours = {1: "block 0"}
    for turn, (back, ahead) in enumerate(forks):
        names = [*names[: max(1, len(names) - back)], *(f"{turn}.{step}" for step in range(ahead))]
        blocks = chain(*names)
        orphaned = follow(heads, blocks, len(names))
        assert orphaned == {
            number: name for number, name in ours.items() if number > len(names) or blocks[number].hash != name
        }
        ours = {number: blocks[number].hash for number in ours if number <= len(names)} | {len(names): names[-1]}
        assert all(heads.has(number, name) for number, name in ours.items())
