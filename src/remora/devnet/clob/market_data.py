"""The public REST routes: books, prices and the terms of markets (polymarket.md 3.2).

Where a side of a book is empty its best bid counts as 0 and its best ask as 1 for midpoints and spreads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from remora.devnet.clob import refusals, views
from remora.devnet.clob.engine import Engine
from remora.devnet.clob.listings import Listing, Listings
from remora.devnet.clob.market_shapes import clob_market, json_number, terms
from remora.devnet.clob.orders import Side
from remora.devnet.clob.quotes import Quote
from remora.devnet.clob.tokens import token_of
from remora.devnet.clob.units import ONE, to_text
from remora.devnet.clob.web import PAGE_LENGTH, answer, page, parse

_PROTOCOL_VERSION = 2
_MAX_TOKENS = 500


class MarketData:
    """What everybody may ask."""

    def __init__(self, *, listings: Listings, engine: Engine, now_ms: Callable[[], int]) -> None:
        self._listings = listings
        self._engine = engine
        self._now_ms = now_ms

    def routes(self) -> list[web.RouteDef]:
        """Return the routes, to be served at the root."""
        singles: dict[str, Callable[[int, Mapping[str, Any]], views.Json]] = {
            "/book": lambda token, _: self.book(token),
            "/price": lambda token, query: {"price": self._price(token, query.get("side"))},
            "/midpoint": lambda token, _: {"mid": self._midpoint(token)},
            "/spread": lambda token, _: {"spread": self._spread(token)},
            "/last-trade-price": lambda token, _: self._last_trade(token),
            "/tick-size": lambda token, _: {"minimum_tick_size": self._tick_size(token)},
            "/neg-risk": lambda token, _: {"neg_risk": self._listings.of_token(token).market.neg_risk},
        }
        return [
            web.get("/", self._ok),
            web.get("/ok", self._ok),
            web.get("/time", self._time),
            web.get("/version", self._version),
            *(web.get(path, _of_token(view)) for path, view in singles.items()),
            web.post("/books", self._books),
            web.post("/prices", self._prices),
            web.post("/midpoints", self._midpoints),
            web.post("/spreads", self._spreads),
            web.post("/last-trades-prices", self._last_trades),
            web.get("/markets-by-token/{token}", self._market_of_token),
            web.get("/clob-markets/{condition}", self._terms),
            web.get("/markets", self._markets),
            web.get("/markets/{condition}", self._one_market),
        ]

    def book(self, token_id: int) -> views.Json:
        """Return a token's book."""
        listing = self._listings.of_token(token_id)
        return views.book(
            listing, token_id, self._engine.book(listing), self._engine.last_trade(listing), self._now_ms()
        )

    async def _ok(self, _: web.Request) -> web.Response:
        return answer("OK")

    async def _time(self, _: web.Request) -> web.Response:
        return answer(self._now_ms() // 1000)

    async def _version(self, _: web.Request) -> web.Response:
        return answer({"version": _PROTOCOL_VERSION})

    async def _books(self, request: web.Request) -> web.Response:
        return answer([self.book(token) for token in await _tokens(request)])

    async def _prices(self, request: web.Request) -> web.Response:
        prices: dict[str, dict[str, str]] = {}
        for entry in await _entries(request):
            token, side = token_of(entry.get("token_id")), entry.get("side")
            prices.setdefault(str(token), {})[str(side)] = self._price(token, side)
        return answer(prices)

    async def _midpoints(self, request: web.Request) -> web.Response:
        return answer({str(token): self._midpoint(token) for token in await _tokens(request)})

    async def _spreads(self, request: web.Request) -> web.Response:
        return answer({str(token): self._spread(token) for token in await _tokens(request)})

    async def _last_trades(self, request: web.Request) -> web.Response:
        return answer(
            [
                {"token_id": str(token), **self._last_trade(token)}
                for token in await _tokens(request)
                if self._engine.last_trade(self._listings.of_token(token))
            ]
        )

    async def _market_of_token(self, request: web.Request) -> web.Response:
        listing = self._listings.of_token(token_of(request.match_info["token"]))
        yes, no = listing.tokens
        return answer(
            {
                "condition_id": listing.market.condition_id,
                "primary_token_id": str(yes),
                "secondary_token_id": str(no),
            }
        )

    async def _terms(self, request: web.Request) -> web.Response:
        listing = self._listings.of_condition(request.match_info["condition"])
        return answer(terms(listing))

    async def _markets(self, request: web.Request) -> web.Response:
        selected, following = page(list(self._listings), request.query.get("next_cursor"))
        return answer(
            {
                "data": [self._market(listing) for listing in selected],
                "next_cursor": following,
                "limit": PAGE_LENGTH,
                "count": len(selected),
            }
        )

    async def _one_market(self, request: web.Request) -> web.Response:
        return answer(self._market(self._listings.of_condition(request.match_info["condition"])))

    def _market(self, listing: Listing) -> views.Json:
        return clob_market(listing, Quote.of(self._engine, listing))

    def _price(self, token_id: int, side: object) -> str:
        """Return the best bid for BUY, the best ask for SELL (the venue's reading), "0" where there is none."""
        bid, ask = self._best(token_id)
        match side:
            case Side.BUY:
                return to_text(bid or 0)
            case Side.SELL:
                return to_text(ask or 0)
            case _:
                raise refusals.invalid_side()

    def _midpoint(self, token_id: int) -> str:
        bid, ask = self._best(token_id)
        # Ticks are even numbers of base units: the half is exact.
        return to_text(((bid or 0) + (ask or ONE)) // 2)

    def _spread(self, token_id: int) -> str:
        bid, ask = self._best(token_id)
        return to_text((ask or ONE) - (bid or 0))

    def _best(self, token_id: int) -> tuple[int | None, int | None]:
        listing = self._listings.of_token(token_id)
        book, is_yes = self._engine.book(listing), listing.is_yes(token_id)
        return book.best_bid(is_yes=is_yes), book.best_ask(is_yes=is_yes)

    def _last_trade(self, token_id: int) -> views.Json:
        listing = self._listings.of_token(token_id)
        last = self._engine.last_trade(listing)
        if last is None:
            # The venue answers so for a market without trades.
            return {"price": "0.5", "side": ""}
        is_yes = listing.is_yes(token_id)
        return {
            "price": to_text(views.last_price(last, is_yes=is_yes)),
            "side": views.last_side(last, is_yes=is_yes).value,
        }

    def _tick_size(self, token_id: int) -> float:
        return json_number(self._listings.of_token(token_id).market.tick_size)


def _of_token(view: Callable[[int, Mapping[str, Any]], views.Json]) -> Callable[[web.Request], Any]:
    async def handle(request: web.Request) -> web.Response:
        return answer(view(token_of(request.query.get("token_id")), request.query))

    return handle


async def _entries(request: web.Request) -> list[Mapping[str, Any]]:
    payload = parse(await request.read(), refusals.invalid_payload)
    if not isinstance(payload, list) or not all(isinstance(entry, dict) for entry in payload):
        raise refusals.invalid_payload()
    if len(payload) > _MAX_TOKENS:
        raise refusals.payload_too_long()
    return payload


async def _tokens(request: web.Request) -> list[int]:
    return [token_of(entry.get("token_id")) for entry in await _entries(request)]
