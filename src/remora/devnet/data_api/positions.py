"""A position: what a wallet holds of a token, what it paid for it, and what it made of it, at average cost.

What a wallet holds is the chain's word. Shares that it did not buy, but split or was given, cost half a unit of
collateral each: a pair costs one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from remora.devnet.clob.listings import Listing
from remora.devnet.clob.orders import Side
from remora.devnet.clob.units import ONE
from remora.devnet.data_api.deals import Deal

_SPLIT_COST = ONE // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Amounts and prices in base units: `bought` shares for `spent`, and what is `held` cost `cost`.

    `realized` is what sales made, and may be negative; no fees are in it.
    """

    wallet: str
    listing: Listing
    token_id: int
    held: int
    opposite_held: int
    bought: int
    spent: int
    cost: int
    fees: int
    realized: int
    price: int
    first_s: int
    last_s: int

    @property
    def is_open(self) -> bool:
        """Whether anything is held."""
        return self.held > 0

    @property
    def average_price(self) -> int:
        """What a held share cost."""
        return self.cost * ONE // self.held if self.held else 0

    @property
    def value(self) -> int:
        """What is held, at the present price."""
        return self.held * self.price // ONE

    @property
    def unrealized(self) -> int:
        """What selling at the present price would make."""
        return self.value - self.cost


def position_of(
    deals: Iterable[Deal], *, wallet: str, listing: Listing, token_id: int, held: int, opposite_held: int, price: int
) -> Position | None:
    """Return a position from its deals, oldest first, and what the chain says is held; None when there is neither."""
    shares = cost = bought = spent = fees = realized = 0
    times = list[int]()
    for deal in deals:
        times.append(deal.at_s)
        fees += deal.fee
        if deal.side is Side.BUY:
            shares, cost = shares + deal.shares, cost + deal.collateral
            bought, spent = bought + deal.shares, spent + deal.collateral
        else:
            realized += deal.collateral - _cost_of(deal.shares, shares, cost)
            known = min(deal.shares, shares)
            shares, cost = shares - known, cost - (cost * known // shares if shares else 0)
    if not times and not held:
        return None
    return Position(
        wallet=wallet,
        listing=listing,
        token_id=token_id,
        held=held,
        opposite_held=opposite_held,
        bought=bought,
        spent=spent,
        cost=_cost_of(held, shares, cost),
        fees=fees,
        realized=realized,
        price=price,
        first_s=min(times, default=0),
        last_s=max(times, default=0),
    )


def _cost_of(wanted: int, shares: int, cost: int) -> int:
    """Return what so many shares cost, of which `shares` were bought for `cost` and the others split."""
    known = min(wanted, shares)
    return (cost * known // shares if shares else 0) + (wanted - known) * _SPLIT_COST // ONE
