"""The real-time channel: every trade of everybody, with the wallet of who made it (polymarket.md 4.3).

Topic `activity` has two types: `orders_matched` when a trade is on its way to the chain, `trades` when a block has it.
The venue documents neither, and loses some; a client that believes it alone is mistaken there, and not here.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from remora.devnet.clob.connection import Connection
from remora.devnet.clob.trades import Trade, TradeStatus
from remora.devnet.clob.web import dumps
from remora.devnet.data_api import shapes
from remora.devnet.data_api.deals import Deal, deals_in

_TOPIC = "activity"
_EVERY_TYPE = "*"
_MATCHED, _TRADED = "orders_matched", "trades"
#: What filters may name, and the place of it in a payload.
_FILTERS: Mapping[str, str] = {"market_slug": "slug", "event_slug": "eventSlug"}
_REFUSAL = dumps({"statusCode": 400, "body": {"message": "Invalid request body"}})


class _Subscriber(Connection):
    def __init__(self) -> None:
        super().__init__()
        #: By type, the filters that a payload must pass.
        self.wanted: dict[str, Mapping[str, str]] = {}

    def wants(self, kind: str, payload: shapes.Json) -> bool:
        """Tell whether an event passes the filters of its type."""
        filters = self.wanted.get(kind, self.wanted.get(_EVERY_TYPE))
        return filters is not None and all(payload[_FILTERS[name]] == value for name, value in filters.items())


class LiveChannel:
    """Its subscribers, and what they are told."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._subscribers: set[_Subscriber] = set()

    def route(self, path: str) -> web.RouteDef:
        """Return the channel's route."""
        return web.get(path, self._handle)

    async def close(self) -> None:
        """Disconnect everybody."""
        await asyncio.gather(*(subscriber.close() for subscriber in self._subscribers))

    def trade_sent(self, trade: Trade) -> None:
        """Tell of a trade on its way to the chain."""
        self._tell(_MATCHED, trade)

    def trade_changed(self, trade: Trade) -> None:
        """Tell of a trade that a block has."""
        if trade.status is TradeStatus.MINED:
            self._tell(_TRADED, trade)

    def _tell(self, kind: str, trade: Trade) -> None:
        if not self._subscribers:
            return
        for deal in deals_in(trade):
            self._send(kind, deal)

    def _send(self, kind: str, deal: Deal) -> None:
        now_ms = self._now_ms()
        payload = shapes.in_first_version(shapes.trade(deal)) | {"timestamp": deal.at_s or now_ms // 1000}
        event = dumps({"topic": _TOPIC, "type": kind, "timestamp": now_ms, "payload": payload})
        for subscriber in self._subscribers:
            if subscriber.wants(kind, payload):
                subscriber.send(event)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        subscriber = _Subscriber()
        self._subscribers.add(subscriber)
        try:
            return await subscriber.serve(request, lambda text: _heed(subscriber, text))
        finally:
            self._subscribers.discard(subscriber)


def _heed(subscriber: _Subscriber, text: str) -> bool:
    try:
        frame = json.loads(text)
        named = {entry["type"]: _filters(entry.get("filters")) for entry in frame["subscriptions"] if _is_ours(entry)}
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        subscriber.send(_REFUSAL)
        return True
    if frame.get("action") == "unsubscribe":
        subscriber.wanted = {kind: kept for kind, kept in subscriber.wanted.items() if kind not in named}
    else:
        subscriber.wanted |= named
    return True


def _is_ours(entry: Mapping[str, Any]) -> bool:
    return bool(entry["topic"] == _TOPIC)


def _filters(text: str | None) -> Mapping[str, str]:
    """Read filters: the text of a JSON object; a bare word is refused."""
    if not text:
        return {}
    filters = json.loads(text)
    if not isinstance(filters, dict):
        raise TypeError("expected filters to be a JSON object")
    return {name: str(value) for name, value in filters.items() if name in _FILTERS}
