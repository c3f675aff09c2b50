"""What a transaction offers per gas: the market's fees, more in each replacement, never above the bound. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from remora.domain.money import BPS, Wei, mul_div_ceil
from remora.domain.transaction import GasPrice

RAISE_BPS = 2_000
LEAST_RAISE_BPS = 1_000
"""What nodes ask of a replacement, in both fees (geth's and bor's pool.pricebump)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeRules:
    """A transaction that is its wallet's next is replaced every so many blocks; none offers above `most` per gas."""

    most: Wei
    replace_after_blocks: int


def bounded(fees: GasPrice, most: Wei) -> GasPrice:
    """Return the fees, or as much of them as the bound allows."""
    max_fee = min(fees.max_fee, most)
    return GasPrice(max_fee=max_fee, priority_fee=min(fees.priority_fee, max_fee))


def raised(present: GasPrice, market: GasPrice, most: Wei) -> GasPrice | None:
    """Return what a replacement offers, or None when the bound leaves less than nodes ask of one.

    A fifth more than at present, rounded up, or the market's fees where they are higher, within the bound.
    """
    fees = bounded(
        GasPrice(
            max_fee=max(_more(present.max_fee, RAISE_BPS), market.max_fee),
            priority_fee=max(_more(present.priority_fee, RAISE_BPS), market.priority_fee),
        ),
        most,
    )
    enough = fees.max_fee >= _more(present.max_fee, LEAST_RAISE_BPS) and fees.priority_fee >= _more(
        present.priority_fee, LEAST_RAISE_BPS
    )
    return fees if enough else None


def _more(fee: Wei, by_bps: int) -> Wei:
    return Wei(mul_div_ceil(fee.units, BPS + by_bps, BPS))
