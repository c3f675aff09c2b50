"""The authenticated REST routes: keys, orders, cancels, lists and balances (polymarket.md 3.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import Any, TypeAlias

from aiohttp import web

from remora.devnet.clob import refusals, views
from remora.devnet.clob.accounts import Accounts
from remora.devnet.clob.auth import ApiKey, Gatekeeper
from remora.devnet.clob.book import OrderStatus, PlacedOrder
from remora.devnet.clob.desk import Desk
from remora.devnet.clob.engine import Engine
from remora.devnet.clob.funds import Funds, Purse
from remora.devnet.clob.heartbeats import WrongHeartbeat
from remora.devnet.clob.house import House
from remora.devnet.clob.limits import Action
from remora.devnet.clob.orders import OrderRequest, SignatureType, parse_request
from remora.devnet.clob.signatories import Signatories
from remora.devnet.clob.tokens import token_of
from remora.devnet.clob.trades import Trade
from remora.devnet.clob.web import answer, caller_of, leave_headers, page, parse, seconds
from remora.devnet.endpoints import Contracts
from remora.devnet.generations import exchange_versions
from remora.domain.contracts import is_position_id
from remora.domain.ids import TokenId

_MAX_ORDERS = 15
_MAX_CANCELS = 1000
#: Takes tokens from a signer's bucket and returns what its answer says of it, or refuses.
SignerLimit: TypeAlias = Callable[[str, Action, int], Mapping[str, str]]
_NOT_LIVE = "Order not found or already canceled"


class Trading:
    """What a client with a wallet can do."""

    def __init__(
        self,
        *,
        gatekeeper: Gatekeeper,
        desk: Desk,
        engine: Engine,
        accounts: Accounts,
        funds: Funds,
        contracts: Contracts,
        signatories: Signatories,
        house: House,
        limit: SignerLimit,
        beat: Callable[[str, str], str],
    ) -> None:
        self._gatekeeper = gatekeeper
        self._desk = desk
        self._engine = engine
        self._accounts = accounts
        self._funds = funds
        self._signatories = signatories
        self._house, self._limit, self._beat = house, limit, beat
        self._spenders = _spenders(contracts)

    def routes(self) -> list[web.RouteDef]:
        """Return the routes, to be served at the root."""
        return [
            web.post("/auth/api-key", self._create_key),
            web.get("/auth/derive-api-key", self._derive_key),
            web.get("/auth/api-keys", self._list_keys),
            web.delete("/auth/api-key", self._delete_key),
            web.get("/auth/ban-status/closed-only", self._ban_status),
            web.post("/order", self._place_one),
            web.post("/orders", self._place_many),
            web.delete("/order", self._cancel_one),
            web.delete("/orders", self._cancel_many),
            web.post("/v1/heartbeats", self._heartbeat),
            web.delete("/cancel-all", self._cancel_all),
            web.delete("/cancel-market-orders", self._cancel_of_market),
            web.get("/data/order/{id}", self._show_order),
            web.get("/data/orders", self._list_orders),
            web.get("/data/trades", self._list_trades),
            web.get("/balance-allowance", self._balance),
            web.get("/balance-allowance/update", self._update_balance),
        ]

    async def _create_key(self, request: web.Request) -> web.Response:
        return answer(_credentials(self._gatekeeper.create(request.headers)))

    async def _derive_key(self, request: web.Request) -> web.Response:
        return answer(_credentials(self._gatekeeper.derive(request.headers)))

    async def _list_keys(self, request: web.Request) -> web.Response:
        caller, _ = await self._caller(request)
        return answer({"apiKeys": self._gatekeeper.keys_of(caller.address)})

    async def _delete_key(self, request: web.Request) -> web.Response:
        caller, _ = await self._caller(request)
        self._gatekeeper.delete(caller)
        return answer("OK")

    async def _ban_status(self, request: web.Request) -> web.Response:
        caller, _ = await self._caller(request)
        return answer({"closed_only": self._house.is_closed_only(caller.address)})

    async def _place_one(self, request: web.Request) -> web.Response:
        caller, body = await self._caller(request)
        self._count(request, caller, Action.ORDER, 1)
        wanted = parse_request(parse(body, refusals.invalid_order_payload))
        try:
            return answer(views.placement(await self._desk.place(wanted, caller)))
        except refusals.Rejection as rejection:
            if not self._desk.refuses_in_body(wanted):
                raise
            return answer(views.rejection(rejection.text))

    async def _place_many(self, request: web.Request) -> web.Response:
        caller, body = await self._caller(request)
        payload = _list(parse(body, refusals.invalid_order_payload), refusals.invalid_order_payload)
        if not 0 < len(payload) <= _MAX_ORDERS:
            raise refusals.too_many_orders(len(payload), _MAX_ORDERS)
        self._count(request, caller, Action.ORDER, len(payload))
        wanted = [parse_request(entry) for entry in payload]
        return answer([await self._place_in_batch(entry, caller) for entry in wanted])

    async def _place_in_batch(self, wanted: OrderRequest, caller: ApiKey) -> views.Json:
        try:
            return views.placement(await self._desk.place(wanted, caller))
        except refusals.Refusal as refusal:
            return views.rejection(refusal.text)

    async def _heartbeat(self, request: web.Request) -> web.Response:
        caller, body = await self._caller(request)
        payload = parse(body, refusals.invalid_payload)
        given = payload.get("heartbeat_id") if isinstance(payload, dict) else None
        if not isinstance(given, str):
            raise refusals.invalid_payload()
        try:
            return answer({"heartbeat_id": self._beat(caller.address, given)})
        except WrongHeartbeat as wrong:
            told = {"error_msg": "Invalid Heartbeat ID", "heartbeat_id": wrong.expected}
            return answer(told, HTTPStatus.BAD_REQUEST)

    async def _cancel_one(self, request: web.Request) -> web.Response:
        caller, body = await self._caller(request)
        payload = parse(body, refusals.invalid_payload)
        order_id = payload.get("orderID") if isinstance(payload, dict) else None
        if not isinstance(order_id, str):
            raise refusals.invalid_payload()
        self._count(request, caller, Action.CANCEL, 1)
        return self._cancelled(caller, [order_id])

    async def _cancel_many(self, request: web.Request) -> web.Response:
        caller, body = await self._caller(request)
        ids = _list(parse(body, refusals.invalid_payload), refusals.invalid_payload)
        if not all(isinstance(order_id, str) for order_id in ids):
            raise refusals.invalid_payload()
        if len(ids) > _MAX_CANCELS:
            raise refusals.too_many_orders(len(ids), _MAX_CANCELS)
        self._count(request, caller, Action.CANCEL, len(ids))
        return self._cancelled(caller, ids)

    async def _cancel_all(self, request: web.Request) -> web.Response:
        caller, _ = await self._caller(request)
        self._count(request, caller, Action.CANCEL, 1)
        return self._cancelled(caller, [order.id for order in self._engine.live_orders(caller.address)])

    async def _cancel_of_market(self, request: web.Request) -> web.Response:
        caller, body = await self._caller(request)
        payload = parse(body, refusals.invalid_payload)
        if not isinstance(payload, dict) or not payload.keys() & {"market", "asset_id"}:
            raise refusals.invalid_payload()
        self._count(request, caller, Action.CANCEL, 1)
        orders = _selected(self._engine.live_orders(caller.address), payload)
        return self._cancelled(caller, [order.id for order in orders])

    async def _show_order(self, request: web.Request) -> web.Response:
        caller, _ = await self._caller(request)
        order = self._engine.orders.get(request.match_info["id"].lower())
        if order is None or order.trader != caller.address:
            raise refusals.unknown_order()
        return answer(views.order(order))

    async def _list_orders(self, request: web.Request) -> web.Response:
        caller, _ = await self._caller(request)
        self._engine.expire()
        orders = _selected(self._engine.live_orders(caller.address), request.query)
        return _page([order for order in orders if request.query.get("id", order.id) == order.id], request, views.order)

    async def _list_trades(self, request: web.Request) -> web.Response:
        caller, _ = await self._caller(request)
        trades = self._trades_of(caller.address, request.query)
        return _page(trades, request, lambda trade: views.trade(trade, caller.address))

    async def _balance(self, request: web.Request) -> web.Response:
        caller, _ = await self._caller(request)
        wallet = self._signatories.wallet_of(caller.address, _kind(request.query))
        kind, asset = _asset(request.query)
        purses = [Purse(wallet, asset, exchange) for exchange in self._spenders[kind]]
        await self._accounts.ensure(purses)
        holdings = [self._funds.known[purse] for purse in purses]
        return answer(
            {
                "balance": str(holdings[0].balance),
                "allowances": {
                    purse.spender: str(holding.allowance) for purse, holding in zip(purses, holdings, strict=True)
                },
            }
        )

    async def _update_balance(self, request: web.Request) -> web.Response:
        await self._caller(request)
        await self._desk.refresh()
        return answer({})

    async def _caller(self, request: web.Request) -> tuple[ApiKey, bytes]:
        return await caller_of(request, self._gatekeeper), await request.read()

    def _count(self, request: web.Request, caller: ApiKey, action: Action, tokens: int) -> None:
        leave_headers(request, self._limit(caller.address, action, tokens))

    def _cancelled(self, caller: ApiKey, ids: Iterable[str]) -> web.Response:
        canceled: list[str] = []
        not_canceled: dict[str, str] = {}
        for order_id in ids:
            order = self._engine.orders.get(order_id.lower())
            if order is None or order.trader != caller.address or order.status is not OrderStatus.LIVE:
                not_canceled[order_id] = _NOT_LIVE
            else:
                self._engine.cancel(order)
                canceled.append(order_id)
        return answer({"canceled": canceled, "not_canceled": not_canceled})

    def _trades_of(self, address: str, query: Mapping[str, str]) -> list[Trade]:
        """Return an address's trades, newest first, that the query asks for."""
        after, before = seconds(query.get("after")), seconds(query.get("before"))
        return [
            trade
            for trade in self._engine.trades_of(address)
            if query.get("id", trade.id) == trade.id
            and _selected([trade.taker], query)
            and (after is None or trade.matched_s >= after)
            and (before is None or trade.matched_s <= before)
            and _involves(trade, query.get("maker_address"))
        ]


