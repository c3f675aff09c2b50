"""The service: start-up is recovery, then the loops, until it is told to stop. A crash and a stop take one path."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Never

import structlog

from remora.ports import Clock
from remora.supervisor.guard import guarded
from remora.supervisor.memory import set_aside

log = structlog.get_logger()

Step = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What to run: the steps of the start, in order, and the loops, all at once.

    A stop closes the intake, so that no new work comes in, and waits up to `shutdown_s` while `busy` tells of work in
    flight; the loops go on meanwhile.
    """

    start: Sequence[Step]
    loops: Mapping[str, Step]
    close_intake: Callable[[], None]
    busy: Callable[[], Awaitable[bool]]
    shutdown_s: float
    clock: Clock

    async def run(self) -> None:
        """Start, run until SIGTERM or SIGINT, finish what is in flight or leave it recoverable."""
        stopped = _stop_signals()
        starting = asyncio.ensure_future(self._start())
        await asyncio.wait([starting, asyncio.ensure_future(stopped.wait())], return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            with suppress(asyncio.CancelledError):
                await starting
            return
        starting.result()
        await self._run_until(stopped)

    async def _start(self) -> None:
        for step in self.start:
            await step()
        set_aside()

    async def _run_until(self, stopped: asyncio.Event) -> None:
        loops = [asyncio.ensure_future(guarded(name, loop, self.clock)) for name, loop in self.loops.items()]
        await stopped.wait()
        log.info("stopping", says="[Supervisor] Stopping: finishing what is in flight...")
        self.close_intake()
        await self._drain()
        await _cancelled(loops)
        log.info("stopped", says="[Supervisor] Stopped.")

    async def _drain(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self.shutdown_s):
                while await self.busy():
                    await self.clock.sleep(0.1)


async def _cancelled(tasks: Sequence[asyncio.Future[Never]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _stop_signals() -> asyncio.Event:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    return stopped
