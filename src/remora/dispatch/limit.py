"""The worst price that a policy accepts: one bound on the market's tick, which rounding never passes."""

from __future__ import annotations

from remora.domain.market import MarketInfo
from remora.domain.money import BPS, Price, mul_div_ceil, mul_div_floor
from remora.domain.policy import Exits, Filters


def entry_limit(filters: Filters, price: Price, market: MarketInfo) -> Price:
    """Return the leader's price plus the slippage, never above max odds or 1 - tick, rounded down to the tick.

    It is 0, no valid price, where the lowest valid one is above the bound.
    """
    bound = mul_div_floor(price.units, BPS + filters.max_slippage_bps, BPS)
    if filters.max_odds is not None and filters.max_odds.units < bound:
        bound = filters.max_odds.units
    return market.floor_to_tick(Price(bound))


def exit_limit(exits: Exits, price: Price, market: MarketInfo) -> Price:
    """Return the price less the slippage, rounded up to the tick. It may be 1, which nobody pays.

    No odds bound it.
    """
    return market.ceil_to_tick(Price(mul_div_ceil(price.units, BPS - exits.max_slippage_bps, BPS)))
