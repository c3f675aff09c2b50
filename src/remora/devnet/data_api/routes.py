"""The Data API's routes: /v2/trades, /v2/activity and /v2/positions, and their elder forms without the prefix."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from aiohttp import web

from remora.devnet.clob import refusals
from remora.devnet.clob.accounts import Accounts
from remora.devnet.clob.engine import Engine
from remora.devnet.clob.funds import Funds, Purse
from remora.devnet.clob.listings import Listing, Listings
from remora.devnet.clob.quotes import Quote
from remora.devnet.clob.web import answer
from remora.devnet.data_api import shapes
from remora.devnet.data_api.conversions import Conversion, Conversions
from remora.devnet.data_api.deals import Deal, deals_of
from remora.devnet.data_api.positions import Position, position_of
from remora.devnet.data_api.query import Query, enveloped, page, selected, sliced


class DataApi:
    """What anybody may know of everybody; to be served under a prefix."""

    def __init__(
        self, *, listings: Listings, engine: Engine, accounts: Accounts, funds: Funds, conversions: Conversions
    ) -> None:
        self._listings = listings
        self._engine = engine
        self._accounts = accounts
        self._funds = funds
        self._conversions = conversions

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """Return the routes under `prefix`."""
        return [
            web.get(f"{prefix}/v2/trades", self._trades),
            web.get(f"{prefix}/v2/activity", self._activity),
            web.get(f"{prefix}/v2/positions", self._positions),
            web.get(f"{prefix}/v2/value", self._value),
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
        status = request.query.get("status", "OPEN")
        found = [held for held in await self._held(query) if _has_status(held, status)]
        start = query.cursor[0] if query.cursor else 0
        end = start + query.limit
        shown = [shapes.position(held) for held in found[start:end]]
        return answer(enveloped(shown, f"{end}-0" if end < len(found) else None))

    async def _first_positions(self, request: web.Request) -> web.Response:
        query = Query.parse(request.query)
        found = [held for held in await self._held(query) if held.is_open]
        return answer([shapes.first_position(held) for held in sliced(found, query)])

    async def _first_closed_positions(self, request: web.Request) -> web.Response:
        query = Query.parse(request.query)
        found = [held for held in await self._held(query) if not held.is_open]
        return answer([shapes.first_closed_position(held) for held in sliced(found, query)])

    async def _value(self, request: web.Request) -> web.Response:
        query = Query.parse(request.query)
        held = await self._held(query)
        return answer({"data": {"proxy_wallet": query.user, "value": shapes.amount(sum(each.value for each in held))}})

    def _deals(self, query: Query) -> list[Deal]:
        deals = deals_of(self._engine.trades.values())
        return selected((deal for deal in deals if deal.is_taker or not query.taker_only), query)

    async def _done(self, query: Query) -> list[Deal | Conversion]:
        if query.user is None:
            raise refusals.invalid_payload()
        deals = list(deals_of(self._engine.trades.values()))
        return selected([*deals, *await self._conversions.of(query.user)], query)

    async def _held(self, query: Query) -> list[Position]:
        """Return the positions of a user, or of everybody who traded the markets that the query names."""
        if query.user is None and query.conditions is None:
            raise refusals.invalid_payload()
        by_token: defaultdict[tuple[str, int], list[Deal]] = defaultdict(list)
        for deal in deals_of(self._engine.trades.values()):
            by_token[deal.wallet, deal.token_id].append(deal)
        wallets = [query.user] if query.user else sorted({wallet for wallet, _ in by_token})
        listings = [listing for listing in self._listings if query.wants_market(listing.market.condition_id)]
        await self._accounts.ensure([purse for wallet in wallets for purse in _purses(wallet, listings)])
        found = [self._position(by_token, purse, listing) for wallet in wallets for listing in listings
                 for purse in _purses(wallet, [listing])]  # fmt: skip
        return [held for held in found if held is not None]

    def _position(self, deals: dict[tuple[str, int], list[Deal]], purse: Purse, listing: Listing) -> Position | None:
        token = purse.token_id or 0
        (opposite,) = (each for each in _purses(purse.owner, [listing]) if each != purse)
        return position_of(
            deals.get((purse.owner, token), []),
            wallet=purse.owner,
            listing=listing,
            token_id=token,
            held=self._funds.known[purse].balance,
            opposite_held=self._funds.known[opposite].balance,
            price=Quote.of(self._engine, listing).price_of(is_yes=listing.is_yes(token)),
        )


def _purses(wallet: str, listings: list[Listing]) -> Iterator[Purse]:
    for listing in listings:
        for token in listing.tokens:
            yield Purse(wallet, token, listing.exchange)


def _has_status(held: Position, status: str) -> bool:
    match status:
        case "OPEN":
            return held.is_open
        case "MERGEABLE":
            return held.is_open and held.opposite_held > 0
        case "CLOSED":
            return not held.is_open
        case _:
            return False
