"""Orders whose outcome is unknown: the venue is asked by order hash until it, or the chain, proves what happened.

Nothing is ever resent here. An order that the venue does not know, long enough after it was sent, never arrived: its
intents are free again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from remora.domain.errors import OutcomeUnknown, Refused, Retryable
from remora.domain.records import OpenOrder
from remora.execute.worker import Executor
from remora.ports import Clock, OrderStore, Venue

log = structlog.get_logger()

US = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileRules:
    """How patient the reconciler is, in seconds.

    `ask_after_s`: an order without an end is asked about when it is this old. `never_arrived_after_s`: the venue's word
    that it has no such order is a proof only this long after the order was sent; a request may still be under way.
    """

    every_s: float = 1.0
    ask_after_s: float = 5.0
    never_arrived_after_s: float = 15.0


class Reconciler:
    """Brings every open order to its end."""

    def __init__(
        self,
        *,
        rules: ReconcileRules,
        executor: Executor,
        venue: Venue,
        store: OrderStore,
        clock: Clock,
        on_released: Callable[[], Awaitable[None]],
    ) -> None:
        self._rules = rules
        self._executor = executor
        self._venue = venue
        self._store = store
        self._clock = clock
        self._on_released = on_released

    async def run(self) -> None:
        """Reconcile for ever."""
        while True:
            await self._clock.sleep(self._rules.every_s)
            await self.reconcile()

    async def reconcile(self) -> None:
        """Ask about every open order that is old enough, once."""
        released = False
        for order in await self._store.open_orders():
            if self._age_s(order) >= self._rules.ask_after_s:
                released |= await self._ask(order)
        if released:
            await self._on_released()

    async def _ask(self, order: OpenOrder) -> bool:
        """Ask about one order; True when it never arrived and its intents are free again."""
        try:
            report = await self._venue.report(order.order_hash, order.wallet)
        except (Retryable, Refused, OutcomeUnknown) as trouble:
            log.warning("order_still_unresolved", order_hash=order.order_hash, error=str(trouble))
            return False
        filled = await self._store.filled(order.order_hash)
        if report is None:
            return await self._missing(order, traded=bool(filled.shares))
        if not report.pending:
            matched = max(report.matched, filled.shares)
            await self._store.mark_accepted(order.order_hash, matched, acknowledged_us=self._clock.now_us())
            await self._executor.end_if_complete(order.order_hash)
        return False

    async def _missing(self, order: OpenOrder, *, traded: bool) -> bool:
        if traded or self._age_s(order) < self._rules.never_arrived_after_s:
            return False
        if not await self._executor.release(order):
            return False
        log.warning("order_never_arrived", order_hash=order.order_hash)
        return True

    def _age_s(self, order: OpenOrder) -> float:
        return (self._clock.now_us() - order.sent_us) / US
