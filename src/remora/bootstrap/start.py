"""The start of a service that copies."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass

import structlog
from eth_utils.address import to_checksum_address

from remora.audit.worker import Watchman
from remora.bootstrap.outside import Outside
from remora.execute.fleet import Fleet
from remora.execute.muster import Muster
from remora.execute.rebalance import Rebalancer
from remora.execute.refuel import Refueler
from remora.execute.worker import Executor
from remora.recover.worker import Recovery
from remora.settle.worker import Settler
from remora.supervisor.service import Step

log = structlog.get_logger()

FOLLOW_AT_START_S = 15.0
"""How long a start waits for transactions of an earlier process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartUp:
    """The start, which is recovery: debts first, then the fleet, the audit, what an earlier process left, the chain."""

    policies: int
    fleet: Fleet
    muster: Muster
    settler: Settler
    executor: Executor
    recovery: Recovery
    refueler: Refueler
    rebalancer: Rebalancer
    audit: Watchman
    outside: Outside

    def steps(self) -> list[Step]:
        """Return the steps in order."""
        return [self.audit.verify_sums, self.recover_debts, self.prepare_fleet, self.audit.check, self.resume]

    async def recover_debts(self) -> None:
        """Bring transactions of an earlier process to their end, then collect what is owed.

        A transaction that no block takes soon is left to the settler: it must not keep everybody else waiting.
        """
        log.info("checking_debts", says="[Supervisor] Checking for pending debts from previous sessions...")
        with suppress(TimeoutError):
            async with asyncio.timeout(FOLLOW_AT_START_S):
                await self.settler.follow_up()
        await self.recovery.recover_all()

    async def prepare_fleet(self) -> None:
        """Refuel what is empty, then make every wallet ready."""
        size = len(self.fleet.wallets)
        log.info("fleet_loading", says="[WalletManager] Initializing fleet of {size} wallets...", size=size)
        for index, wallet in enumerate(self.fleet.wallets):
            log.info(
                "wallet_loaded",
                says="[WalletManager] Loaded Worker #{index}: {short}...",
                index=index,
                wallet=wallet,
                short=to_checksum_address(wallet)[:6],
            )
        await self.refueler.top_up()
        await self.muster.muster()
        log.info(
            "refreshed",
            says="[Supervisor] Refreshed: {policies} strategies. Fleet: {ready}/{size} ready.",
            policies=self.policies,
            ready=len(self.fleet.ready),
            size=size,
        )

    async def resume(self) -> None:
        """Promise what is promised, and hand over what is unfinished."""
        await self.executor.restore_holds()
        await self.rebalancer.restore()
        for leg in await self.outside.settlements.owed_proceeds():
            self.fleet.hold(leg.settlement_id, leg.wallet, leg.collateral)
        self.settler.settle_later(await self.outside.settlements.pending_legs())
        await self.executor.resume()
