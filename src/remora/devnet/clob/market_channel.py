"""The market channel: books and trades of the tokens that a client names, for everybody (polymarket.md 4.1)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from aiohttp import web

from remora.devnet.clob import refusals, views
from remora.devnet.clob.book import Book
from remora.devnet.clob.connection import Connection
from remora.devnet.clob.engine import Spot
from remora.devnet.clob.listings import Listing
from remora.devnet.clob.tokens import token_of
from remora.devnet.clob.trades import Trade
from remora.devnet.clob.web import dumps


class _Subscriber(Connection):
    def __init__(self) -> None:
        super().__init__()
        self.tokens: set[int] = set()


class MarketChannel:
    """Its subscribers, and what they are told."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._subscribers: set[_Subscriber] = set()

    def route(self, path: str, book_of: Callable[[int], views.Json]) -> web.RouteDef:
        """Return the channel's route; `book_of` is what a new subscriber is sent of a token."""

        async def handle(request: web.Request) -> web.StreamResponse:
            subscriber = _Subscriber()
            self._subscribers.add(subscriber)
            try:
                return await subscriber.serve(request, lambda text: self._heed(subscriber, text, book_of))
            finally:
                self._subscribers.discard(subscriber)

        return web.get(path, handle)

    async def close(self) -> None:
        """Disconnect everybody."""
        for subscriber in list(self._subscribers):
            await subscriber.close()

    def book_changed(self, listing: Listing, book: Book, spots: Iterable[Spot]) -> None:
        """Tell of changed places in a book."""
        if audience := self._of(listing):
            event = dumps(views.price_change(listing, book, spots, self._now_ms()))
            for subscriber in audience:
                subscriber.send(event)

    def trade_sent(self, trade: Trade) -> None:
        """Tell of a trade on its way to the chain."""
        event = dumps(views.last_trade_price(trade, self._now_ms()))
        token = trade.taker.request.order.token_id
        for subscriber in self._subscribers:
            if token in subscriber.tokens:
                subscriber.send(event)

    def _of(self, listing: Listing) -> list[_Subscriber]:
        return [each for each in self._subscribers if not each.tokens.isdisjoint(listing.tokens)]

    def _heed(self, subscriber: _Subscriber, text: str, book_of: Callable[[int], views.Json]) -> bool:
        try:
            frame = json.loads(text)
            named = {token_of(token) for token in frame["assets_ids"]}
        except (ValueError, RecursionError, TypeError, KeyError, refusals.Refusal):
            subscriber.send("INVALID OPERATION")
            return True
        if frame.get("operation") == "unsubscribe":
            subscriber.tokens -= named
        else:
            self._subscribe(subscriber, named - subscriber.tokens, book_of)
        return True

    def _subscribe(self, subscriber: _Subscriber, tokens: set[int], book_of: Callable[[int], views.Json]) -> None:
        subscriber.tokens |= tokens
        books = []
        for token in sorted(tokens):
            try:
                books.append({"event_type": "book", **book_of(token)})
            except refusals.Refusal:
                # A token of no market yet: its events come when there is one.
                continue
        subscriber.send(dumps(books))
