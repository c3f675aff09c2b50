"""How much: the budget of an entry, and the price beyond which a policy does not go."""

from __future__ import annotations

from typing import assert_never

from remora.domain.market import MarketInfo
from remora.domain.money import BPS, Collateral, Price, mul_div_ceil, mul_div_floor
from remora.domain.parties import Policy, Sizing
from remora.domain.signal import Side, Signal

CENT = 10_000
"""The venue takes the collateral of a market BUY in whole cents: 2 decimals."""


def entry_budget(policy: Policy, signal: Signal) -> Collateral:
    """Return what the policy spends on this entry, in whole cents, rounded down."""
    match policy.sizing:
        case Sizing.FIXED:
            wanted = policy.fixed_amount.units
        case Sizing.PERCENTAGE:
            wanted = mul_div_floor(signal.collateral.units, policy.percentage_bps, BPS)
        case _:
            assert_never(policy.sizing)
    return Collateral(wanted // CENT * CENT)


def limit_price(policy: Policy, signal: Signal, market: MarketInfo) -> Price:
    """Return the worst price that the policy accepts, on the market's tick.

    BUY: the leader's price plus the slippage, never above max odds, rounded down. SELL: the leader's price minus the
    slippage, rounded up; max odds bounds entries only.
    """
    if signal.side is Side.BUY:
        bound = Price(mul_div_floor(signal.price.units, BPS + policy.max_slippage_bps, BPS))
        return market.floor_to_tick(min(bound, policy.max_odds))
    return market.ceil_to_tick(Price(mul_div_ceil(signal.price.units, BPS - policy.max_slippage_bps, BPS)))
