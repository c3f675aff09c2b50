"""Markets as far as a decision needs them: the tick, the minimum, the fee, and the best prices of a token."""

from __future__ import annotations

from dataclasses import dataclass

from remora.domain.ids import ConditionId, TokenId
from remora.domain.money import ONE, Collateral, Price, Shares, mul_div_ceil


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketInfo:
    """What the venue says of a token's market.

    `tick` is the smallest step of a price; `fee_rate_units` is the rate r of the venue's taker fee
    `shares x r x p(1-p)` in 10^-6.
    """

    condition_id: ConditionId
    token_id: TokenId
    tick: Price
    min_order_size: Shares
    neg_risk: bool
    fee_rate_units: int

    def floor_to_tick(self, price: Price) -> Price:
        """Return the highest valid price not above the given one; 0 when there is none."""
        return Price(min(price.units // self.tick.units * self.tick.units, ONE - self.tick.units))

    def ceil_to_tick(self, price: Price) -> Price:
        """Return the lowest valid price not below the given one; it is 1, no valid price, when there is none."""
        return Price(max(-(-price.units // self.tick.units) * self.tick.units, self.tick.units))

    @property
    def amount_step(self) -> int:
        """Base units that the taker amount of a market order is a multiple of: two decimals more than the tick's.

        The official SDK's table: tick 0.01 has amounts of 4 decimals, 0.005 and 0.001 of 5, 0.0025 and finer of 6.
        """
        tick = str(self.tick.units)
        zeros = len(tick) - len(tick.rstrip("0"))
        return int("1" + "0" * max(0, zeros - 2))

    def worst_taker_fee(self, collateral: Collateral) -> Collateral:
        """Return an upper bound of the taker fee for spending `collateral`, whatever the price.

        The fee per collateral spent is r(1-p), highest where p is lowest: the bound takes p = 0, rounded up.
        """
        return Collateral(mul_div_ceil(collateral.units, self.fee_rate_units, ONE) + _FEE_STEP)


_FEE_STEP = 10
"""Fees have 5 decimals: 10 base units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """Best prices of one token; a side without orders is None."""

    best_bid: Price | None
    best_ask: Price | None
