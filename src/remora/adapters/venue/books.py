"""Order books as the venue tells them, whole or change by change (polymarket.md 3.2, 4.1).

Levels arrive worst first on both sides; they are sorted here, so that nobody has to know. A change names a price and
what is there from now on, so that hearing it twice does no harm.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Self

from remora.adapters.venue.wire import Request, mapping, number, sequence, text_of
from remora.domain.errors import Malformed
from remora.domain.ids import TokenId
from remora.domain.market import Book, Level
from remora.domain.money import ONE, Price, Shares
from remora.domain.signal import Side

_US_PER_MS = 1_000


def books_request(token_ids: Sequence[TokenId]) -> Request:
    """Return the question for the books of some tokens."""
    body = json.dumps([{"token_id": str(token_id)} for token_id in token_ids]).encode()
    return Request(method="POST", path="/books", headers={"Content-Type": "application/json"}, body=body)


def parse_book(raw: Any) -> Book:
    """Read a book, of GET /book or of the market channel; levels without shares are nobody's offer."""
    return LiveBook.of(raw).shown()


def parse_books(raw: Any) -> Mapping[TokenId, Book]:
    """Read POST /books: a book for each token that the venue has one of."""
    if not isinstance(raw, list):
        raise Malformed(f"expected a list of books, found {type(raw).__name__}")
    return {token_of(each): parse_book(each) for each in raw}


def token_of(raw: Any) -> TokenId:
    """Return the token that a book, or a change, is of."""
    text = text_of(raw, "asset_id")
    if not text.isdecimal():
        raise Malformed(f"expected a token id, found {text!r}")
    return TokenId(int(text))


class LiveBook:
    """A token's book that changes. `as_of_us` is the venue's time of what was heard last."""

    def __init__(self, bids: dict[Price, Shares], asks: dict[Price, Shares], as_of_us: int) -> None:
        self._sides = {Side.BUY: bids, Side.SELL: asks}
        self.as_of_us = as_of_us

    @classmethod
    def of(cls, raw: Any) -> Self:
        """Read a whole book."""
        return cls(_levels(raw, "bids"), _levels(raw, "asks"), timestamp_us(raw))

    def change(self, raw: Any, as_of_us: int) -> None:
        """Take over one entry of `price_changes`: so many shares at this price, from now on."""
        side, price, shares = _side(raw), Price.parse(text_of(raw, "price")), Shares.parse(text_of(raw, "size"))
        if shares:
            self._sides[side][price] = shares
        else:
            self._sides[side].pop(price, None)
        self.as_of_us = as_of_us

    def agrees(self, raw: Any) -> bool:
        """Tell whether a change's best prices, 0 and 1 for none, are this book's after it; changes may be lost."""
        bid = max(self._sides[Side.BUY], default=Price(0))
        ask = min(self._sides[Side.SELL], default=Price(ONE))
        told = mapping(raw)
        return all(
            name not in told or Price.parse(number(told[name])) == best
            for name, best in (("best_bid", bid), ("best_ask", ask))
        )

    def shown(self) -> Book:
        """Return the book as it is now, best first."""
        bids, asks = self._sides[Side.BUY], self._sides[Side.SELL]
        return Book(
            bids=tuple(Level(price=price, shares=bids[price]) for price in sorted(bids, reverse=True)),
            asks=tuple(Level(price=price, shares=asks[price]) for price in sorted(asks)),
            as_of_us=self.as_of_us,
        )


def timestamp_us(raw: Any) -> int:
    """Return when the venue had it so: `timestamp` is in milliseconds."""
    text = number(mapping(raw).get("timestamp"))
    if not text.isdecimal():
        raise Malformed(f"expected a time in milliseconds, found {text!r}")
    return int(text) * _US_PER_MS


def _levels(raw: Any, side: str) -> dict[Price, Shares]:
    levels = {
        Price.parse(text_of(level, "price")): Shares.parse(text_of(level, "size")) for level in sequence(raw, side)
    }
    return {price: shares for price, shares in levels.items() if shares}


def _side(raw: Any) -> Side:
    text = text_of(raw, "side")
    if text not in {*Side}:
        raise Malformed(f"expected a side BUY or SELL, found {text!r}")
    return Side(text)
