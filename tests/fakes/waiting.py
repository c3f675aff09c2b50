"""Waiting for something that happens elsewhere: in a task, or in the thread that writes the database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], object]) -> None:
    """Let everything else run until the condition holds; fail when even a busy machine would have come to it."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  the condition knows no event
            await asyncio.sleep(0.001)


async def settle_down() -> None:
    """Let everything that can run without a new event do so; for what must not happen."""
    for _ in range(20):
        await asyncio.sleep(0.001)
