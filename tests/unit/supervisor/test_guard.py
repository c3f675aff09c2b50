"""The guard: a loop that ends, however it ends, is started again, ever slower."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from structlog.testing import capture_logs

from remora.supervisor.guard import guarded
from tests.fakes.clock import SimulatedClock

Ending = BaseException | None
"""How one run of a loop ends; None returns."""


def loop_of(endings: list[Ending], clock: SimulatedClock, lasting_s: float = 0) -> Callable[[], Awaitable[None]]:
    """Return a loop that ends in these ways, one after the other, and then is cancelled."""
    left = iter(endings)

    async def run() -> None:
        clock.advance(lasting_s)
        ending = next(left, asyncio.CancelledError())
        if ending is not None:
            raise ending

    return run


async def delays(endings: list[Ending], clock: SimulatedClock, lasting_s: float = 0) -> list[float]:
    with capture_logs(), pytest.raises(asyncio.CancelledError):
        await guarded("stage", loop_of(endings, clock, lasting_s), clock)
    return clock.slept_s


async def test_a_failing_loop_is_started_again_ever_slower(clock: SimulatedClock) -> None:
    assert await delays([ValueError("bad")] * 9, clock) == [1, 2, 4, 8, 16, 32, 60, 60, 60]


async def test_a_loop_that_returns_is_a_fault_too(clock: SimulatedClock) -> None:
    assert await delays([None, None, KeyError("x")], clock) == [1, 2, 4]


@pytest.mark.parametrize(
    "error", [ExceptionGroup("all", [OSError()]), TimeoutError(), AssertionError(), RuntimeError()]
)
async def test_whatever_fails_is_caught(clock: SimulatedClock, error: Exception) -> None:
    assert await delays([error], clock) == [1]


async def test_a_loop_that_ran_well_for_a_while_starts_again_at_once(clock: SimulatedClock) -> None:
    assert await delays([ValueError()] * 3, clock, lasting_s=61) == [1, 1, 1]


async def test_a_loop_that_fails_every_minute_is_not_trusted(clock: SimulatedClock) -> None:
    assert await delays([ValueError()] * 3, clock, lasting_s=60) == [1, 2, 4]


async def test_a_stop_is_no_fault(clock: SimulatedClock) -> None:
    assert await delays([], clock) == []


async def test_each_failure_is_logged_with_its_traceback(clock: SimulatedClock) -> None:
    with capture_logs() as logs, pytest.raises(asyncio.CancelledError):
        await guarded("settler", loop_of([ValueError("bad"), None], clock), clock)
    failed, ended = logs
    assert (failed["event"], failed["loop"], failed["again_in_s"], failed["exc_info"]) == (
        "loop_failed",
        "settler",
        1.0,
        True,
    )
    assert (ended["event"], ended["loop"], ended["log_level"]) == ("loop_ended", "settler", "error")
