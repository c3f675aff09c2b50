"""The seller of debts: what a follower has not paid for within a time is sold by the operator wallet that holds it.

It goes the way of every exit whose shares are collected: stored before anything is sent, sold with FAK on that wallet,
before all entries. Nothing here waits for the end: the debt is as the order leaves it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from remora.domain.errors import Malformed, Refused, RemoraError
from remora.domain.ids import PolicyId, SettlementId
from remora.domain.records import Debt
from remora.ports import Clock, DebtStore, Venue
from remora.recover.policy import next_try_us
from remora.recover.sale import Terms, decision, is_overdue, is_sellable

log = structlog.get_logger()

US = 1_000_000

AGAIN_AFTER_S = 300
"""How long after a try the next one is made of what was not sold; longer the more there were, as with collecting."""

TOO_FEW = "too few shares are left to be sold"


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleRules:
    """`after_s`: how long a follower may owe. `final_s`: how long a block may still be taken back."""

    after_s: int
    final_s: float


class DebtSeller:
    """Sells the shares of debts. `slippage_bps_of` is how far below the best bid a policy's exits may sell.

    `hand_over` has the executor look for what is stored and in no order.
    """

    def __init__(
        self,
        *,
        chain_id: int,
        rules: SaleRules,
        venue: Venue,
        store: DebtStore,
        clock: Clock,
        slippage_bps_of: Callable[[PolicyId], int],
        hand_over: Callable[[], Awaitable[None]],
    ) -> None:
        self._chain_id = chain_id
        self._rules = rules
        self._venue = venue
        self._store = store
        self._clock = clock
        self._slippage_bps_of = slippage_bps_of
        self._hand_over = hand_over
        self._again_us: dict[SettlementId, int] = {}

    async def sell_overdue(self, debts: Sequence[Debt]) -> None:
        """Start to sell what is held for those of all open debts that are overdue; trouble with one stops no other."""
        still = {debt.debt_id for debt in debts}
        self._again_us = {debt_id: again_us for debt_id, again_us in self._again_us.items() if debt_id in still}
        started = [debt.debt_id for debt in debts if self._is_due(debt) and await self._sell_or_leave(debt)]
        if started:
            await self._hand_over()

    def _is_due(self, debt: Debt) -> bool:
        now_us = self._clock.now_us()
        final_before_us = now_us - int(self._rules.final_s * US)
        overdue = is_overdue(debt, now_us, after_s=self._rules.after_s, final_before_us=final_before_us)
        return overdue and self._again_us.get(debt.debt_id, 0) <= now_us

    async def _sell_or_leave(self, debt: Debt) -> bool:
        try:
            return await self._sell(debt)
        except RemoraError as trouble:
            log.warning("debt_sale_postponed", debt=debt.debt_id, error=str(trouble))
            return False

    async def _sell(self, debt: Debt) -> bool:
        """Store the next try; False when there is nobody to sell to, nothing to sell, or somebody was faster."""
        now_us = self._clock.now_us()
        if not is_sellable(debt):
            amount = await self._store.write_off(debt.debt_id, TOO_FEW, at_us=now_us)
            log.warning("debt_written_off", debt=debt.debt_id, follower=debt.follower, amount=str(amount), why=TOO_FEW)
            return False
        self._again_us[debt.debt_id] = next_try_us(debt.sales, now_us, AGAIN_AFTER_S * US)
        terms = await self._terms(debt)
        if terms is None:
            log.warning("nobody_buys", debt=debt.debt_id, token_id=str(debt.token_id), shares=str(debt.held))
            return False
        if not await self._store.start_sale(debt.debt_id, decision(debt, terms), at_us=now_us):
            return False
        log.warning(
            "selling_for_debt",
            debt=debt.debt_id,
            follower=debt.follower,
            left=str(debt.left),
            shares=str(debt.held),
            limit=str(terms.limit),
            attempt=debt.sales + 1,
        )
        return True

    async def _terms(self, debt: Debt) -> Terms | None:
        """Return what to sell by, None while the market is not known or has no bid."""
        try:
            market, book = await self._venue.market(debt.token_id), await self._venue.book(debt.token_id)
        except (Refused, Malformed) as trouble:
            log.warning("market_unavailable", token_id=str(debt.token_id), error=str(trouble))
            return None
        if market is None or book is None or book.best_bid is None:
            return None
        return Terms(
            chain_id=self._chain_id,
            now_us=self._clock.now_us(),
            market=market,
            bid=book.best_bid,
            slippage_bps=self._slippage_bps_of(debt.policy_id),
        )
