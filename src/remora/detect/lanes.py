"""Lanes: what concerns one wallet is done in the order it came, what concerns different wallets at the same time.

A piece of work that fails is tried again a few times, while its lane waits; then it is given back to who brought it,
and the lane goes on. So a wallet in trouble stops no other, and itself not for ever.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import structlog

from remora.domain.errors import RemoraError
from remora.domain.ids import Address
from remora.ports import Clock

log = structlog.get_logger()

AT_ONCE = 256
"""Lanes in which something is being done at the same time: an exit may wait half a minute for an entry."""

LONGEST = 1_000
"""Pieces of work that wait in one lane."""

PAUSES_S = (0.5, 1.0, 2.0, 4.0)
"""Between attempts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A piece of work, and who is told whether it was done."""

    work: Callable[[], Coroutine[Any, Any, None]]
    told: Callable[[bool], None]


class Lanes:
    """A lane per wallet, for as long as there is something in it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lanes: dict[Address, deque[Job]] = {}
        self._opened: asyncio.Queue[Address] = asyncio.Queue()
        self._at_once = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> None:
        """Do what is put into lanes, for ever; an error that nobody foresaw ends it."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                wallet = await self._opened.get()
                await self._at_once.acquire()
                tasks.create_task(self._drain(wallet))

    def put(self, wallet: Address, job: Job) -> None:
        """Append to the wallet's lane; a lane that is full refuses, and the job was not done."""
        lane = self._lanes.get(wallet)
        if lane is None:
            self._lanes[wallet] = deque([job])
            self._opened.put_nowait(wallet)
        elif len(lane) < LONGEST:
            lane.append(job)
        else:
            job.told(False)

    async def _drain(self, wallet: Address) -> None:
        """Do all that is in a lane, in one of the places that `run` took for it."""
        lane = self._lanes[wallet]
        while lane:
            job = lane.popleft()
            job.told(await self._done(wallet, job))
        del self._lanes[wallet]
        self._at_once.release()

    async def _done(self, wallet: Address, job: Job) -> bool:
        """Do a job, if it takes several attempts; False when it cannot be done now."""
        for pause_s in (*PAUSES_S, None):
            try:
                await job.work()
            except RemoraError as trouble:
                log.error("trade_not_dealt_with", wallet=wallet, error=str(trouble), again_in_s=pause_s)
                if pause_s is not None:
                    await self._pause(pause_s)
            else:
                return True
        return False

    async def _pause(self, pause_s: float) -> None:
        """Wait, and let another lane have the place meanwhile."""
        self._at_once.release()
        await self._clock.sleep(pause_s)
        await self._at_once.acquire()
