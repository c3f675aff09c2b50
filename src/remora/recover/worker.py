"""Recovery: tries the open debts whose debtors can pay, at start-up before new work and then on a timer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import structlog

from remora.domain.errors import RemoraError
from remora.domain.ids import Address
from remora.domain.money import Collateral
from remora.domain.order import Leg
from remora.domain.records import Debt, DebtSide
from remora.ports import ChainReader, Clock, SettlementStore
from remora.recover.policy import collectable

log = structlog.get_logger()


class Recovery:
    """Collects debts. Trying one twice is safe: its settlement id settles once."""

    def __init__(
        self,
        *,
        every_s: float,
        clearinghouse: Address,
        chain: ChainReader,
        store: SettlementStore,
        clock: Clock,
        settle_now: Callable[[Sequence[Leg]], Awaitable[None]],
    ) -> None:
        self._every_s = every_s
        self._clearinghouse = clearinghouse
        self._chain = chain
        self._store = store
        self._clock = clock
        self._settle_now = settle_now

    async def run(self) -> None:
        """Recover on a timer, for ever."""
        while True:
            await self._clock.sleep(self._every_s)
            await self.recover()

    async def recover(self) -> None:
        """Try all debts that can be paid now, once; trouble with them keeps nothing else from starting."""
        debts = await self._store.open_debts()
        if not debts:
            return
        log.info("debts_pending", says="[Supervisor] {count} pending debts, {due} due.", **_summary(debts))
        try:
            payable = collectable(debts, await self._means(debts))
            if payable:
                await self._settle_now([debt.leg for debt in payable])
        except RemoraError as trouble:
            log.warning("recovery_postponed", error=str(trouble))
        left = {debt.leg.settlement_id for debt in await self._store.open_debts()}
        for debt in debts:
            if debt.leg.settlement_id not in left:
                log.info("debt_recovered", follower=debt.leg.follower, due=str(debt.due))

    async def _means(self, debts: Sequence[Debt]) -> dict[Address, Collateral]:
        followers = sorted({debt.leg.follower for debt in debts if debt.side is DebtSide.FOLLOWER})
        balances = await self._chain.collateral_of(followers)
        allowances = await self._chain.collateral_allowances(followers, self._clearinghouse)
        return dict(zip(followers, map(min, balances, allowances), strict=True))


def _summary(debts: Sequence[Debt]) -> dict[str, str | int]:
    return {"count": len(debts), "due": str(Collateral(sum(debt.due.units for debt in debts)))}
