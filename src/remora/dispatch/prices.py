"""The price cache: best prices of a token, asked for once however many need them, and never older than the TTL."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass

import structlog

from remora.domain.errors import Malformed, Refused, Retryable
from remora.domain.ids import TokenId
from remora.domain.market import Quote
from remora.ports import Clock, Venue

log = structlog.get_logger()

MAX_TOKENS = 10_000
"""Tokens kept at most; the one asked for longest ago goes first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cached:
    quote: asyncio.Future[Quote | None]
    asked_us: int


class PriceCache:
    """Serves quotes; those asked for at the same time share one request (single flight)."""

    def __init__(self, *, venue: Venue, clock: Clock, ttl_us: int) -> None:
        self._venue = venue
        self._clock = clock
        self._ttl_us = ttl_us
        self._cached: OrderedDict[TokenId, _Cached] = OrderedDict()

    async def quote(self, token_id: TokenId) -> Quote | None:
        """Return best prices at most the TTL old, None when the venue has no book. Retryable when it cannot say."""
        cached = self._cached.get(token_id)
        if cached is None or self._clock.now_us() - cached.asked_us >= self._ttl_us:
            cached = self._ask(token_id)
        return await asyncio.shield(cached.quote)

    def _ask(self, token_id: TokenId) -> _Cached:
        task = asyncio.ensure_future(self._venue.quote(token_id))
        task.add_done_callback(lambda done: self._forget_failure(token_id, done))
        cached = _Cached(quote=task, asked_us=self._clock.now_us())
        self._cached[token_id] = cached
        self._cached.move_to_end(token_id)
        while len(self._cached) > MAX_TOKENS:
            self._cached.popitem(last=False)
        return cached

    def _forget_failure(self, token_id: TokenId, done: asyncio.Future[Quote | None]) -> None:
        failed = done.cancelled() or done.exception() is not None
        if failed and token_id in self._cached and self._cached[token_id].quote is done:
            del self._cached[token_id]


async def quote_or_none(cache: PriceCache, token_id: TokenId, clock: Clock, tries: int = 3) -> Quote | None:
    """Return the quote, None when there is no book or the venue stays silent after a few tries: no price, no guess."""
    for _ in range(tries):
        try:
            return await cache.quote(token_id)
        except Retryable as trouble:
            await clock.sleep(min(trouble.delay_s, 0.5))
        except (Refused, Malformed) as trouble:
            log.warning("price_unavailable", token_id=str(token_id), error=str(trouble))
            return None
    return None
