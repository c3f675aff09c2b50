"""What an incoming order trades with, computed exactly as the exchange contract will move it (polymarket.md 1.6, 2.4).

A trade executes at the maker's price. Against the same token one side sells to the other (complementary); two buyers
of opposite tokens mint a pair, two sellers merge one. The contract rounds what a maker takes down, per maker, from
what it makes; therefore fills are chosen in units of what makers make, and everything else follows from them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from remora.devnet.clob.book import PlacedOrder
from remora.devnet.clob.orders import Side
from remora.devnet.clob.units import ONE, ceil_div


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """A trade with one maker.

    The maker gives `making` and gets `taking`. `shares` change hands, are minted or merged; `collateral` is what the
    taker pays for them or gets, before its fee; `price` is the maker's, in the taker's token.
    """

    maker: PlacedOrder
    making: int
    taking: int
    shares: int
    collateral: int
    price: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """All fills of an incoming order; complete when it wants no more."""

    fills: tuple[Fill, ...]
    is_complete: bool

    @property
    def shares(self) -> int:
        return sum(fill.shares for fill in self.fills)

    @property
    def collateral(self) -> int:
        return sum(fill.collateral for fill in self.fills)


def match(taker: PlacedOrder, makers: Iterable[PlacedOrder]) -> Match:
    """Plan the fills of an order with the resting orders opposite, best first; nothing is changed.

    A BUY that does not rest is bounded by the collateral that it offers, so that a better price buys more shares;
    every other order is bounded by its shares. In a market of version "v2" that BUY is bounded by both: exchange V3
    counts a buy by its shares, and reverts when it gets more.
    """
    fills: list[Fill] = []
    spent = received = 0
    for maker in makers:
        price = _price_in_token_of(taker, maker)
        wanted = _wanted(taker, price, spent, received)
        if not _accepts(taker, price) or is_dust(wanted, price):
            break
        fill = _fill(taker, maker, price, wanted)
        fills.append(fill)
        spent, received = spent + fill.collateral, received + fill.shares
    return Match(
        fills=tuple(fills),
        is_complete=is_dust(_wanted(taker, taker.price, spent, received), taker.price),
    )


def is_dust(shares: int, price: int) -> bool:
    """Tell whether so few shares are worth less than one base unit to one of the two sides of a trade."""
    return shares * min(price, ONE - price) < ONE


def is_spent(order: PlacedOrder) -> bool:
    """Tell whether what is left of a resting order is too little to trade."""
    return is_dust(_offered(order), order.price)


def taker_fee(fills: Sequence[Fill], rate: int) -> int:
    """Return the taker's fee in collateral: shares x rate x p(1-p), rounded half up to 5 decimals."""
    # Four factors of 10^-6 make 10^-24; the fifth decimal is 10^19 of these.
    exact = sum(fill.shares * rate * fill.price * (ONE - fill.price) for fill in fills)
    return (2 * exact + 10**19) // (2 * 10**19) * 10


def _price_in_token_of(taker: PlacedOrder, maker: PlacedOrder) -> int:
    return maker.price if maker.is_yes is taker.is_yes else ONE - maker.price


def _accepts(taker: PlacedOrder, price: int) -> bool:
    """Compare a price with the exact ratio of the taker's amounts, which may lie between two ticks."""
    order = taker.request.order
    if order.side is Side.BUY:
        return price * order.shares <= order.collateral * ONE
    return price * order.shares >= order.collateral * ONE


def _wanted(taker: PlacedOrder, price: int, spent: int, received: int) -> int:
    shares_left = taker.shares_left - received
    if taker.side is Side.SELL or taker.request.type.rests:
        return shares_left
    affordable = (taker.making_left - spent) * ONE // price
    return min(affordable, shares_left) if taker.listing.market.version == "v2" else affordable


def _offered(maker: PlacedOrder) -> int:
    if maker.side is Side.SELL:
        return maker.shares_left
    return min(maker.shares_left, maker.making_left * ONE // maker.price)


def _fill(taker: PlacedOrder, maker: PlacedOrder, price: int, wanted: int) -> Fill:
    shares = min(wanted, _offered(maker))
    if maker.side is Side.SELL:
        making, taking = shares, shares * maker.price // ONE
        maker_collateral = taking
    else:
        # The most collateral that buys no more than these shares; what it buys may be a little less.
        making = min(ceil_div((shares + 1) * maker.price, ONE) - 1, maker.making_left)
        maker_collateral = making
        taking = shares = making * ONE // maker.price
    is_same_token = maker.is_yes is taker.is_yes
    return Fill(
        maker=maker,
        making=making,
        taking=taking,
        shares=shares,
        collateral=maker_collateral if is_same_token else shares - maker_collateral,
        price=price,
    )
