"""The user channel: changes of the orders and trades of one API key, for who knows its secret (polymarket.md 4.2)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from remora.devnet.clob import refusals, views
from remora.devnet.clob.audience import OrderEvent
from remora.devnet.clob.auth import Gatekeeper
from remora.devnet.clob.book import PlacedOrder
from remora.devnet.clob.connection import Connection
from remora.devnet.clob.trades import Trade
from remora.devnet.clob.web import dumps


class _Subscriber(Connection):
    def __init__(self) -> None:
        super().__init__()
        #: The API key that it proved, and the markets (conditions) that it asked for, none for all.
        self.key: str | None = None
        self.markets: set[str] = set()

    def wants(self, key: str, condition_id: str) -> bool:
        return self.key == key and (not self.markets or condition_id in self.markets)


class UserChannel:
    """Its subscribers, and what they are told."""

    def __init__(self, gatekeeper: Gatekeeper, now_ms: Callable[[], int]) -> None:
        self._gatekeeper = gatekeeper
        self._now_ms = now_ms
        self._subscribers: set[_Subscriber] = set()

    def route(self, path: str) -> web.RouteDef:
        """Return the channel's route."""
        return web.get(path, self._handle)

    async def close(self) -> None:
        """Disconnect everybody."""
        await asyncio.gather(*(subscriber.close() for subscriber in self._subscribers))

    def order_changed(self, order: PlacedOrder, event: OrderEvent) -> None:
        """Tell an order's owner what happened to it."""
        for subscriber in self._of(order):
            subscriber.send(dumps(views.order_event(order, event, self._now_ms())))

    def trade_changed(self, trade: Trade) -> None:
        """Tell the parties how far a trade is, each once."""
        for party in {party.request.owner: party for party in trade.parties()}.values():
            for subscriber in self._of(party):
                subscriber.send(dumps(views.trade_event(trade, party.trader, self._now_ms())))

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        subscriber = _Subscriber()
        self._subscribers.add(subscriber)
        try:
            return await subscriber.serve(request, lambda text: self._heed(subscriber, text))
        finally:
            self._subscribers.discard(subscriber)

    def _of(self, order: PlacedOrder) -> list[_Subscriber]:
        condition = order.listing.market.condition_id
        return [each for each in self._subscribers if each.wants(order.request.owner, condition)]

    def _heed(self, subscriber: _Subscriber, text: str) -> bool:
        """Act on a frame; a first frame that proves no key ends the connection."""
        try:
            frame = _object(json.loads(text))
            markets = _markets(frame.get("markets"))
            if subscriber.key is None:
                subscriber.key = self._gatekeeper.identify_by_secret(_object(frame.get("auth"))).key
        except (ValueError, TypeError, RecursionError):
            subscriber.send("INVALID OPERATION")
            return True
        except refusals.Refusal:
            return False
        if frame.get("operation") == "unsubscribe":
            subscriber.markets -= markets
        else:
            subscriber.markets |= markets
        return True


def _object(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("expected a JSON object")
    return value


def _markets(value: object) -> set[str]:
    named = value or []
    if not isinstance(named, list) or not all(isinstance(market, str) for market in named):
        raise TypeError("expected a list of condition ids")
    return set(named)
