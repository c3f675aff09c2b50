"""One order book per market: a bid for NO at p is an offer of YES at 1 - p, so both tokens share one ladder.

The book holds orders by the price of YES, bids (BUY YES, SELL NO) and asks (SELL YES, BUY NO), each level in the
order of arrival. It knows nothing of trades: matching.py decides what they are.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from remora.devnet.clob.listings import Listing
from remora.devnet.clob.orders import OrderRequest, Side
from remora.devnet.clob.units import ONE


class OrderStatus(StrEnum):
    """What became of an accepted order, in the words of the user channel."""

    LIVE = "LIVE"
    MATCHED = "MATCHED"
    DELAYED = "DELAYED"
    UNMATCHED = "UNMATCHED"
    CANCELED = "CANCELED"
    CANCELED_MARKET_RESOLVED = "CANCELED_MARKET_RESOLVED"
    CANCELED_EXPIRED_ORDER = "CANCELED_EXPIRED_ORDER"
    CANCELED_NOT_ENOUGH_BALANCE = "CANCELED_NOT_ENOUGH_BALANCE"
    INVALID = "INVALID"


@dataclass(slots=True, kw_only=True, eq=False)
class PlacedOrder:
    """An accepted order and what is left of it: the one thing here that changes, with every trade.

    `trader` is the account whose API key placed it. `price` is of its own token. `making_left` is what it may still
    give, collateral for a BUY, shares for a SELL; the exchange contract counts the same. `sequence` is its place in
    time.
    """

    id: str
    request: OrderRequest
    trader: str
    listing: Listing
    price: int
    sequence: int
    created_s: int
    making_left: int
    shares_left: int
    shares_matched: int = 0
    status: OrderStatus = OrderStatus.LIVE
    trade_ids: list[str] = field(default_factory=list)

    @property
    def maker(self) -> str:
        return self.request.order.maker

    @property
    def side(self) -> Side:
        return self.request.order.side

    @property
    def is_yes(self) -> bool:
        return self.listing.is_yes(self.request.order.token_id)

    @property
    def is_bid(self) -> bool:
        """Whether it wants YES to rise: it buys YES, or sells NO."""
        return (self.side is Side.BUY) is self.is_yes

    @property
    def yes_price(self) -> int:
        return self.price if self.is_yes else ONE - self.price


@dataclass(frozen=True, slots=True)
class Level:
    """A price and the shares resting at it."""

    price: int
    shares: int


class _Ladder:
    """One side of a book, by the price of YES."""

    def __init__(self, *, descending: bool) -> None:
        self._sign = -1 if descending else 1
        self._keys: list[int] = []
        self._levels: dict[int, list[PlacedOrder]] = {}

    def add(self, order: PlacedOrder) -> None:
        key = self._sign * order.yes_price
        if key not in self._levels:
            bisect.insort(self._keys, key)
            self._levels[key] = []
        bisect.insort(self._levels[key], order, key=_sequence)

    def remove(self, order: PlacedOrder) -> None:
        key = self._sign * order.yes_price
        level = self._levels[key]
        level.remove(order)
        if not level:
            del self._levels[key]
            self._keys.remove(key)

    def orders(self) -> Iterator[PlacedOrder]:
        """Yield the orders, best price first and oldest first; the ladder must not change meanwhile."""
        for key in self._keys:
            yield from self._levels[key]

    def levels(self) -> list[Level]:
        return [self.level(self._sign * key) for key in self._keys]

    def level(self, yes_price: int) -> Level:
        orders = self._levels.get(self._sign * yes_price, ())
        return Level(yes_price, sum(order.shares_left for order in orders))

    def best(self) -> int | None:
        return self._sign * self._keys[0] if self._keys else None


class Book:
    """The resting orders of one market."""

    def __init__(self) -> None:
        self._bids = _Ladder(descending=True)
        self._asks = _Ladder(descending=False)

    def add(self, order: PlacedOrder) -> None:
        """Rest an order, in its place of time."""
        self._side(is_bid=order.is_bid).add(order)

    def remove(self, order: PlacedOrder) -> None:
        """Take a resting order off."""
        self._side(is_bid=order.is_bid).remove(order)

    def against(self, *, is_bid: bool) -> Iterator[PlacedOrder]:
        """Yield the orders that a bid (or an ask) could meet, best price first, oldest first."""
        return self._side(is_bid=not is_bid).orders()

    def would_cross(self, order: PlacedOrder) -> bool:
        """Tell whether the order, resting, would cross the other side."""
        best = self._side(is_bid=not order.is_bid).best()
        if best is None:
            return False
        return best <= order.yes_price if order.is_bid else best >= order.yes_price

    def level(self, *, is_bid: bool, yes_price: int) -> Level:
        """Return the shares at a price of YES."""
        return self._side(is_bid=is_bid).level(yes_price)

    def bids(self, *, is_yes: bool) -> list[Level]:
        """Return the bids for a token, best first, in its own prices."""
        return self._bids.levels() if is_yes else [_complement(level) for level in self._asks.levels()]

    def asks(self, *, is_yes: bool) -> list[Level]:
        """Return the offers of a token, best first, in its own prices."""
        return self._asks.levels() if is_yes else [_complement(level) for level in self._bids.levels()]

    def best_bid(self, *, is_yes: bool) -> int | None:
        """Return the highest bid for a token."""
        return self._bids.best() if is_yes else _complement_price(self._asks.best())

    def best_ask(self, *, is_yes: bool) -> int | None:
        """Return the lowest offer of a token."""
        return self._asks.best() if is_yes else _complement_price(self._bids.best())

    def _side(self, *, is_bid: bool) -> _Ladder:
        return self._bids if is_bid else self._asks


def _sequence(order: PlacedOrder) -> int:
    return order.sequence


def _complement(level: Level) -> Level:
    return Level(ONE - level.price, level.shares)


def _complement_price(price: int | None) -> int | None:
    return None if price is None else ONE - price
