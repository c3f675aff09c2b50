"""Orders whose outcome is unknown: the venue is asked by order hash until it, or the chain, proves what happened.

Orders that rest in the book are taken out when their time is over, and then are orders of unknown outcome.

Nothing is ever resent here. An order that the venue does not know, long enough after it was sent, never arrived: its
intents are free again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

import structlog

from remora.domain.errors import RemoraError
from remora.domain.ids import OrderHash, TxHash
from remora.domain.order import OrderReport, OrderState
from remora.domain.records import OpenOrder
from remora.execute.worker import Executor
from remora.ports import Clock, OrderStore, Venue

log = structlog.get_logger()

US = 1_000_000

ASKED_AT_ONCE = 8
"""Questions to the venue that are under way together."""


ASK_AFTER_S = 5.0
"""How old an order without an end is when it is first asked about."""

STUCK_AFTER_S = 60.0
"""An order is resolved in less; one that is not is told of, once a minute, until it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileRules:
    """How patient the reconciler is, in seconds.

    `ask_after_s`: an order without an end is asked about when it is this old. `never_arrived_after_s`: the venue's word
    that it has no such order is a proof only this long after the order was sent; a request may still be under way.
    `stuck_after_s`: an order without an end is an alarm when it is this old, and again after as long.
    """

    every_s: float = 1.0
    ask_after_s: float = ASK_AFTER_S
    never_arrived_after_s: float = 25.0
    stuck_after_s: float = STUCK_AFTER_S


class Reconciler:
    """Brings every open order to its end, and every intent that nobody has in hand back to the executor.

    `hear` deals with a transaction that the chain has and that was not heard.
    """

    def __init__(
        self,
        *,
        rules: ReconcileRules,
        executor: Executor,
        venue: Venue,
        store: OrderStore,
        clock: Clock,
        hear: Callable[[TxHash], Awaitable[None]],
    ) -> None:
        self._rules = rules
        self._executor = executor
        self._venue = venue
        self._store = store
        self._clock = clock
        self._hear = hear
        self._told_us: dict[OrderHash, int] = {}

    async def run(self) -> None:
        """Reconcile for ever."""
        while True:
            await self._clock.sleep(self._rules.every_s)
            await self.reconcile()
            await self._executor.resume()

    async def reconcile(self) -> None:
        """Ask about every open order that is old enough, once; one that makes trouble stops no other."""
        orders = await self._store.open_orders()
        self._tell_of_stuck(orders)
        await self._ask_about(
            order for order in orders if self._age_s(order) >= self._rules.ask_after_s or self._rests_too_long(order)
        )

    async def take_out(self, order_hashes: Collection[OrderHash]) -> None:
        """Take orders whose time in the book is over out of it now, once; the rounds go on where that fails."""
        await self._ask_about(each for each in await self._store.open_orders() if each.order_hash in order_hashes)

    async def _ask_about(self, orders: Iterable[OpenOrder]) -> None:
        at_once = asyncio.Semaphore(ASKED_AT_ONCE)
        async with asyncio.TaskGroup() as questions:
            for order in orders:
                questions.create_task(self._ask(order, at_once))

    def _tell_of_stuck(self, orders: Sequence[OpenOrder]) -> None:
        now_us, patience_us = self._clock.now_us(), round(self._rules.stuck_after_s * US)
        told = {
            order.order_hash: self._told_us.get(order.order_hash, max(order.sent_us, order.rests_until_us or 0))
            for order in orders
        }
        for order in orders:
            if now_us - told[order.order_hash] >= patience_us:
                told[order.order_hash] = now_us
                log.error(
                    "order_stuck", order_hash=order.order_hash, wallet=order.wallet, age_s=int(self._age_s(order))
                )
        self._told_us = told

    async def _ask(self, order: OpenOrder, at_once: asyncio.Semaphore) -> None:
        try:
            async with at_once:
                if self._rests_too_long(order):
                    await self._venue.cancel(order.order_hash, order.wallet)
                report = await self._venue.report(order.order_hash, order.wallet)
                await (self._missing(order) if report is None else self._reported(order, report))
        except RemoraError as trouble:
            log.warning("order_still_unresolved", order_hash=order.order_hash, error=str(trouble))

    async def _missing(self, order: OpenOrder) -> None:
        """Release an order that the venue does not know, if that proves that it never arrived."""
        if order.state is not OrderState.RECORDED or self._age_s(order) < self._rules.never_arrived_after_s:
            return
        if await self._executor.release(order):
            log.warning("order_never_arrived", order_hash=order.order_hash)

    async def _reported(self, order: OpenOrder, report: OrderReport) -> None:
        """End an order of which the venue's word is final and all that moved is heard from blocks."""
        await self._store.mark_acknowledged(order.order_hash, None, acknowledged_us=self._clock.now_us())
        seen = report.matched + report.failed
        if report.pending or (order.matched is not None and seen < order.matched):
            return
        for tx_hash in set(report.tx_hashes) - await self._store.fill_transactions(order.order_hash):
            log.warning("fill_not_heard", order_hash=order.order_hash, tx_hash=tx_hash)
            await self._hear(tx_hash)
        if await self._store.fill_transactions(order.order_hash) >= set(report.tx_hashes):
            await self._executor.end_as_filled(order.order_hash, reverted=report.failed)

    def _rests_too_long(self, order: OpenOrder) -> bool:
        """Tell whether an order is to be taken out of the book. That is asked for until it has ended: no harm in it."""
        return order.rests_until_us is not None and order.rests_until_us <= self._clock.now_us()

    def _age_s(self, order: OpenOrder) -> float:
        return (self._clock.now_us() - order.sent_us) / US
