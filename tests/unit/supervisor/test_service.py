"""The service: starts in order, runs everything, and on a signal takes no more work, finishes, and stops."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest
from structlog.testing import capture_logs

from remora.supervisor.service import Service
from tests.fakes.clock import SimulatedClock

Step = Callable[[], Coroutine[Any, Any, None]]


@dataclass(slots=True, kw_only=True)
class Stage:
    """Work that a service runs, and what happened to it, in order."""

    clock: SimulatedClock
    events: list[str] = field(default_factory=list)
    running: asyncio.Event = field(default_factory=asyncio.Event)
    in_flight: int = 0

    def step(self, name: str) -> Step:
        async def run() -> None:
            await asyncio.sleep(0)
            self.events.append(name)

        return run

    async def loop(self) -> None:
        """Run until cancelled."""
        self.events.append("loop")
        self.running.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.events.append("loop cancelled")

    def close_intake(self) -> None:
        self.events.append("intake closed")

    async def busy(self) -> bool:
        """Finish one thing each time."""
        self.events.append(f"{self.in_flight} in flight")
        self.in_flight -= 1
        return self.in_flight >= 0

    def service(self, *, start: list[Step] | None = None, shutdown_s: float = 5) -> Service:
        return Service(
            start=[self.step("first"), self.step("second")] if start is None else start,
            loops={"one": self.loop},
            close_intake=self.close_intake,
            busy=self.busy,
            shutdown_s=shutdown_s,
            clock=self.clock,
        )


@pytest.fixture
def stage(clock: SimulatedClock) -> Stage:
    return Stage(clock=clock)


async def stopped_by(number: signal.Signals, service: Service, stage: Stage) -> None:
    """Run the service, send this process a signal once the loops run, and wait for the end."""
    with capture_logs():
        running = asyncio.ensure_future(service.run())
        await stage.running.wait()
        os.kill(os.getpid(), number)
        async with asyncio.timeout(5):
            await running


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_closes_the_intake_finishes_and_stops(stage: Stage, number: signal.Signals) -> None:
    stage.in_flight = 2
    await stopped_by(number, stage.service(), stage)
    assert stage.events == [
        "first",
        "second",
        "loop",
        "intake closed",
        "2 in flight",
        "1 in flight",
        "0 in flight",
        "loop cancelled",  # the loops go on while work is in flight
    ]


async def test_a_stop_does_not_wait_for_ever(stage: Stage) -> None:
    stage.in_flight = 10**9
    await stopped_by(signal.SIGTERM, stage.service(shutdown_s=0.05), stage)
    assert stage.events[-1] == "loop cancelled"


async def test_the_loops_start_when_the_start_is_done(stage: Stage) -> None:
    gate = asyncio.Event()

    async def slow() -> None:
        await gate.wait()
        stage.events.append("slow")

    service = stage.service(start=[slow, stage.step("second")])
    with capture_logs():
        running = asyncio.ensure_future(service.run())
        for _ in range(5):
            await asyncio.sleep(0)
        assert stage.events == []
        gate.set()
        await stage.running.wait()
        assert stage.events == ["slow", "second", "loop"]
        os.kill(os.getpid(), signal.SIGTERM)
        await running


async def test_a_signal_during_the_start_ends_it_and_starts_nothing(stage: Stage) -> None:
    begun = asyncio.Event()

    async def endless() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            stage.events.append("start cancelled")

    running = asyncio.ensure_future(stage.service(start=[endless, stage.step("second")]).run())
    await begun.wait()
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(5):
        await running
    assert stage.events == ["start cancelled"]


async def test_a_start_that_fails_ends_the_service(stage: Stage) -> None:
    async def failing() -> None:
        raise ValueError("no funds")

    with pytest.raises(ValueError, match="no funds"):
        await stage.service(start=[stage.step("first"), failing, stage.step("third")]).run()
    assert stage.events == ["first"]


async def test_a_loop_that_fails_does_not_end_the_others(stage: Stage, clock: SimulatedClock) -> None:
    failures = 0
    failed_thrice = asyncio.Event()

    async def failing() -> None:
        nonlocal failures
        failures += 1
        if failures == 3:
            failed_thrice.set()
        await asyncio.sleep(0)
        raise ValueError("bad")

    service = Service(
        start=[],
        loops={"bad": failing, "good": stage.loop},
        close_intake=stage.close_intake,
        busy=stage.busy,
        shutdown_s=1,
        clock=clock,
    )
    with capture_logs():
        running = asyncio.ensure_future(service.run())
        await stage.running.wait()
        await failed_thrice.wait()
        assert "loop cancelled" not in stage.events
        os.kill(os.getpid(), signal.SIGTERM)
        await running
    assert clock.slept_s[:2] == [1, 2]
