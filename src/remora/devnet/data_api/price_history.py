"""The Data API's history of a token's price: its trades, each as both tokens of the market see it.

Without buckets every trade is a point; with them a bucket's last trade is, at the bucket's end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from aiohttp import web

from remora.devnet.clob import refusals
from remora.devnet.clob.engine import Engine
from remora.devnet.clob.listings import Listings
from remora.devnet.clob.tokens import token_of
from remora.devnet.clob.trades import TradeStatus
from remora.devnet.clob.units import ONE, ceil_div, to_text
from remora.devnet.clob.views import Json
from remora.devnet.clob.web import answer, seconds
from remora.devnet.data_api.query import enveloped

_DAY_S = 86_400
_INTERVALS_S = {"1h": 3_600, "6h": 6 * 3_600, "1d": _DAY_S, "1w": 7 * _DAY_S, "1m": 30 * _DAY_S}
_ALWAYS = ("max", "all")
_LARGEST_PAGE = 10_000


@dataclass(frozen=True, slots=True)
class Point:
    """A price at a unix time; a resolution of 0 s means that it is that of one trade."""

    at_s: int
    price: int
    resolution_s: int = 0


class PriceHistory:
    """Prices of the past; to be served under a prefix."""

    def __init__(self, *, listings: Listings, engine: Engine, now_s: Callable[[], int]) -> None:
        self._listings = listings
        self._engine = engine
        self._now_s = now_s

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """Return the routes under `prefix`."""
        return [web.get(f"{prefix}/v2/prices-history", self._history)]

    async def _history(self, request: web.Request) -> web.Response:
        query = request.query
        points = list(self._points(token_of(query.get("token_id"))))
        if (as_of_s := seconds(query.get("as_of"))) is not None:
            return answer(enveloped([_shown(point) for point in points if point.at_s <= as_of_s][-1:], None))
        start_s, end_s = self._window(query.get("interval"), seconds(query.get("start")), seconds(query.get("end")))
        found = [point for point in points if start_s <= point.at_s <= end_s]
        if bucket_s := seconds(query.get("bucket_seconds")):
            found = bucketed(found, bucket_s)
        limit = min(seconds(query.get("limit")) or _LARGEST_PAGE, _LARGEST_PAGE)
        first = seconds(query.get("cursor")) or 0
        following = str(first + limit) if first + limit < len(found) else None
        return answer(enveloped([_shown(point) for point in found[first : first + limit]], following))

    def _window(self, interval: str | None, start_s: int | None, end_s: int | None) -> tuple[int, int]:
        now_s = self._now_s()
        if interval in _ALWAYS:
            return 0, now_s
        if interval is not None and interval in _INTERVALS_S:
            return now_s - _INTERVALS_S[interval], now_s
        if interval is not None or start_s is None:
            raise refusals.invalid_payload()
        return start_s, now_s if end_s is None else end_s

    def _points(self, token_id: int) -> Iterator[Point]:
        listing = self._listings.of_token(token_id)
        for trade in self._engine.trades.values():
            if trade.taker.listing is listing and trade.status is not TradeStatus.FAILED:
                is_same = trade.taker.request.order.token_id == token_id
                yield Point(trade.matched_s, trade.price if is_same else ONE - trade.price)


def bucketed(points: Iterable[Point], bucket_s: int) -> list[Point]:
    """Return the last point of each bucket, at the bucket's end."""
    last = {ceil_div(point.at_s + 1, bucket_s) * bucket_s: point for point in points}
    return [Point(end_s, point.price, bucket_s) for end_s, point in last.items()]


def _shown(point: Point) -> Json:
    return {"timestamp": point.at_s, "price": to_text(point.price), "resolution_seconds": point.resolution_s}
