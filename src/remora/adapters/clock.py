"""The system's clock."""

from __future__ import annotations

import asyncio
import time


class SystemClock:
    """Implements Clock."""

    def now_us(self) -> int:
        return time.time_ns() // 1000

    async def sleep(self, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