def _credentials(issued: ApiKey) -> views.Json:
    return {"apiKey": issued.key, "secret": issued.secret, "passphrase": issued.passphrase}


def _selected(orders: Iterable[PlacedOrder], query: Mapping[str, Any]) -> list[PlacedOrder]:
    """Return the orders of the market and the token that a query names, if it names any."""
    market, token = query.get("market"), query.get("asset_id")
    return [
        order
        for order in orders
        if market in (None, order.listing.market.condition_id) and token in (None, str(order.request.order.token_id))
    ]


def _involves(trade: Trade, address: str | None) -> bool:
    return address is None or any(party.maker == address.lower() for party in trade.parties())


class _AssetType(StrEnum):
    """What a client asks its balance of; the last one is shares that the position manager keeps."""

    COLLATERAL = "COLLATERAL"
    CONDITIONAL = "CONDITIONAL"
    CONDITIONAL_V2 = "CONDITIONAL-V2"


def _spenders(contracts: Contracts) -> dict[_AssetType, tuple[str, ...]]:
    """Return the exchanges that spend what a client asks its balance of."""
    return {
        _AssetType.COLLATERAL: tuple(exchange_versions(contracts)),
        _AssetType.CONDITIONAL: (contracts.exchange, contracts.neg_risk_exchange),
        _AssetType.CONDITIONAL_V2: (contracts.exchange_v3,),
    }


