"""The guard: an endless loop that ends is a fault. It is logged with its traceback and started again, ever slower."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Never

import structlog

from remora.ports import Clock

log = structlog.get_logger()

FIRST_DELAY_S = 1.0
LONGEST_DELAY_S = 60.0
US = 1_000_000


async def guarded(name: str, loop: Callable[[], Awaitable[None]], clock: Clock) -> Never:
    """Run an endless loop for ever. This is the one place that catches every error."""
    delay_s = FIRST_DELAY_S
    while True:
        started_us = clock.now_us()
        try:
            await loop()
            log.error("loop_ended", loop=name)
        except Exception:
            log.exception("loop_failed", loop=name, again_in_s=delay_s)
        if clock.now_us() - started_us > LONGEST_DELAY_S * US:
            delay_s = FIRST_DELAY_S  # it ran well in between
        await clock.sleep(delay_s)
        delay_s = min(2 * delay_s, LONGEST_DELAY_S)
