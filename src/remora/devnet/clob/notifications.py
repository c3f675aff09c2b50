"""What an account is told when it was not listening: orders cancelled or filled, fills that failed (polymarket.md 3.2).

Each account keeps its latest notifications until it drops them. A session key has its own, as it has its own orders.
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Callable
from enum import IntEnum

from aiohttp import web

from remora.devnet.clob import refusals, views
from remora.devnet.clob.audience import OrderEvent
from remora.devnet.clob.auth import Gatekeeper
from remora.devnet.clob.book import PlacedOrder
from remora.devnet.clob.trades import Trade, TradeStatus
from remora.devnet.clob.units import to_text
from remora.devnet.clob.web import answer, caller_of
from remora.devnet.remembering import Remembering

_PATH = "/notifications"
_IDS = re.compile(r"\d{1,15}(?:,\d{1,15})*", re.ASCII)
_KEPT = 1000


class Kind(IntEnum):
    """What a notification is about; the numbers are the venue's."""

    ORDER_CANCELLATION = 1
    ORDER_FILL = 2
    ORDER_FILL_FAILED = 8


_KIND_OF = {TradeStatus.MINED: Kind.ORDER_FILL, TradeStatus.FAILED: Kind.ORDER_FILL_FAILED}


class Notifications(Remembering):
    """The notifications of all accounts; part of the engine's audience."""

    remembered = ("_noted", "_of")

    def __init__(self, gatekeeper: Gatekeeper, now_s: Callable[[], int]) -> None:
        self._gatekeeper = gatekeeper
        self._now_s = now_s
        self._noted = 0
        self._of: defaultdict[str, deque[views.Json]] = defaultdict(lambda: deque(maxlen=_KEPT))

    def routes(self) -> list[web.RouteDef]:
        """Return the routes, to be served at the root."""
        return [web.get(_PATH, self._list), web.delete(_PATH, self._drop)]

    def order_changed(self, order: PlacedOrder, event: OrderEvent) -> None:
        """Note a cancellation."""
        if event is OrderEvent.CANCELLATION:
            self._note(order, Kind.ORDER_CANCELLATION)

    def trade_changed(self, trade: Trade) -> None:
        """Note for each party that its order was filled, or that a fill failed."""
        if (kind := _KIND_OF.get(trade.status)) is not None:
            for order in {party.id: party for party in trade.parties()}.values():
                self._note(order, kind, trade)

    async def _list(self, request: web.Request) -> web.Response:
        caller = await caller_of(request, self._gatekeeper)
        return answer([*self._of[caller.address]])

    async def _drop(self, request: web.Request) -> web.Response:
        caller = await caller_of(request, self._gatekeeper)
        ids = request.query.get("ids", "")
        if not _IDS.fullmatch(ids):
            raise refusals.invalid_payload()
        dropped, held = {int(number) for number in ids.split(",")}, self._of[caller.address]
        self._of[caller.address] = deque((note for note in held if note["id"] not in dropped), maxlen=_KEPT)
        return answer("OK")

    def _note(self, order: PlacedOrder, kind: Kind, trade: Trade | None = None) -> None:
        self._noted += 1
        note = {
            "id": self._noted,
            "owner": order.request.owner,
            "timestamp": self._now_s(),
            "type": kind.value,
            "payload": _payload(order, trade),
        }
        self._of[order.trader].append(note)


def _payload(order: PlacedOrder, trade: Trade | None) -> views.Json:
    market, signed = order.listing.market, order.request.order
    return {
        "asset_id": str(signed.token_id),
        "market": market.condition_id,
        "order_id": order.id,
        "side": signed.side.value,
        "type": order.request.type.value,
        "price": to_text(order.price),
        "original_size": to_text(signed.shares),
        "matched_size": to_text(order.shares_matched),
        "remaining_size": to_text(order.shares_left),
        "outcome": order.listing.outcome(signed.token_id),
        "outcome_index": 0 if order.is_yes else 1,
        "transaction_hash": trade.transaction_hash if trade else "",
        "trade_id": trade.id if trade else "",
        "question": market.question,
        "market_slug": market.slug,
        "icon": "",
        "image": "",
        "eventSlug": order.listing.event_slug,
        "seriesSlug": "",
    }
