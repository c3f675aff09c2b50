"""The routes about liquidity rewards and rebates. A devnet pays none: no order scores, no account earns anything.

The answers are those that the venue gives where no programme runs, so that who asks finds nothing instead of an error.
"""

from __future__ import annotations

from datetime import date

from aiohttp import web

from remora.devnet.clob import refusals
from remora.devnet.clob.auth import Gatekeeper
from remora.devnet.clob.engine import Engine
from remora.devnet.clob.listings import Listings
from remora.devnet.clob.web import END_CURSOR, answer, caller_of, parse

_NOTHING = {"data": [], "next_cursor": END_CURSOR, "limit": 0, "count": 0, "total_count": 0}


class Rewards:
    """What nobody is paid."""

    def __init__(self, *, gatekeeper: Gatekeeper, listings: Listings, engine: Engine) -> None:
        self._gatekeeper = gatekeeper
        self._listings = listings
        self._engine = engine

    def routes(self) -> list[web.RouteDef]:
        """Return the routes, to be served at the root."""
        return [
            web.get("/order-scoring", self._order),
            web.post("/orders-scoring", self._orders),
            web.get("/rewards/markets/current", self._markets),
            web.get("/rewards/markets/multi", self._markets),
            web.get("/rewards/markets/{condition}", self._market),
            web.get("/rewards/user", self._earnings),
            web.get("/rewards/user/markets", self._earnings),
            web.get("/rewards/user/total", self._total),
            web.get("/rewards/user/percentages", self._percentages),
            web.get("/rebates/current", self._rebates),
        ]

    async def _order(self, request: web.Request) -> web.Response:
        caller = await caller_of(request, self._gatekeeper)
        order = self._engine.orders.get(request.query.get("order_id", "").lower())
        if order is None or order.trader != caller.address:
            raise refusals.unknown_order()
        return answer({"scoring": False})

    async def _orders(self, request: web.Request) -> web.Response:
        await caller_of(request, self._gatekeeper)
        ids = parse(await request.read(), refusals.invalid_payload)
        if not isinstance(ids, list) or not all(isinstance(order_id, str) for order_id in ids):
            raise refusals.invalid_payload()
        return answer(dict.fromkeys(ids, False))

    async def _markets(self, _: web.Request) -> web.Response:
        return answer(_NOTHING)

    async def _market(self, request: web.Request) -> web.Response:
        self._listings.of_condition(request.match_info["condition"])
        return answer(_NOTHING)

    async def _earnings(self, request: web.Request) -> web.Response:
        await self._check_day(request)
        return answer(_NOTHING)

    async def _total(self, request: web.Request) -> web.Response:
        await self._check_day(request)
        return answer([])

    async def _percentages(self, request: web.Request) -> web.Response:
        await caller_of(request, self._gatekeeper)
        return answer({})

    async def _rebates(self, request: web.Request) -> web.Response:
        _day(request)
        return answer([])

    async def _check_day(self, request: web.Request) -> None:
        await caller_of(request, self._gatekeeper)
        _day(request)


def _day(request: web.Request) -> date:
    """Return the day that is asked for; refuse what is none."""
    try:
        return date.fromisoformat(request.query.get("date", ""))
    except ValueError:
        raise refusals.invalid_payload() from None
