"""Gamma, the venue's catalogue of markets, as far as clients look markets up by token, condition, slug or id.

It tells all that the real one tells of a market, as far as a devnet has it (polymarket.md 3.2).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from aiohttp import web

from remora.devnet.clob import refusals, views
from remora.devnet.clob.engine import Engine
from remora.devnet.clob.house import House
from remora.devnet.clob.listings import Listing, Listings
from remora.devnet.clob.market_shapes import Figures, gamma_market
from remora.devnet.clob.quotes import Quote
from remora.devnet.clob.web import END_CURSOR, answer, page

#: What of a listing each filter compares; a filter may be given several times.
_FILTERS: Mapping[str, Callable[[Listing], set[str]]] = MappingProxyType(
    {
        "id": lambda listing: {str(listing.number)},
        "slug": lambda listing: {listing.market.slug},
        "condition_ids": lambda listing: {listing.market.condition_id},
        "clob_token_ids": lambda listing: {str(token) for token in listing.tokens},
        "position_ids": lambda _: set(),
    }
)


class Gamma:
    """Market look-ups, to be served under a prefix."""

    def __init__(self, *, listings: Listings, engine: Engine, house: House) -> None:
        self._listings = listings
        self._engine = engine
        self._house = house

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """Return the routes under `prefix`."""
        return [
            web.get(f"{prefix}/markets", self._list_plainly),
            web.get(f"{prefix}/markets/keyset", self._list),
            web.get(f"{prefix}/markets/slug/{{slug}}", self._by_slug),
            web.get(f"{prefix}/markets/{{id}}", self._by_id),
        ]

    async def _list(self, request: web.Request) -> web.Response:
        selected, following = page(self._wanted(request), request.query.get("after_cursor"))
        answered: views.Json = {"markets": [self._market(listing) for listing in selected]}
        if following != END_CURSOR:
            answered["next_cursor"] = following
        return answer(answered)

    async def _list_plainly(self, request: web.Request) -> web.Response:
        return answer([self._market(listing) for listing in self._wanted(request)])

    def _wanted(self, request: web.Request) -> list[Listing]:
        return [
            listing
            for listing in self._listings
            if all(
                set(request.query.getall(name)) & values(listing)
                for name, values in {**_FILTERS, "closed": self._closed}.items()
                if name in request.query
            )
        ]

    async def _by_slug(self, request: web.Request) -> web.Response:
        return self._one(lambda listing: listing.market.slug == request.match_info["slug"])

    async def _by_id(self, request: web.Request) -> web.Response:
        return self._one(lambda listing: str(listing.number) == request.match_info["id"])

    def _one(self, is_wanted: Callable[[Listing], bool]) -> web.Response:
        for listing in self._listings:
            if is_wanted(listing):
                return answer(self._market(listing))
        raise refusals.unknown_market()

    def _closed(self, listing: Listing) -> set[str]:
        return {"true" if self._house.is_resolved(listing.market.condition_id) else "false"}

    def _market(self, listing: Listing) -> views.Json:
        last = self._engine.last_trade(listing)
        figures = Figures(
            quote=Quote.of(self._engine, listing),
            last_price=last.yes_price if last else 0,
            volume=self._engine.volume(listing),
            is_resolved=self._house.is_resolved(listing.market.condition_id),
        )
        return gamma_market(listing, figures)
