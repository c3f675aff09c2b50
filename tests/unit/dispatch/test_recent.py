"""Facts that are true for a moment: read together, once, and no longer than that."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection, Mapping

import pytest

from remora.dispatch.recent import Recent
from remora.domain.errors import Malformed, OperatorError, Refused, RemoraError, Retryable
from tests.fakes.clock import US, SimulatedClock


class Source:
    """Tells the square of every key but those above 100; `troubles` are raised first."""

    def __init__(self) -> None:
        self.reads: list[frozenset[int]] = []
        self.troubles: deque[RemoraError] = deque()

    async def read(self, keys: Collection[int]) -> Mapping[int, int]:
        self.reads.append(frozenset(keys))
        await asyncio.sleep(0.001)
        if self.troubles:
            raise self.troubles.popleft()
        return {key: key * key for key in keys if key <= 100}


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def recent(source: Source, clock: SimulatedClock) -> Recent[int, int]:
    return Recent("squares", source.read, clock=clock, ttl_us=2 * US, capacity=3)


async def test_many_are_read_at_once(recent: Recent[int, int], source: Source) -> None:
    assert await recent.get([1, 2, 3]) == {1: 1, 2: 4, 3: 9}
    assert source.reads == [{1, 2, 3}]


async def test_those_who_ask_at_once_share_what_is_read(recent: Recent[int, int], source: Source) -> None:
    answers = await asyncio.gather(recent.get([1, 2]), recent.get([2, 3]), recent.get([1]))
    assert [*answers] == [{1: 1, 2: 4}, {2: 4, 3: 9}, {1: 1}]
    assert source.reads == [{1, 2, 3}]


async def test_nobody_waits_for_the_keys_of_others(recent: Recent[int, int], source: Source) -> None:
    first = asyncio.ensure_future(recent.get([1]))
    while not source.reads:  # noqa: ASYNC110  it watches a task
        await asyncio.sleep(0)
    second = asyncio.ensure_future(recent.get([1, 2]))
    assert (await first, await second) == ({1: 1}, {1: 1, 2: 4})
    assert source.reads == [{1}, {2}]


async def test_what_is_known_is_not_read_until_it_is_old(
    recent: Recent[int, int], source: Source, clock: SimulatedClock
) -> None:
    await recent.get([1])
    clock.advance(1.999999)
    await recent.get([1, 2])
    assert source.reads == [{1}, {2}]
    clock.advance(0.000001)
    await recent.get([1])
    assert source.reads == [{1}, {2}, {1}]


async def test_nothing_asked_reads_nothing(recent: Recent[int, int], source: Source) -> None:
    assert await recent.get([]) == {}
    assert source.reads == []


async def test_what_is_not_told_is_left_out(recent: Recent[int, int]) -> None:
    assert await recent.get([1, 101]) == {1: 1}


async def test_who_is_busy_is_asked_three_times(
    recent: Recent[int, int], source: Source, clock: SimulatedClock
) -> None:
    source.troubles.extend([Retryable("busy", 0.1), Retryable("busy", 9.0)])
    assert await recent.get([1]) == {1: 1}
    assert clock.slept_s == [0.1, 0.5]  # a copy does not wait 9 s
    source.troubles.extend([Retryable("busy")] * 3)
    assert await recent.get([2]) == {}
    assert await recent.get([2]) == {2: 4}  # trouble is not remembered


@pytest.mark.parametrize("trouble", [Refused("no"), OperatorError("reverted"), Malformed("expected a word")])
async def test_who_says_no_is_not_asked_again(recent: Recent[int, int], source: Source, trouble: RemoraError) -> None:
    source.troubles.append(trouble)
    assert await recent.get([1]) == {}
    assert len(source.reads) == 1


async def test_memory_is_bounded_and_answers_are_not(recent: Recent[int, int], source: Source) -> None:
    assert len(await recent.get(range(50))) == 50
    assert len(recent._known) == 3
    await recent.get(range(51, 54))
    assert len(source.reads) == 2


async def test_who_stops_waiting_does_not_stop_the_others(recent: Recent[int, int], source: Source) -> None:
    impatient, patient = (asyncio.ensure_future(recent.get([1])) for _ in range(2))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == {1: 1}
    assert source.reads == [{1}]