def _asset(query: Mapping[str, str]) -> tuple[_AssetType, int | None]:
    """Return what a query asks for: a token where it is of shares, which the ledger that it names must keep."""
    if (kind := query.get("asset_type")) not in set(_AssetType):
        raise refusals.invalid_payload()
    asset_type = _AssetType(kind)
    if asset_type is _AssetType.COLLATERAL:
        return asset_type, None
    token_id = token_of(query.get("token_id"))
    if is_position_id(TokenId(token_id)) is not (asset_type is _AssetType.CONDITIONAL_V2):
        raise refusals.invalid_token()
    return asset_type, token_id


def _kind(query: Mapping[str, str]) -> SignatureType:
    """Return the kind of wallet that a query names; a plain account where it names none."""
    kinds = {str(kind.value): kind for kind in SignatureType}
    if (kind := kinds.get(query.get("signature_type", "0"))) is None:
        raise refusals.invalid_payload()
    return kind


def _list(payload: object, refusal: Callable[[], refusals.Refusal]) -> list[Any]:
    if not isinstance(payload, list):
        raise refusal()
    return payload


def _page(items: list[Any], request: web.Request, view: Callable[[Any], views.Json]) -> web.Response:
    selected, following = page(items, request.query.get("next_cursor"))
    return answer(
        {
            "data": [view(item) for item in selected],
            "next_cursor": following,
            "limit": len(selected),
            "count": len(selected),
        }
    )
