"""The Data API's routes: trades, activity, positions, tokens, approvals, and the elder forms without the prefix."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from remora.devnet.clob import refusals
from remora.devnet.clob.catalogue import events_of
from remora.devnet.clob.listings import Listings
from remora.devnet.clob.web import answer
from remora.devnet.data_api import shapes
from remora.devnet.data_api.deals import Deal
from remora.devnet.data_api.holdings import Holdings
from remora.devnet.data_api.positions import Position
from remora.devnet.data_api.query import Query, enveloped, page, selected, sliced
from remora.devnet.data_api.reference import Reference
from remora.devnet.data_api.share_moves import ShareMove

_LARGEST_TOKENS, _LARGEST_CONDITIONS = 50, 10


class DataApi:
    """What anybody may know of everybody; to be served under a prefix."""

    def __init__(self, *, listings: Listings, holdings: Holdings, reference: Reference) -> None:
        self._listings = listings
        self._holdings = holdings
        self._reference = reference

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """Return the routes under `prefix`."""
        return [
            web.get(f"{prefix}/v2/trades", self._trades),
            web.get(f"{prefix}/v2/activity", self._activity),
            web.get(f"{prefix}/v2/positions", self._positions),
            web.get(f"{prefix}/v2/value", self._value),
            web.get(f"{prefix}/v2/tokens", self._tokens),
            web.get(f"{prefix}/v2/approvals", self._approvals),
            web.get(f"{prefix}/trades", self._first_trades),
            web.get(f"{prefix}/activity", self._first_activity),
            web.get(f"{prefix}/positions", self._first_positions),
            web.get(f"{prefix}/closed-positions", self._first_closed_positions),
        ]

    async def _trades(self, request: web.Request) -> web.Response:
        query = Query.parse(request.query)
        return answer(page(self._deals(query), query, shapes.trade))

    async def _first_trades(self, request: web.Request) -> web.Response:
        query = Query.parse(request.query)
        return answer([shapes.in_first_version(shapes.trade(deal)) for deal in sliced(self._deals(query), query)])

    async def _activity(self, request: web.Request) -> web.Response:
        query = Query.parse(request.query)
        return answer(page(await self._done(query), query, shapes.activity))

    async def _first_activity(self, request: web.Request) -> web.Response:
        query = Query.parse(request.query)
        return answer([shapes.first_activity(row) for row in sliced(await self._done(query), query)])

    async def _positions(self, request: web.Request) -> web.Response:
        query = Query.parse(request.query)
        status = request.query.get("status")
        found = [held for held in await self._held(query) if _has_status(held, status)]
        start = query.cursor[0] if query.cursor else 0
        end = start + query.limit
        shown = [shapes.position(held, self._event_of(held)) for held in found[start:end]]
        return answer(enveloped(shown, f"{end}-0" if end < len(found) else None))

    async def _first_positions(self, request: web.Request) -> web.Response:
        query = Query.parse(request.query)
        found = [held for held in await self._held(query) if held.is_open and _is_wanted(held, request)]
        return answer([shapes.first_position(held, self._event_of(held)) for held in sliced(found, query)])

    async def _first_closed_positions(self, request: web.Request) -> web.Response:
        query = Query.parse(request.query)
        found = [held for held in await self._held(query) if not held.is_open]
        return answer([shapes.first_closed_position(held, self._event_of(held)) for held in sliced(found, query)])

    async def _value(self, request: web.Request) -> web.Response:
        query = Query.parse(request.query)
        held = await self._held(query)
        return answer({"data": {"proxy_wallet": query.user, "value": shapes.amount(sum(each.value for each in held))}})

    async def _tokens(self, request: web.Request) -> web.Response:
        wanted, conditions = _named(request, "token_id"), _named(request, "condition")
        if not (wanted or conditions) or len(wanted) > _LARGEST_TOKENS or len(conditions) > _LARGEST_CONDITIONS:
            raise refusals.invalid_payload()
        return answer({"data": self._reference.tokens(wanted, conditions)})

    async def _approvals(self, request: web.Request) -> web.Response:
        query = Query.parse(request.query)
        if query.user is None:
            raise refusals.invalid_payload()
        return answer({"data": await self._reference.approvals(query.user)})

    def _deals(self, query: Query) -> list[Deal]:
        return selected((deal for deal in self._holdings.deals() if deal.is_taker or not query.taker_only), query)

    async def _done(self, query: Query) -> list[Deal | ShareMove]:
        if query.user is None:
            raise refusals.invalid_payload()
        return selected(await self._holdings.done(query.user), query)

    async def _held(self, query: Query) -> list[Position]:
        """Return the positions of a user, or of everybody who traded the markets that the query names."""
        if query.user is None and query.conditions is None:
            raise refusals.invalid_payload()
        wallets = [query.user] if query.user else self._holdings.traders()
        listings = [listing for listing in self._listings if query.wants_market(listing.market.condition_id)]
        return await self._holdings.positions(wallets, listings)

    def _event_of(self, held: Position) -> int:
        (number,) = (event.number for event in events_of(self._listings) if held.listing in event.listings)
        return number


def _named(request: web.Request, name: str) -> frozenset[str]:
    """Return the values of a parameter, given several times or with commas."""
    return frozenset(value for text in request.query.getall(name, []) for value in text.lower().split(",") if value)


def _is_wanted(held: Position, request: web.Request) -> bool:
    """Tell whether a position passes version 1's filters."""
    told = {"redeemable": held.is_redeemable, "mergeable": held.is_mergeable}
    return all(is_so or request.query.get(name) != "true" for name, is_so in told.items())


def _has_status(held: Position, status: str | None) -> bool:
    """Tell whether a position has a status that may be asked for; without one everything that is held is shown."""
    has: Mapping[str | None, bool] = {
        None: held.is_open,
        "OPEN": held.is_open and not held.is_resolved,
        "REDEEMABLE": held.is_redeemable,
        "REDEEMABLE_LOST": held.is_redeemable and held.price == 0,
        "MERGEABLE": held.is_mergeable,
        "CLOSED": not held.is_open,
    }
    return has.get(status, False)
