"""The rule of a second try: what of an order that filled in part, or not at all, is ordered once more, and when not.

The limit stays what the leader's price made it, so the rest is what the missing shares cost there at most: whatever
both tries fill, they spend no more than the budgets and sell no more than the shares.
"""

from __future__ import annotations

from dataclasses import dataclass

from remora.domain.market import Book, MarketInfo
from remora.domain.money import ONE, Collateral, Shares, mul_div_ceil, mul_div_floor
from remora.domain.order import BlockOrder, OrderKind
from remora.domain.reasons import Because, Reason
from remora.domain.records import Filled, OpenOrder
from remora.domain.signal import Side
from remora.execute.blocks import SIZE_STEP

CENT = 10_000
"""The venue takes the collateral of a market BUY in whole cents."""

LEAST_SPENT = ONE
"""The venue takes no market BUY of less collateral."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """What a second try offers and asks for, in base units."""

    making: int
    taking: int


def missing(order: OpenOrder, filled: Filled) -> int:
    """Return what is left of an order, in base units, 0 if it is too little for the venue.

    Of a BUY it is what the missing shares cost at the limit, in whole cents, of a SELL whole hundredths of a share.
    """
    if order.block.side is Side.BUY:
        left = order.making - mul_div_ceil(filled.shares.units, order.block.limit.units, ONE)
        return left // CENT * CENT if left >= LEAST_SPENT else 0
    return max(0, order.making - filled.shares.units) // SIZE_STEP * SIZE_STEP


def may_try_again(order: OpenOrder, filled: Filled, why: Because | None) -> bool:
    """Tell whether an order that ends is one to try once more. `why` explains its end, None if it simply filled.

    Only one that was to fill at once, of which the outcome is certain: the book had too little, and nothing else. A
    second try has no third, and what a match that reverted was about is left alone. What a debt's shares did not bring
    is the next sale's.
    """
    if order.rest_of is not None or order.debt_id is not None or order.block.kind is not OrderKind.FAK:
        return False
    return (why is None or why.reason is Reason.NOT_FILLED) and missing(order, filled) > 0


def rest(order: OpenOrder, filled: Filled, market: MarketInfo) -> Rest:
    """Return the amounts of the second try, the taker's rounded down to the venue's precision, as in `amounts`."""
    making = missing(order, filled)
    limit = order.block.limit
    taking = (
        mul_div_floor(making, ONE, limit.units)
        if order.block.side is Side.BUY
        else limit.cost_floor(Shares(making)).units
    )
    return Rest(making=making, taking=taking // market.amount_step * market.amount_step)


def float_for(order: OpenOrder, second: Rest, market: MarketInfo) -> Collateral:
    """Return the float that a second try needs: what it spends with the worst fee; an exit needs none."""
    if order.block.side is Side.SELL:
        return Collateral(0)
    spent = Collateral(second.making)
    return spent + market.worst_taker_fee(spent)


def finds_somebody(block: BlockOrder, book: Book | None) -> bool:
    """Tell whether the book has somebody within the limit."""
    if book is None:
        return False
    if block.side is Side.BUY:
        return book.best_ask is not None and book.best_ask <= block.limit
    return book.best_bid is not None and book.best_bid >= block.limit
