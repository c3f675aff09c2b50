"""How wide a range of logs is asked for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from remora.adapters.chain.ranges import WIDEST_BLOCKS, Width


def read(width: Width, limit: int, blocks: int) -> int:
    """Read so many blocks from a node of that limit; return how often it was asked."""
    first, asked = 1, 0
    while first <= blocks:
        last = width.last_of(first, blocks)
        asked += 1
        if last - first + 1 > limit:
            width.fail(last - first + 1)
        else:
            width.succeed(last - first + 1)
            first = last + 1
    return asked


def test_a_node_without_a_limit_is_asked_once() -> None:
    assert read(Width(), 10**9, WIDEST_BLOCKS) == 1


@given(limit=st.sampled_from([1, 5, 10, 100, 500, 800, 2000, 3000, 10_000]))
def test_any_limit_is_found_and_kept_to(limit: int) -> None:
    width = Width()
    read(width, limit, 20 * limit)
    blocks = 100 * limit
    assert read(width, limit, blocks) <= 140  # 100 answers at best


def test_a_node_that_went_away_a_few_times_is_not_asked_for_single_blocks() -> None:
    width = Width()
    for blocks in (5, 3, 1, 5, 2):
        width.lose(blocks)
    assert read(width, 10**9, 400) <= 9  # 1 + 2 + 4 + ... + 128 = 255, and the rest


def test_a_wide_range_that_breaks_the_connection_is_not_asked_for_again() -> None:
    width = Width()
    width.lose(1_000)
    assert read(width, 999, 2_000) <= 8


@given(answers=st.lists(st.booleans(), max_size=200))
def test_a_width_is_always_one_that_can_be_asked_for(answers: list[bool]) -> None:
    width = Width()
    for answered in answers:
        (width.succeed if answered else width.fail)(width.blocks)
        assert 1 <= width.blocks <= WIDEST_BLOCKS
