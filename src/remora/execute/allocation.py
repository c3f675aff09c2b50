"""Who gets what of a fill: pro rata, by largest remainder, exact to the last base unit.

Nobody gets more than requested or pays more than the limit allows, rounded up by at most one base unit; what cannot be
charged within that goes to the fleet's dust account.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from remora.domain.errors import InvariantBroken
from remora.domain.money import ONE, Collateral, Price, Shares, mul_div_ceil, mul_div_floor
from remora.domain.order import Allocation, Part
from remora.domain.signal import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """All allocations of one block order, and the collateral that none of them is charged for."""

    allocations: tuple[Allocation, ...]
    dust: Collateral


def apportion(total: int, weights: Sequence[int]) -> list[int]:
    """Split `total` in proportion to `weights`: whole units that sum to it, by largest remainder, ties to the first.

    Each share is its exact proportion rounded down or up, so a weight of zero gets nothing. InvariantBroken when there
    is something to split and no weight to split it by.
    """
    whole = sum(weights)
    if whole == 0:
        if total:
            raise InvariantBroken(f"{total} units to apportion among no weights")
        return [0] * len(weights)
    shares = [mul_div_floor(total, weight, whole) for weight in weights]
    left = total - sum(shares)
    if left:
        remainders = [total * weight % whole for weight in weights]
        # The sort is stable, in reverse too: of equal remainders the first comes first.
        for i in sorted(range(len(weights)), key=remainders.__getitem__, reverse=True)[:left]:
            shares[i] += 1
    return shares


def allocate(
    parts: Sequence[Part], *, side: Side, limit: Price, shares: Shares, collateral: Collateral, fee: Collateral
) -> Split:
    """Split what a block order filled among its parts.

    BUY: by budget, so that a complete fill charges each exactly the budget; SELL: by shares given, the rest goes back.
    InvariantBroken when more filled than the parts asked for.
    """
    if side is Side.BUY:
        return _allocate_bought(parts, limit, shares, collateral, fee)
    return _allocate_sold(parts, shares, collateral, fee)


def _allocate_bought(
    parts: Sequence[Part], limit: Price, shares: Shares, collateral: Collateral, fee: Collateral
) -> Split:
    budgets = [part.budget.units for part in parts]
    if collateral.units > sum(budgets):
        raise InvariantBroken(f"{collateral} spent of budgets of {Collateral(sum(budgets))}")
    got = apportion(shares.units, budgets)
    paid = apportion(collateral.units, budgets)
    charged = [min(c, mul_div_ceil(s, limit.units, ONE)) for c, s in zip(paid, got, strict=True)]
    fees = apportion(fee.units, budgets)
    allocations = tuple(
        Allocation(
            intent_id=part.intent_id,
            follower=part.follower,
            shares=Shares(s),
            collateral=Collateral(c),
            fee=Collateral(f),
        )
        for part, s, c, f in zip(parts, got, charged, fees, strict=True)
    )
    return Split(allocations=allocations, dust=collateral - Collateral(sum(charged)))


def _allocate_sold(parts: Sequence[Part], shares: Shares, collateral: Collateral, fee: Collateral) -> Split:
    given = [part.shares.units for part in parts]
    if shares.units > sum(given):
        raise InvariantBroken(f"{shares} sold of {Shares(sum(given))} given")
    sold = apportion(shares.units, given)
    proceeds = apportion(collateral.units, given)
    fees = apportion(fee.units, proceeds)  # not by shares: rounding could charge more than the proceeds
    allocations = tuple(
        Allocation(
            intent_id=part.intent_id,
            follower=part.follower,
            shares=Shares(s),
            collateral=Collateral(c),
            fee=Collateral(f),
            unsold=part.shares - Shares(s),
        )
        for part, s, c, f in zip(parts, sold, proceeds, fees, strict=True)
    )
    return Split(allocations=allocations, dust=Collateral(0))
