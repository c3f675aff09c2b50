"""Takes resting orders back when somebody whom they are for is halted: from then on nothing more may be filled for him.

That an order's time in the book is over is stored before it is cancelled. So after a crash the reconciler goes on with
it, and it cancels each second until the venue's word is final: to cancel twice does no harm.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine
from dataclasses import dataclass

import structlog

from remora.domain.ids import OrderHash
from remora.execute.worker import Stopped
from remora.ports import Clock, OrderStore

log = structlog.get_logger()

LOOK_EVERY_S = 0.25
"""Beside what the database takes to tell of a switch, short enough for it to take effect within a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retractor:
    """Looks for resting orders of the halted. `take_out` cancels orders whose time is over, and asks what they filled.

    An order that the halted share with others rests no longer for those either.
    """

    store: OrderStore
    clock: Clock
    is_halting: Callable[[], bool]
    stopped: Stopped
    take_out: Callable[[Collection[OrderHash]], Coroutine[None, None, None]]

    async def run(self) -> None:
        """Take back for ever; a venue that is slow to answer for one order holds up no other."""
        async with asyncio.TaskGroup() as questions:
            while True:
                if doomed := await self.end_rests():
                    questions.create_task(self.take_out(doomed))
                await self.clock.sleep(LOOK_EVERY_S)

    async def end_rests(self) -> frozenset[OrderHash]:
        """Store that the orders of whoever is halted rest no longer, and return them."""
        if not self.is_halting():
            return frozenset()
        now_us = self.clock.now_us()
        resting = await self.store.resting(now_us)
        doomed = frozenset(order_hash for order_hash, intent in resting if self.stopped(intent))
        if doomed:
            await self.store.end_rest(doomed, now_us)
            log.warning("resting_orders_taken_back", orders=len(doomed))
        return doomed
