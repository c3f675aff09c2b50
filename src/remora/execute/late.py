"""Who gets what of a fill that was heard after its order had ended: whom it was ordered for, as far as they have room.

Room is the budget that nothing was bought for, or the shares that are still with the operator wallet. What nobody has
room for is the fleet's, its cost or proceeds in the dust account. Pure.
"""

from __future__ import annotations

from dataclasses import replace

from remora.domain import ledger
from remora.domain.ids import late_id
from remora.domain.money import ZERO_COLLATERAL, ZERO_SHARES, Collateral, Shares, mul_div_ceil, mul_div_floor
from remora.domain.order import Allocation, Leg
from remora.domain.records import Allotment, Filled, LateFill
from remora.domain.signal import Side
from remora.execute.allocation import allocate
from remora.execute.lifecycle import claims, legs_of

NOTHING = Filled(shares=ZERO_SHARES, collateral=ZERO_COLLATERAL, fee=ZERO_COLLATERAL)

LEAST_ROOM = 10_000
"""Base units: what is less than a cent, or a hundredth of a share, is not worth a settlement."""


def allot(late: LateFill) -> Allotment:
    """Split a late fill among the intents of its order, each part a leg with an id of its own.

    Rounded as at an order's end, once for each such fill; what is cut off for lack of room is rounded down, its fee up.
    """
    roomy = (part for part in late.block.parts if part.budget.units + part.shares.units >= LEAST_ROOM)
    late = replace(late, block=replace(late.block, parts=tuple(roomy)))
    fitting = _fitting(late)
    got = _allocations(late, fitting)
    legs = tuple(_late(late, leg) for leg in legs_of(late.wallet, late.block, got))
    name = ledger.late_claims_id(late.order_hash, late.tx_hash)
    return Allotment(
        allocations=got,
        legs=legs,
        postings=claims(name, late.block.side, late.filled, legs),
        nobodys=Filled(
            shares=late.filled.shares - fitting.shares,
            collateral=late.filled.collateral - fitting.collateral,
            fee=late.filled.fee - fitting.fee,
        ),
    )


def _fitting(late: LateFill) -> Filled:
    """Return as much of a fill as there is room for."""
    filled = late.filled
    if late.block.side is Side.BUY:
        room, whole = sum(part.budget.units for part in late.block.parts), filled.collateral.units
    else:
        room, whole = sum(part.shares.units for part in late.block.parts), filled.shares.units
    if not room:
        return NOTHING
    if whole <= room:
        return filled
    collateral = mul_div_floor(filled.collateral.units, room, whole)
    return Filled(
        shares=Shares(mul_div_floor(filled.shares.units, room, whole)),
        collateral=Collateral(collateral),
        fee=Collateral(min(mul_div_ceil(filled.fee.units, room, whole), collateral)),
    )


def _allocations(late: LateFill, fitting: Filled) -> tuple[Allocation, ...]:
    if not fitting.shares:
        return ()
    split = allocate(
        late.block.parts,
        side=late.block.side,
        limit=late.block.limit,
        shares=fitting.shares,
        collateral=fitting.collateral,
        fee=fitting.fee,
    )
    return tuple(_of_late(late, each) for each in split.allocations if each.shares)


def _of_late(late: LateFill, got: Allocation) -> Allocation:
    """Return what an intent got; what it did not sell goes back only if it is not on its way back already."""
    return got if got.intent_id in late.free else got._replace(unsold=ZERO_SHARES)


def _late(late: LateFill, leg: Leg) -> Leg:
    return replace(leg, settlement_id=late_id(leg.settlement_id, late.tx_hash))
