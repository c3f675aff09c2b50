"""Recovery: tries the open debts whose debtors can pay.

At start-up before new work, then on a timer, and at once when a debtor has more collateral or a higher allowance than
before, or when somebody asks for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog

from remora.domain.errors import RemoraError
from remora.domain.ids import Address, SettlementId
from remora.domain.money import ZERO_COLLATERAL, Collateral
from remora.domain.order import Leg
from remora.domain.records import Debt, DebtSide
from remora.ports import ChainReader, Clock, DebtStore
from remora.recover.policy import Try, collectable, is_due, next_try_us
from remora.recover.seller import DebtSeller

log = structlog.get_logger()

US = 1_000_000

LOOK_EVERY_S = 2.0
"""How often debtors' balances and allowances are read, in one batch: about once a block."""

WAIT_AT_MOST_S = 60.0
"""How long a try is waited for. A transaction that no block takes by then is the settler's to follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryRules:
    """`every_s`: how often all debts are looked at. `final_s`: how long a block may still be taken back."""

    every_s: float
    final_s: float


class Recovery:
    """Collects debts, one round at a time. Trying a debt twice is safe: each settlement id settles once.

    What is overdue is the seller's, if there is one.
    """

    def __init__(
        self,
        *,
        rules: RecoveryRules,
        clearinghouse: Address,
        chain: ChainReader,
        store: DebtStore,
        clock: Clock,
        settle_now: Callable[[Sequence[Leg]], Awaitable[None]],
        seller: DebtSeller | None = None,
    ) -> None:
        self._rules = rules
        self._clearinghouse = clearinghouse
        self._chain = chain
        self._store = store
        self._clock = clock
        self._settle_now = settle_now
        self._seller = seller
        self._one_round = asyncio.Lock()
        self._means: Mapping[Address, Collateral] = {}

    async def run(self) -> None:
        """Recover on a timer, and whenever a debtor's means rise, for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._look_for_ever())
            while True:
                await self._clock.sleep(self._rules.every_s)
                await self.recover()

    async def recover_all(self) -> None:
        """Try all debts that can be paid, however often they were refused."""
        await self.recover({debt.follower for debt in await self._store.open_debts()})

    async def recover(self, eager: Collection[Address] = ()) -> None:
        """Try the debts that can be paid and have waited long enough, or are of eager followers.

        Trouble with them keeps nothing else from going on.
        """
        async with self._one_round:
            debts = await self._store.open_debts()
            if not debts:
                return
            log.info("debts_pending", says="[Supervisor] {count} pending debts, {due} due.", **_summary(debts))
            try:
                await self._collect([debt for debt in debts if is_due(debt, self._clock.now_us(), eager)])
            except RemoraError as trouble:
                log.warning("recovery_postponed", error=str(trouble))
            left = await self._store.open_debts()
            _report(debts, left)
            if self._seller:
                await self._seller.sell_overdue(left)

    async def look(self) -> None:
        """Recover at once from the followers whose means have risen since the last look."""
        debts = await self._store.open_debts()
        before, self._means = self._means, await self._means_of(debts)
        risen = {who for who, means in self._means.items() if means > before.get(who, ZERO_COLLATERAL)}
        if risen:
            await self.recover(risen)

    async def _look_for_ever(self) -> None:
        while True:
            await self._clock.sleep(LOOK_EVERY_S)
            with suppress(RemoraError):  # a node that does not answer is asked again
                await self.look()

    async def _collect(self, debts: Sequence[Debt]) -> None:
        now_us = self._clock.now_us()
        final_before_us = now_us - int(self._rules.final_s * US)
        tries = collectable(debts, await self._means_of(debts), final_before_us=final_before_us)
        if not tries:
            return
        for each in tries:
            if each.rest is not None:
                await self._store.split_leg(each.whole.settlement_id, each.leg, each.rest)
        await self._store.record_tries(self._next_tries(tries, now_us), tried_us=now_us)
        with suppress(TimeoutError):
            async with asyncio.timeout(WAIT_AT_MOST_S):
                await self._settle_now([each.leg for each in tries])

    def _next_tries(self, tries: Sequence[Try], now_us: int) -> dict[SettlementId, int]:
        every_us = int(self._rules.every_s * US)
        return {each.debt.debt_id: next_try_us(each.debt.tries, now_us, every_us) for each in tries}

    async def _means_of(self, debts: Sequence[Debt]) -> dict[Address, Collateral]:
        """Return what each debtor can pay: the smaller of balance and allowance."""
        followers = sorted({debt.follower for debt in debts if debt.side is DebtSide.FOLLOWER})
        if not followers:
            return {}
        balances = await self._chain.collateral_of(followers)
        allowances = await self._chain.collateral_allowances(followers, self._clearinghouse)
        return dict(zip(followers, map(min, balances, allowances), strict=True))


def _summary(debts: Sequence[Debt]) -> dict[str, str | int]:
    return {"count": len(debts), "due": str(Collateral(sum(debt.left.units for debt in debts)))}


def _report(before: Sequence[Debt], after: Sequence[Debt]) -> None:
    left = {debt.debt_id: debt.left for debt in after}
    for debt in before:
        if debt.debt_id not in left:
            log.info("debt_recovered", debt=debt.debt_id, follower=debt.follower, due=str(debt.left))
        elif left[debt.debt_id] < debt.left:
            paid, rest = debt.left - left[debt.debt_id], left[debt.debt_id]
            log.info("debt_paid_in_part", debt=debt.debt_id, follower=debt.follower, paid=str(paid), left=str(rest))
