"""Gamma, the venue's catalogue of markets, as far as clients look markets up by token, condition, slug or id.

The fields are the least that the official SDK's market model needs, and the current prices (polymarket.md 3.2).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from aiohttp import web

from remora.devnet.clob import refusals, views
from remora.devnet.clob.engine import Engine
from remora.devnet.clob.listings import Listing, Listings
from remora.devnet.clob.market_data import json_number
from remora.devnet.clob.units import ONE, to_text
from remora.devnet.clob.web import END_CURSOR, answer, dumps, page

#: What of a listing each filter compares; a filter may be given several times.
_FILTERS: Mapping[str, Callable[[Listing], set[str]]] = MappingProxyType(
    {
        "id": lambda listing: {str(listing.number)},
        "slug": lambda listing: {listing.market.slug},
        "condition_ids": lambda listing: {listing.market.condition_id},
        "clob_token_ids": lambda listing: {str(token) for token in listing.tokens},
        "position_ids": lambda _: set(),
        "closed": lambda _: {"false"},
    }
)


class Gamma:
    """Market look-ups, to be served under a prefix."""

    def __init__(self, *, listings: Listings, engine: Engine) -> None:
        self._listings = listings
        self._engine = engine

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """Return the routes under `prefix`."""
        return [
            web.get(f"{prefix}/markets/keyset", self._list),
            web.get(f"{prefix}/markets/slug/{{slug}}", self._by_slug),
            web.get(f"{prefix}/markets/{{id}}", self._by_id),
        ]

    async def _list(self, request: web.Request) -> web.Response:
        wanted = [
            listing
            for listing in self._listings
            if all(
                set(request.query.getall(name)) & values(listing)
                for name, values in _FILTERS.items()
                if name in request.query
            )
        ]
        selected, following = page(wanted, request.query.get("after_cursor"))
        answered: views.Json = {"markets": [self._market(listing) for listing in selected]}
        if following != END_CURSOR:
            answered["next_cursor"] = following
        return answer(answered)

    async def _by_slug(self, request: web.Request) -> web.Response:
        return self._one(lambda listing: listing.market.slug == request.match_info["slug"])

    async def _by_id(self, request: web.Request) -> web.Response:
        return self._one(lambda listing: str(listing.number) == request.match_info["id"])

    def _one(self, is_wanted: Callable[[Listing], bool]) -> web.Response:
        for listing in self._listings:
            if is_wanted(listing):
                return answer(self._market(listing))
        raise refusals.unknown_market()

    def _market(self, listing: Listing) -> views.Json:
        market = listing.market
        bid, ask, price = self._prices(listing)
        return {
            "id": str(listing.number),
            "question": market.question,
            "conditionId": market.condition_id,
            "slug": market.slug,
            "outcomes": dumps([listing.outcome(token) for token in listing.tokens]),
            "outcomePrices": dumps([to_text(price), to_text(ONE - price)]),
            "clobTokenIds": dumps([str(token) for token in listing.tokens]),
            "version": "v1",
            "active": True,
            "closed": False,
            "archived": False,
            "acceptingOrders": True,
            "enableOrderBook": True,
            "negRisk": market.neg_risk,
            "orderMinSize": json_number(market.min_order_size),
            "orderPriceMinTickSize": json_number(market.tick_size),
            "secondsDelay": 0,
            "bestBid": json_number(to_text(bid)),
            "bestAsk": json_number(to_text(ask)),
            "spread": json_number(to_text(ask - bid)),
            "feesEnabled": bool(listing.fee_rate),
            "feeSchedule": {
                "exponent": 1,
                "rate": json_number(market.fee_rate),
                "takerOnly": True,
                "rebateRate": 0,
            },
        }

    def _prices(self, listing: Listing) -> tuple[int, int, int]:
        """Return the best bid and ask of YES, and its price: the middle of a two-sided book, else the last trade."""
        book, last = self._engine.book(listing), self._engine.last_trade(listing)
        bid, ask = book.best_bid(is_yes=True), book.best_ask(is_yes=True)
        middle = ((bid or 0) + (ask or ONE)) // 2
        if last and (bid is None or ask is None):
            return bid or 0, ask or ONE, last.yes_price
        return bid or 0, ask or ONE, middle
