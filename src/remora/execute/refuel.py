"""Refuel: operator wallets that run low on the native coin are topped up from the treasury, all in one transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import structlog

from remora.domain.errors import RemoraError
from remora.domain.ids import Address
from remora.domain.money import Wei
from remora.ports import ChainReader, Clock

log = structlog.get_logger()


WALLETS_PER_REFUEL = 64
"""The Clearinghouse refuels this many in one call; the others wait for the next round."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuelRules:
    """Wallets below `threshold` get `amount`; looked at every `every_s` seconds."""

    threshold: Wei
    amount: Wei
    every_s: float = 30.0


class Refueler:
    """Keeps the fleet's gas above the threshold. One refuel is in flight at a time."""

    def __init__(
        self,
        *,
        rules: RefuelRules,
        wallets: tuple[Address, ...],
        treasury: Address,
        chain: ChainReader,
        clock: Clock,
        refuel: Callable[[Mapping[Address, Wei]], Awaitable[None]],
    ) -> None:
        self._rules = rules
        self._wallets = wallets
        self._treasury = treasury
        self._chain = chain
        self._clock = clock
        self._refuel = refuel

    async def run(self) -> None:
        """Look after the fleet's gas for ever."""
        while True:
            await self._clock.sleep(self._rules.every_s)
            await self.top_up()

    async def top_up(self) -> None:
        """Top up every wallet below the threshold; a treasury that cannot pay for all is an alarm and pays for none."""
        try:
            *balances, treasury = await self._chain.native_of([*self._wallets, self._treasury])
            low = low_wallets(dict(zip(self._wallets, balances, strict=True)), self._rules)
            needed = Wei(sum(amount.units for amount in low.values()))
            if needed > treasury:
                log.error("treasury_low", treasury=self._treasury, balance=str(treasury), needed=str(needed))
            elif low:
                await self._refuel(low)
                log.info("refueled", wallets=len(low), amount=str(needed))
        except RemoraError as trouble:
            log.warning("refuel_failed", error=str(trouble))


def low_wallets(balances: Mapping[Address, Wei], rules: RefuelRules) -> dict[Address, Wei]:
    """Return what the lowest wallets below the threshold get, as many as one transaction refuels."""
    low = sorted((balance, wallet) for wallet, balance in balances.items() if balance < rules.threshold)
    return {wallet: rules.amount for _, wallet in low[:WALLETS_PER_REFUEL]}
