"""What the sale of a debt's shares is worth to whom: the fleet up to what is owed, the follower beyond that. Pure.

The shares are a pledge, as a bank has it: they are sold to get the debt in, not to gain by it. What stays owed is
secured by the shares that are left, of which each is worth 1 at most, and given up beyond that, or when none is left.
"""

from __future__ import annotations

from dataclasses import dataclass

from remora.domain.money import ZERO_COLLATERAL, Collateral, Shares
from remora.domain.usage import SMALLEST_LOT


@dataclass(frozen=True, slots=True, kw_only=True)
class Pledge:
    """What is owed, and the shares that are held for it."""

    owed: Collateral
    held: Shares


@dataclass(frozen=True, slots=True, kw_only=True)
class Realised:
    """What became of a pledge of which something was sold.

    owed before = paid + written off + what the rest owes; proceeds = paid + surplus, which the follower is due. `rest`
    is None when too little is left to be sold: that stays with the operator wallet.
    """

    paid: Collateral
    surplus: Collateral
    written_off: Collateral
    rest: Pledge | None


def realised(pledge: Pledge, sold: Shares, proceeds: Collateral) -> Realised:
    """Return what it means that so many of a pledge's shares brought so much, the fee taken off."""
    paid = min(pledge.owed, proceeds)
    owed, held = pledge.owed - paid, pledge.held - sold
    secured = min(owed, Collateral(held.units)) if held >= SMALLEST_LOT else ZERO_COLLATERAL
    rest = Pledge(owed=secured, held=held) if held >= SMALLEST_LOT else None
    return Realised(paid=paid, surplus=proceeds - paid, written_off=owed - secured, rest=rest)
