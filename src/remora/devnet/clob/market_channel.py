"""The market channel: books and trades of the tokens that a client names, for everybody (polymarket.md 4.1)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable

from aiohttp import web

from remora.devnet.clob import refusals, views
from remora.devnet.clob.audience import Spot
from remora.devnet.clob.book import Book
from remora.devnet.clob.connection import Connection
from remora.devnet.clob.listings import Listing
from remora.devnet.clob.tokens import token_of
from remora.devnet.clob.trades import Trade
from remora.devnet.clob.web import dumps
from remora.devnet.remembering import Remembering


class _Subscriber(Connection):
    def __init__(self) -> None:
        super().__init__()
        self.tokens: set[int] = set()
        #: Whether it wants best_bid_ask, new_market and market_resolved, too (`custom_feature_enabled`).
        self.wants_more = False


class MarketChannel(Remembering):
    """Its subscribers, and what they are told."""

    remembered = ("_tops",)

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._subscribers: set[_Subscriber] = set()
        self._tops: dict[int, tuple[int | None, int | None]] = {}

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
        await asyncio.gather(*(subscriber.close() for subscriber in self._subscribers))

    def book_changed(self, listing: Listing, book: Book, spots: Iterable[Spot]) -> None:
        """Tell of changed places in a book."""
        if audience := self._of(listing):
            event = dumps(views.price_change(listing, book, spots, self._now_ms()))
            for subscriber in audience:
                subscriber.send(event)
        for token in listing.tokens:
            self._tell_of_top(listing, book, token)

    def market_added(self, listing: Listing) -> None:
        """Tell of a market that is listed from now on."""
        self._tell_curious(views.new_market(listing, self._now_ms()))

    def market_resolved(self, listing: Listing, winner: int | None) -> None:
        """Tell of a market that has ended, and which token gets all."""
        self._tell_curious(views.market_resolved(listing, winner, self._now_ms()), set(listing.tokens))

    def trade_sent(self, trade: Trade) -> None:
        """Tell of a trade on its way to the chain."""
        event = dumps(views.last_trade_price(trade, self._now_ms()))
        token = trade.taker.request.order.token_id
        for subscriber in self._subscribers:
            if token in subscriber.tokens:
                subscriber.send(event)

    def _tell_of_top(self, listing: Listing, book: Book, token: int) -> None:
        is_yes = listing.is_yes(token)
        top = book.best_bid(is_yes=is_yes), book.best_ask(is_yes=is_yes)
        if self._tops.get(token) != top:
            self._tops[token] = top
            self._tell_curious(views.best_bid_ask(listing, token, *top, self._now_ms()), {token})

    def _tell_curious(self, event: views.Json, tokens: set[int] | None = None) -> None:
        """Tell those who want more than books and trades, of these tokens or, without any named, all of them."""
        for subscriber in self._subscribers:
            if subscriber.wants_more and (tokens is None or not subscriber.tokens.isdisjoint(tokens)):
                subscriber.send(dumps(event))

    def _of(self, listing: Listing) -> list[_Subscriber]:
        return [each for each in self._subscribers if not each.tokens.isdisjoint(listing.tokens)]

    def _heed(self, subscriber: _Subscriber, text: str, book_of: Callable[[int], views.Json]) -> bool:
        try:
            frame = json.loads(text)
            named = {token_of(token) for token in frame["assets_ids"]}
        except (ValueError, RecursionError, TypeError, KeyError, refusals.Refusal):
            subscriber.send("INVALID OPERATION")
            return True
        subscriber.wants_more = bool(frame.get("custom_feature_enabled", subscriber.wants_more))
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
