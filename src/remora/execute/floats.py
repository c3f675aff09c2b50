"""How float is to be spread over operator wallets and treasury. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from remora.domain.floats import FloatBounds, FloatTransfer, TransferKind
from remora.domain.ids import Address
from remora.domain.money import ZERO_COLLATERAL, Collateral


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletFloat:
    """An operator wallet's collateral, of which `reserved` is spoken for. A retired one shall have none."""

    wallet: Address
    balance: Collateral
    reserved: Collateral
    retired: bool = False

    @property
    def free(self) -> Collateral:
        """What is promised to nobody; negative while a promise outlives what it paid for."""
        return self.balance - self.reserved


@dataclass(frozen=True, slots=True, kw_only=True)
class RebalancePlan:
    """What is to move: the draws first, the top-ups in order. `missing` is what the treasury cannot serve."""

    draws: tuple[FloatTransfer, ...]
    top_ups: tuple[FloatTransfer, ...]
    missing: Collateral


def planned(
    wallets: Sequence[WalletFloat], treasury: Collateral, reserve: Collateral, bounds: FloatBounds | None
) -> RebalancePlan:
    """Return what brings the wallets between their bounds, as far as the treasury reaches above its reserve.

    Draws count as arrived. Without bounds only retired wallets are drawn from.
    """
    draws = tuple(_draws(wallets, bounds))
    top_ups, missing = served(wallets, treasury + _sum(draws) - reserve, bounds)
    return RebalancePlan(draws=draws, top_ups=top_ups, missing=missing)


def served(
    wallets: Sequence[WalletFloat], available: Collateral, bounds: FloatBounds | None
) -> tuple[tuple[FloatTransfer, ...], Collateral]:
    """Return the top-ups in order, and what is missing for more.

    The poorest wallet comes first, of equals the first one given, and the last may get a part.
    """
    top_ups, missing, left = [], ZERO_COLLATERAL, max(ZERO_COLLATERAL, available)
    for wallet, lack in _lacks(wallets, bounds):
        amount = min(lack, left)
        left -= amount
        missing += lack - amount
        if amount:
            top_ups.append(FloatTransfer(wallet=wallet, kind=TransferKind.TOP_UP, amount=amount))
    return tuple(top_ups), missing


def excess(wallet: WalletFloat, bounds: FloatBounds | None) -> Collateral:
    """Return what a wallet has to send to the treasury: nothing that is reserved."""
    if wallet.retired:
        return max(ZERO_COLLATERAL, wallet.free)
    if bounds is None or wallet.free <= bounds.ceiling:
        return ZERO_COLLATERAL
    return wallet.free - bounds.target


def _draws(wallets: Sequence[WalletFloat], bounds: FloatBounds | None) -> Iterator[FloatTransfer]:
    for each in wallets:
        if amount := excess(each, bounds):
            yield FloatTransfer(wallet=each.wallet, kind=TransferKind.DRAW, amount=amount)


def _lacks(wallets: Sequence[WalletFloat], bounds: FloatBounds | None) -> list[tuple[Address, Collateral]]:
    """Return what the wallets below the floor lack to the target, the poorest first."""
    if bounds is None:
        return []
    low = [each for each in wallets if not each.retired and each.free < bounds.floor]
    return [(each.wallet, bounds.target - each.free) for each in sorted(low, key=lambda each: each.free)]


def _sum(transfers: Sequence[FloatTransfer]) -> Collateral:
    return Collateral(sum(each.amount.units for each in transfers))
