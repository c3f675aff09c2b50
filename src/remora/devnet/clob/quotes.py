"""What a token is worth now: the best prices of its book, and one price made of them."""

from __future__ import annotations

from dataclasses import dataclass

from remora.devnet.clob.engine import Engine
from remora.devnet.clob.house import House
from remora.devnet.clob.listings import Listing
from remora.devnet.clob.units import ONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """Bid (0 for none) and ask (1 for none) of YES, and its price: the middle, or the last trade's price in a gap."""

    bid: int
    ask: int
    price: int

    @classmethod
    def of(cls, engine: Engine, listing: Listing) -> Quote:
        """Read a market's quote from its book."""
        book, last = engine.book(listing), engine.last_trade(listing)
        best_bid, best_ask = book.best_bid(is_yes=True), book.best_ask(is_yes=True)
        bid, ask = best_bid or 0, best_ask or ONE
        is_gap = best_bid is None or best_ask is None
        return cls(bid=bid, ask=ask, price=last.yes_price if last and is_gap else (bid + ask) // 2)

    @classmethod
    def final(cls, payout: int) -> Quote:
        """Return the quote of a resolved market, by what a share of YES pays."""
        return cls(bid=payout, ask=payout, price=payout)

    def price_of(self, *, is_yes: bool) -> int:
        """Return the price of one of the two tokens."""
        return self.price if is_yes else ONE - self.price


def quote_of(engine: Engine, house: House, listing: Listing) -> Quote:
    """Return a market's quote: of its book, or of its resolution."""
    if house.is_resolved(listing.market.condition_id):
        return Quote.final(house.payout_of(listing, listing.market.yes_token_id))
    return Quote.of(engine, listing)
