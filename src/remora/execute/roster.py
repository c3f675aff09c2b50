"""The roster: what a person asks of the fleet, taken up while it works: its size, and who is retired."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog

from remora.execute.fleet import Fleet
from remora.ports import FleetStore, Signer

log = structlog.get_logger()


class Roster:
    """Makes the fleet what the database says. `size` is how many wallets it has unless it was resized."""

    def __init__(
        self,
        *,
        size: int,
        fleet: Fleet,
        signer: Signer,
        store: FleetStore,
        on_grown: Callable[[], Awaitable[None]],
    ) -> None:
        self._size = size
        self._fleet = fleet
        self._signer = signer
        self._store = store
        self._on_grown = on_grown

    async def read(self) -> None:
        """Take up size and retirements. New wallets are listened for before they are given anything."""
        plan = await self._store.plan(self._size)
        before = self._fleet.wallets
        self._signer.grow(plan.known)
        wallets = self._signer.fleet
        out = plan.out(wallets)
        if out != self._fleet.retired:
            log.info("fleet_changed", wallets=len(wallets) - len(out), retired=sorted(out))
        self._fleet.assign(wallets, out)
        if len(wallets) > len(before):
            log.info("fleet_grown", wallets=wallets[len(before) :])
            await self._on_grown()
