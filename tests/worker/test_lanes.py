"""Lanes: a bounded number at once, and who is in trouble takes nobody's place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from remora.detect.lanes import AT_ONCE, Job, Lanes
from remora.domain.errors import Retryable
from remora.domain.ids import Address
from tests.fakes.clock import SteppedClock
from tests.fakes.waiting import until


def wallet(number: int) -> Address:
    return Address(f"0x{number:040x}")


@asynccontextmanager
async def running(clock: SteppedClock) -> AsyncIterator[Lanes]:
    lanes = Lanes(clock)
    task = asyncio.create_task(lanes.run())
    try:
        yield lanes
    finally:
        task.cancel()


def job(work: Callable[[], Coroutine[Any, Any, None]], told: list[bool]) -> Job:
    return Job(work=work, told=told.append)


async def test_only_so_many_lanes_are_worked_in_at_once_and_all_come_to_their_turn() -> None:
    started, told = 0, list[bool]()
    go_on = asyncio.Event()

    async def work() -> None:
        nonlocal started
        started += 1
        await go_on.wait()

    async with running(SteppedClock()) as lanes:
        for number in range(AT_ONCE + 10):
            lanes.put(wallet(number), job(work, told))
        await until(lambda: started == AT_ONCE)
        for _ in range(10):
            await asyncio.sleep(0)
        assert started == AT_ONCE
        go_on.set()
        await until(lambda: len(told) == AT_ONCE + 10)
    assert all(told)


async def test_lanes_that_wait_for_another_try_leave_their_places_to_others() -> None:
    failed, done = list[bool](), list[bool]()

    async def fail() -> None:
        raise Retryable("not now")

    async def succeed() -> None:
        pass

    async with running(SteppedClock()) as lanes:
        for number in range(AT_ONCE):
            lanes.put(wallet(number), job(fail, failed))
        lanes.put(wallet(AT_ONCE), job(succeed, done))
        await until(lambda: done == [True])
        assert not failed
