"""Time that passes when somebody sleeps or a test says so."""

from __future__ import annotations

import asyncio

START_US = 1_795_000_000_000_000
US = 1_000_000


class SimulatedClock:
    """A Clock in which sleeping is what moves time; everybody else gets a turn meanwhile."""

    def __init__(self) -> None:
        self._now_us = START_US
        self.slept_s: list[float] = []

    def now_us(self) -> int:
        return self._now_us

    async def sleep(self, delay_s: float) -> None:
        self.slept_s.append(delay_s)
        self.advance(delay_s)
        await asyncio.sleep(0)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now_us += round(seconds * US)


class SteppedClock:
    """A Clock that stands still until a test moves it: whoever sleeps wakes when the test has come so far."""

    def __init__(self) -> None:
        self._now_us = START_US
        self._sleepers: list[tuple[int, asyncio.Event]] = []

    def now_us(self) -> int:
        return self._now_us

    async def sleep(self, delay_s: float) -> None:
        woken = asyncio.Event()
        self._sleepers.append((self._now_us + round(delay_s * US), woken))
        await woken.wait()

    async def advance(self, seconds: float, *, step_s: float = 0.25) -> None:
        """Let time pass in steps, and everybody who wakes in one act before the next."""
        for _ in range(round(seconds / step_s)):
            self._now_us += round(step_s * US)
            due = [woken for at_us, woken in self._sleepers if at_us <= self._now_us]
            self._sleepers = [(at_us, woken) for at_us, woken in self._sleepers if at_us > self._now_us]
            for woken in due:
                woken.set()
            for _ in range(10):
                await asyncio.sleep(0)
