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
