"""Refuel: operator wallets that run low on the native coin are topped up from the treasury, all in one transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from remora.domain.errors import RemoraError
from remora.domain.ids import Address
from remora.domain.money import Wei
from remora.ports import ChainReader, Clock, Custody

log = structlog.get_logger()


WALLETS_PER_REFUEL = 64
"""The Clearinghouse refuels this many in one call; the others wait for the next round."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuelRules:
    """Wallets below `threshold` get `amount`; looked at every `every_s` seconds.

    A wallet that cannot pay for one leg at the present fees, of which none exceeds `most_per_gas`, or for a transaction
    that shall replace a stuck one, is low whatever the threshold says. A treasury that holds less than `treasury_low`
    is an alarm.
    """

    threshold: Wei
    amount: Wei
    treasury_low: Wei
    most_per_gas: Wei
    every_s: float = 30.0


class Refueler:
    """Keeps the fleet's gas above the threshold. One refuel is in flight at a time.

    `needed` tells what a wallet must hold that cannot pay for a replacement.
    """

    def __init__(
        self,
        *,
        rules: RefuelRules,
        wallets: Callable[[], Sequence[Address]],
        treasury: Address,
        chain: ChainReader,
        custody: Custody,
        clock: Clock,
        needed: Callable[[], Mapping[Address, Wei]],
        refuel: Callable[[Mapping[Address, Wei]], Awaitable[None]],
    ) -> None:
        self._rules = rules
        self._wallets = wallets
        self._treasury = treasury
        self._chain = chain
        self._custody = custody
        self._clock = clock
        self._needed = needed
        self._refuel = refuel

    async def run(self) -> None:
        """Look after the fleet's gas for ever."""
        while True:
            await self._clock.sleep(self._rules.every_s)
            await self.top_up()

    async def top_up(self) -> None:
        """Top up the low wallets, the lowest first, as far as the treasury can pay: one that is low is an alarm."""
        try:
            wallets = self._wallets()
            *balances, treasury = await self._chain.native_of([*wallets, self._treasury])
            per_gas = min((await self._chain.gas_price()).max_fee, self._rules.most_per_gas)
            threshold = max(self._rules.threshold, Wei(self._custody.settlement_gas(1) * per_gas.units))
            wanted = low_wallets(
                dict(zip(wallets, balances, strict=True)), threshold, self._rules.amount, needed=self._needed()
            )
            paid = self._payable(wanted, treasury, per_gas)
            if treasury < self._rules.treasury_low or len(paid) < len(wanted):
                log.error(
                    "treasury_low", treasury=self._treasury, balance=str(treasury), unpaid=len(wanted) - len(paid)
                )
            if paid:
                await self._refuel(paid)
                log.info("refueled", wallets=len(paid), amount=str(_sum(paid)))
        except RemoraError as trouble:
            log.warning("refuel_failed", error=str(trouble))

    def _payable(self, wanted: Mapping[Address, Wei], treasury: Wei, per_gas: Wei) -> dict[Address, Wei]:
        """Return as many of the first as the treasury can pay for, with the gas of the transaction."""
        paid = dict(wanted)
        while paid:
            call = self._custody.refuel(paid)
            if call.value + Wei(call.gas * per_gas.units) <= treasury:
                break
            paid.popitem()
        return paid


def low_wallets(
    balances: Mapping[Address, Wei], threshold: Wei, amount: Wei, *, needed: Mapping[Address, Wei]
) -> dict[Address, Wei]:
    """Return what the wallets below the threshold get, or below what they need, as many as one transaction refuels.

    The lowest come first.
    """
    least = {wallet: max(threshold, needed.get(wallet, threshold)) for wallet in balances}
    low = sorted((balance, wallet) for wallet, balance in balances.items() if balance < least[wallet])
    return {wallet: amount for _, wallet in low[:WALLETS_PER_REFUEL]}


def _sum(amounts: Mapping[Address, Wei]) -> Wei:
    return Wei(sum(amount.units for amount in amounts.values()))
