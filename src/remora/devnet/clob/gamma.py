"""Gamma, the venue's catalogue of markets and events, as far as clients look them up by token, condition, slug or id.

It tells all that the real one tells of a market, as far as a devnet has it (polymarket.md 3.2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TypeVar

from aiohttp import web

from remora.devnet.clob import refusals, views
from remora.devnet.clob.catalogue import Event, events_of
from remora.devnet.clob.engine import Engine
from remora.devnet.clob.event_shapes import brief_event, gamma_event
from remora.devnet.clob.house import House
from remora.devnet.clob.listings import Listing, Listings
from remora.devnet.clob.market_shapes import Figures, gamma_market
from remora.devnet.clob.quotes import quote_of
from remora.devnet.clob.web import END_CURSOR, answer, page
from remora.devnet.endpoints import Version


def _ids(listing: Listing, version: Version) -> set[str]:
    """Return the ids of a market's outcomes, if it is of this version."""
    return {str(token) for token in listing.tokens if listing.market.version == version}


#: What of a listing each filter compares; a filter may be given several times.
_FILTERS: Mapping[str, Callable[[Listing], set[str]]] = MappingProxyType(
    {
        "id": lambda listing: {str(listing.number)},
        "slug": lambda listing: {listing.market.slug},
        "condition_ids": lambda listing: {listing.market.condition_id},
        "clob_token_ids": lambda listing: _ids(listing, "v1"),
        "position_ids": lambda listing: _ids(listing, "v2"),
    }
)
_EVENT_FILTERS: Mapping[str, Callable[[Event], set[str]]] = MappingProxyType(
    {"id": lambda event: {str(event.number)}, "slug": lambda event: {event.slug}}
)
_T = TypeVar("_T")


class Gamma:
    """Look-ups of markets and events, to be served under a prefix."""

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
            web.get(f"{prefix}/events", self._list_events_plainly),
            web.get(f"{prefix}/events/keyset", self._list_events),
            web.get(f"{prefix}/events/slug/{{slug}}", self._event_by_slug),
            web.get(f"{prefix}/events/{{id}}", self._event_by_id),
        ]

    async def _list(self, request: web.Request) -> web.Response:
        return _keyset(request, "markets", self._wanted(request), self._market)

    async def _list_plainly(self, request: web.Request) -> web.Response:
        return answer([self._market(listing) for listing in self._wanted(request)])

    async def _by_slug(self, request: web.Request) -> web.Response:
        slug = request.match_info["slug"]
        return _first([each for each in self._listings if each.market.slug == slug], self._market)

    async def _by_id(self, request: web.Request) -> web.Response:
        number = request.match_info["id"]
        return _first([each for each in self._listings if str(each.number) == number], self._market)

    async def _list_events(self, request: web.Request) -> web.Response:
        return _keyset(request, "events", self._wanted_events(request), self._event)

    async def _list_events_plainly(self, request: web.Request) -> web.Response:
        return answer([self._event(event) for event in self._wanted_events(request)])

    async def _event_by_slug(self, request: web.Request) -> web.Response:
        slug = request.match_info["slug"]
        return _first([each for each in events_of(self._listings) if each.slug == slug], self._event)

    async def _event_by_id(self, request: web.Request) -> web.Response:
        number = request.match_info["id"]
        return _first([each for each in events_of(self._listings) if str(each.number) == number], self._event)

    def _wanted(self, request: web.Request) -> list[Listing]:
        filters = {**_FILTERS, "closed": lambda listing: _flag(is_so=self._is_closed(listing))}
        return _passing(self._listings, request, filters)

    def _wanted_events(self, request: web.Request) -> list[Event]:
        filters = {**_EVENT_FILTERS, "closed": lambda event: _flag(is_so=all(map(self._is_closed, event.listings)))}
        return _passing(events_of(self._listings), request, filters)

    def _is_closed(self, listing: Listing) -> bool:
        return self._house.is_resolved(listing.market.condition_id)

    def _market(self, listing: Listing) -> views.Json:
        (event,) = (event for event in events_of(self._listings) if listing in event.listings)
        is_closed = all(map(self._is_closed, event.listings))
        return {
            **self._market_of_event(listing),
            "events": [brief_event(event, volume=self._volume(event), is_closed=is_closed)],
        }

    def _event(self, event: Event) -> views.Json:
        markets = [self._market_of_event(listing) for listing in event.listings]
        return gamma_event(event, markets, volume=self._volume(event))

    def _volume(self, event: Event) -> int:
        return sum(self._engine.volume(listing) for listing in event.listings)

    def _market_of_event(self, listing: Listing) -> views.Json:
        last = self._engine.last_trade(listing)
        figures = Figures(
            quote=quote_of(self._engine, self._house, listing),
            last_price=last.yes_price if last else 0,
            volume=self._engine.volume(listing),
            liquidity=self._engine.liquidity(listing),
            is_resolved=self._is_closed(listing),
        )
        return gamma_market(listing, figures)


def _passing(items: Iterable[_T], request: web.Request, filters: Mapping[str, Callable[..., set[str]]]) -> list[_T]:
    """Return the items that have one of the values asked for, of everything that is asked for."""
    return [
        item
        for item in items
        if all(
            set(request.query.getall(name)) & values(item) for name, values in filters.items() if name in request.query
        )
    ]


def _keyset(request: web.Request, name: str, items: Sequence[_T], shape: Callable[[_T], views.Json]) -> web.Response:
    selected, following = page(items, request.query.get("after_cursor"))
    answered: views.Json = {name: [shape(item) for item in selected]}
    if following != END_CURSOR:
        answered["next_cursor"] = following
    return answer(answered)


def _first(found: Sequence[_T], shape: Callable[[_T], views.Json]) -> web.Response:
    if not found:
        raise refusals.unknown_market()
    return answer(shape(found[0]))


def _flag(*, is_so: bool) -> set[str]:
    return {"true" if is_so else "false"}
