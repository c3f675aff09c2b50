"""The limits in simulated time: bursts, rates, windows, and a clock that is set back."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora.adapters.venue.limits import OrderLimits, TokenBucket
from remora.domain.errors import Retryable
from remora.domain.ids import Address
from tests.fakes.clock import SteppedClock
from tests.unit.venue.conftest import SimulatedClock

SECOND_US = 1_000_000


def wallet(index: int) -> Address:
    return Address(f"0x{index:040x}")


def passing_times(bucket: TokenBucket, asked_us: list[int]) -> list[int]:
    """Return when each call would pass, asked at rising times."""
    passed = []
    for now_us in asked_us:
        passed.append(now_us + bucket.wait_us(now_us))
        bucket.take(now_us)
    return passed


def test_a_burst_passes_at_once_and_the_rest_one_per_interval() -> None:
    bucket = TokenBucket(interval_us=100, burst=3)
    assert passing_times(bucket, [1000] * 6) == [1000, 1000, 1000, 1100, 1200, 1300]


def test_an_idle_bucket_fills_up_to_its_burst_and_no_further() -> None:
    bucket = TokenBucket(interval_us=100, burst=3)
    passing_times(bucket, [1000] * 3)
    assert passing_times(bucket, [9000] * 4) == [9000, 9000, 9000, 9100]


def test_a_clock_set_back_does_not_lock_the_bucket() -> None:
    bucket = TokenBucket(interval_us=100, burst=1)
    assert passing_times(bucket, [3600 * SECOND_US]) == [3600 * SECOND_US]
    assert passing_times(bucket, [500]) == [600]


@given(
    calls=st.integers(2, 60),
    burst=st.integers(1, 59),
    gaps=st.lists(st.integers(0, 400_000), min_size=1, max_size=150),
)
def test_no_window_lets_more_through_than_its_limit(calls: int, burst: int, gaps: list[int]) -> None:
    bucket = TokenBucket.for_window(calls, 1, burst=min(burst, calls - 1))
    asked = [sum(gaps[:i]) for i in range(1, len(gaps) + 1)]
    passed = passing_times(bucket, asked)
    assert passed == sorted(passed)
    for start_us in passed:
        assert sum(start_us <= at_us < start_us + SECOND_US for at_us in passed) <= calls


async def test_a_signer_sends_54_at_once_and_36_a_second_after_that(clock: SimulatedClock) -> None:
    limits = OrderLimits(clock)
    for _ in range(54):
        await limits.admit(wallet(1))
    assert clock.slept_us == []
    start_us = clock.us
    for _ in range(36):
        await limits.admit(wallet(1))
    assert clock.us - start_us == 36 * 27_778  # 1 s / 36, rounded up to the microsecond


async def test_signers_do_not_wait_for_each_other(clock: SimulatedClock) -> None:
    limits = OrderLimits(clock)
    for index in range(1000):
        await limits.admit(wallet(index))
    assert clock.slept_us == []


async def test_the_ip_sends_at_most_4500_in_10_seconds(clock: SimulatedClock) -> None:
    limits = OrderLimits(clock)
    start_us, sent = clock.us, 0
    while clock.us - start_us < 10 * SECOND_US:
        await limits.admit(wallet(sent % 500))
        sent += 1
    assert 4_400 < sent <= 4_501  # the last one passed after the window


async def test_a_wait_beyond_five_seconds_is_retryable_and_takes_no_place() -> None:
    clock = SteppedClock()
    limits = OrderLimits(clock)
    # the burst, and what fits into 5 s at 27,778 us each
    calls = [asyncio.ensure_future(limits.admit(wallet(1))) for _ in range(54 + 179)]
    await asyncio.sleep(0)
    for _ in "ab":  # whoever is refused holds up nobody
        with pytest.raises(Retryable) as caught:
            await limits.admit(wallet(1))
        assert 5.0 < caught.value.delay_s < 5.1
    calls.pop().cancel()
    await asyncio.sleep(0)
    calls.append(asyncio.ensure_future(limits.admit(wallet(1))))
    await asyncio.sleep(0)
    assert [call.done() for call in calls] == [True] * 54 + [False] * 179
    for call in calls:
        call.cancel()


async def called(limits: OrderLimits, name: str, passed: list[str], *, urgent: bool) -> None:
    await limits.admit(wallet(1), urgent=urgent)
    passed.append(name)


async def test_urgent_orders_pass_first_and_each_kind_in_the_order_in_which_it_came() -> None:
    clock, passed = SteppedClock(), list[str]()
    limits = OrderLimits(clock)
    for _ in range(54):
        await limits.admit(wallet(1))
    async with asyncio.TaskGroup() as calls:
        for number in range(3):
            calls.create_task(called(limits, f"entry {number}", passed, urgent=False))
        await asyncio.sleep(0)
        for number in range(3):
            calls.create_task(called(limits, f"exit {number}", passed, urgent=True))
        await clock.advance(1, step_s=0.01)
    assert passed == ["exit 0", "exit 1", "exit 2", "entry 0", "entry 1", "entry 2"]


async def test_a_signer_that_the_venue_holds_back_waits_and_no_other_does() -> None:
    clock, passed = SteppedClock(), list[str]()
    limits = OrderLimits(clock)
    limits.back_off(wallet(1), 3)
    await limits.admit(wallet(2))
    waiting = asyncio.ensure_future(called(limits, "held", passed, urgent=True))
    await clock.advance(2.5)
    assert passed == []
    await clock.advance(1)
    await waiting
    limits.back_off(wallet(1), 6)
    with pytest.raises(Retryable, match="too many orders"):
        await limits.admit(wallet(1))


async def test_who_gives_up_leaves_the_line_to_the_next() -> None:
    clock, passed = SteppedClock(), list[str]()
    limits = OrderLimits(clock)
    limits.back_off(wallet(1), 1)
    first = asyncio.ensure_future(called(limits, "first", passed, urgent=False))
    await asyncio.sleep(0)
    second = asyncio.ensure_future(called(limits, "second", passed, urgent=False))
    await asyncio.sleep(0)
    first.cancel()
    await clock.advance(2)
    await second
    assert passed == ["second"]
