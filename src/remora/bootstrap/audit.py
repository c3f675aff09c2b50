"""The audit's wiring: in a service, and in a command beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from remora.adapters.store.database import attached
from remora.audit.worker import Auditor, AuditRules, Watchman
from remora.bootstrap.contracts import known_contracts
from remora.bootstrap.outside import Outside, opened_outside
from remora.dispatch.worker import Dispatcher
from remora.domain.audit import Suspension
from remora.domain.errors import RemoraError
from remora.domain.ids import Address
from remora.execute.fleet import Fleet
from remora.execute.muster import Muster
from remora.settings.environment import Settings


def watchman(settings: Settings, outside: Outside, fleet: Fleet, muster: Muster, dispatcher: Dispatcher) -> Watchman:
    """Wire the audit of a service: who is suspended is neither checked out nor copied."""
    rules = AuditRules(every_s=settings.audit_interval_s)

    async def suspend(why: Mapping[Address, str]) -> None:
        dispatcher.suspend(why)
        if fleet.suspend([wallet for wallet in why if wallet in fleet.wallets]):
            await muster.muster()

    return Watchman(
        rules=rules,
        auditor=_auditor(rules, settings, outside, lambda: fleet.seen),
        store=outside.audits,
        clock=outside.clock,
        suspend=suspend,
    )


class Auditing:
    """An auditor for a command, and who is suspended."""

    def __init__(self, settings: Settings, outside: Outside) -> None:
        self._outside = outside
        self.auditor = _auditor(AuditRules(), settings, outside, lambda: outside.signer.fleet)
        self.fleet = outside.signer.fleet

    async def suspensions(self) -> list[Suspension]:
        """Return who is suspended, longest first."""
        return await self._outside.audits.suspensions()

    async def authenticate(self) -> None:
        """Get API keys, so that the venue tells of orders; a wallet that gets none shows none."""
        async with asyncio.TaskGroup() as wallets:
            for wallet in self.fleet:
                wallets.create_task(self._authenticate(wallet))

    async def _authenticate(self, wallet: Address) -> None:
        with suppress(RemoraError):  # the auditor says so when it asks for the wallet's orders
            await self._outside.venue.authenticate(wallet)


@asynccontextmanager
async def auditing(settings: Settings) -> AsyncIterator[Auditing]:
    """Open what an audit needs, beside a supervisor or without one."""
    async with AsyncExitStack() as stack:
        found = Auditing(settings, await opened_outside(settings, stack, database=attached))
        await found.authenticate()
        yield found


def _auditor(
    rules: AuditRules, settings: Settings, outside: Outside, fleet: Callable[[], Collection[Address]]
) -> Auditor:
    return Auditor(
        rules=rules,
        fleet=fleet,
        exchanges=known_contracts(settings).exchanges,
        chain=outside.chain,
        venue=outside.venue,
        store=outside.audits,
        clock=outside.clock,
    )
