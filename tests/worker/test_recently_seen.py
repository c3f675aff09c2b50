"""The memory of what was heard: 60 s, and no longer."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from remora.detect.identity import RecentlySeen
from tests.fakes.clock import US

MINUTE_US = 60 * US


def test_a_key_is_new_once_a_minute() -> None:
    recently = RecentlySeen(MINUTE_US)
    assert recently.add("a", 0)
    assert not recently.add("a", 1)
    assert not recently.add("a", MINUTE_US - 1)  # counted from when it was first heard
    assert recently.add("a", MINUTE_US)
    assert not recently.add("a", MINUTE_US + 1)


def test_keys_are_remembered_apart() -> None:
    recently = RecentlySeen(MINUTE_US)
    assert [recently.add(key, 0) for key in "abab"] == [True, True, False, False]


def test_what_could_not_be_dealt_with_may_be_heard_again() -> None:
    recently = RecentlySeen(MINUTE_US)
    recently.add("a", 0)
    recently.forget("a")
    recently.forget("never heard")
    assert recently.add("a", 1)


def test_a_burst_does_not_stay_in_memory() -> None:
    recently = RecentlySeen(MINUTE_US)
    for number in range(10_000):
        recently.add(str(number), number)
    recently.add("later", 2 * MINUTE_US)
    assert len(recently._seen) == 1


@given(heard=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 40 * US)), max_size=60))
def test_a_key_is_new_when_it_was_not_heard_within_the_last_minute(heard: list[tuple[str, int]]) -> None:
    recently = RecentlySeen(MINUTE_US)
    last_new: dict[str, int] = {}
    now_us = 0
    for key, pause_us in heard:
        now_us += pause_us
        expected = key not in last_new or now_us - last_new[key] >= MINUTE_US
        assert recently.add(key, now_us) is expected
        if expected:
            last_new[key] = now_us
