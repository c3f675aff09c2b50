"""Markets as far as a decision needs them: the tick, the minimum, the fee, and the best prices of a token."""

from __future__ import annotations

from dataclasses import dataclass

from remora.domain.ids import ConditionId, TokenId
from remora.domain.money import ONE, ZERO_COLLATERAL, Collateral, Price, Shares, mul_div_ceil, mul_div_floor


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
        if not self.fee_rate_units:
            return ZERO_COLLATERAL
        return Collateral(mul_div_ceil(collateral.units, self.fee_rate_units, ONE) + _FEE_STEP)

    def affordable(self, room: Collateral) -> Collateral:
        """Return the most that may be spent so that the worst taker fee fits into `room` beside it; never below 0."""
        if not self.fee_rate_units:
            return max(room, ZERO_COLLATERAL)
        spent = mul_div_floor(room.units - _FEE_STEP, ONE, ONE + self.fee_rate_units)
        return Collateral(max(spent, 0))


_FEE_STEP = 10
"""Fees have 5 decimals: 10 base units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """How a market is described to people, which filters read. What the venue does not say is None, or empty.

    `opposite` is the token of the other outcome. Texts that are compared (category, tags) are in lower case.
    `ends_us` is when it is to be resolved, in microseconds since the epoch.
    """

    question: str
    outcome: str
    slug: str
    event_slug: str
    category: str | None
    tags: frozenset[str]
    liquidity: Collateral | None
    volume_24h: Collateral | None
    ends_us: int | None
    opposite: TokenId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """What is offered, or wanted, at one price."""

    price: Price
    shares: Shares


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """A token's order book, best price first on both sides. `as_of_us` is when the venue had it so."""

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    as_of_us: int

    @property
    def best_bid(self) -> Price | None:
        """The highest price that somebody pays, None without bids."""
        return self.bids[0].price if self.bids else None

    @property
    def best_ask(self) -> Price | None:
        """The lowest price at which somebody sells, None without asks."""
        return self.asks[0].price if self.asks else None
