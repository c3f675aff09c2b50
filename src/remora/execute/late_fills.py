"""Fills that came after their order had ended: allotted as soon as nothing that they concern is under way.

Such a fill is booked when it is heard, and noted in the same transaction; allotting it takes the note away. So it
happens once, in whatever process, and before that the audit finds nothing amiss.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from remora.domain.errors import RemoraError
from remora.domain.order import Leg, SettlementStep
from remora.domain.records import Allotment, BookedFill
from remora.execute.fleet import Fleet
from remora.execute.late import allot
from remora.ports import Clock, OrderStore

log = structlog.get_logger()

LOOK_EVERY_S = 1.0


class LateFills:
    """Gives late fills to whom they were ordered for. `settle_later` queues stored legs for settlement."""

    def __init__(
        self, *, fleet: Fleet, store: OrderStore, clock: Clock, settle_later: Callable[[Sequence[Leg]], None]
    ) -> None:
        self._fleet = fleet
        self._store = store
        self._clock = clock
        self._settle_later = settle_later

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await self._clock.sleep(LOOK_EVERY_S)
            await self.look()

    async def look(self) -> None:
        """Allot what can be allotted now; one that makes trouble stops no other."""
        for fill in await self._store.late_fills():
            try:
                done = await self._store.allot_late(fill.order_hash, fill.tx_hash, allot, at_us=self._clock.now_us())
            except RemoraError as trouble:
                log.warning("late_fill_not_allotted", order_hash=fill.order_hash, error=str(trouble))
            else:
                if done is not None:
                    self._hand_on(fill, done)

    def _hand_on(self, fill: BookedFill, done: Allotment) -> None:
        named = {"order_hash": fill.order_hash, "tx_hash": fill.tx_hash}
        log.warning("late_fill_allotted", **named, followers=len({leg.follower for leg in done.legs}))
        if done.nobodys.shares:
            log.error(
                "late_fill_of_nobody",
                **named,
                shares=str(done.nobodys.shares),
                collateral=str(done.nobodys.collateral),
            )
        for leg in done.legs:
            if leg.step is SettlementStep.REMIT:
                self._fleet.hold(leg.settlement_id, leg.wallet, leg.collateral)
        if done.legs:
            self._settle_later(done.legs)
