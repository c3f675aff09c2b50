"""The price cache: order books of tokens, asked for once however many need them, and never older than the TTL.

A book that the venue keeps us informed of is taken before one that has to be asked for.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import structlog

from remora.domain.errors import Malformed, Refused, Retryable
from remora.domain.ids import TokenId
from remora.domain.market import Book
from remora.ports import Clock, LiveBooks, Venue

log = structlog.get_logger()

MAX_TOKENS = 10_000
"""Tokens kept at most; the one asked for longest ago goes first."""

LONGEST_PAUSE_S = 0.5
"""How long a busy venue is left alone between tries: a copy does not wait longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cached:
    book: asyncio.Future[Book | None]
    asked_us: int


class BookCache:
    """Serves books; those asked for at the same time share one request (single flight)."""

    def __init__(self, *, venue: Venue, live: LiveBooks | None, clock: Clock, ttl_us: int) -> None:
        self._venue = venue
        self._live = live
        self._clock = clock
        self._ttl_us = ttl_us
        self._cached: OrderedDict[TokenId, _Cached] = OrderedDict()

    def follow(self, token_ids: Collection[TokenId]) -> None:
        """Have the venue tell the books of these tokens from now on, if it does that."""
        if self._live is not None:
            self._live.follow(token_ids)

    def ask(self, token_id: TokenId) -> None:
        """Begin to ask the venue for a book that is not at hand, for a `book` that follows."""
        if self._young(token_id) is None and self._at_hand(token_id) is None:
            self._keep(token_id, asyncio.ensure_future(self._venue.book(token_id)))

    async def book(self, token_id: TokenId) -> Book | None:
        """Return a book at most the TTL old, None when the venue has none. Retryable when it cannot say."""
        at_hand = self._at_hand(token_id)
        if at_hand is not None:
            return at_hand
        self.ask(token_id)
        return await asyncio.shield(self._cached[token_id].book)

    async def books(self, token_ids: Collection[TokenId]) -> Mapping[TokenId, Book]:
        """Return the books of many tokens, those not at hand by one request; who cannot be told now is left out."""
        at_hand = {token_id: self._at_hand(token_id) for token_id in token_ids}
        found = {token_id: book for token_id, book in at_hand.items() if book is not None}
        if missing := at_hand.keys() - found.keys():
            found |= await self._ask_for(missing)
        return found

    async def _ask_for(self, token_ids: Collection[TokenId]) -> Mapping[TokenId, Book]:
        try:
            found = await self._venue.books(token_ids)
        except (Retryable, Refused, Malformed) as trouble:
            log.warning("prices_unavailable", tokens=len(token_ids), error=str(trouble))
            return {}
        for token_id, book in found.items():
            answer = asyncio.get_running_loop().create_future()
            answer.set_result(book)
            self._keep(token_id, answer)
        return found

    def _at_hand(self, token_id: TokenId) -> Book | None:
        """Return a book for which nobody has to be asked."""
        live = None if self._live is None else self._live.book(token_id)
        if live is not None:
            return live
        cached = self._young(token_id)
        if cached is None or not cached.book.done() or cached.book.cancelled() or cached.book.exception():
            return None
        return cached.book.result()

    def _young(self, token_id: TokenId) -> _Cached | None:
        cached = self._cached.get(token_id)
        return cached if cached is not None and self._clock.now_us() - cached.asked_us < self._ttl_us else None

    def _keep(self, token_id: TokenId, book: asyncio.Future[Book | None]) -> None:
        book.add_done_callback(lambda done: self._forget_failure(token_id, done))
        self._cached[token_id] = _Cached(book=book, asked_us=self._clock.now_us())
        self._cached.move_to_end(token_id)
        while len(self._cached) > MAX_TOKENS:
            self._cached.popitem(last=False)

    def _forget_failure(self, token_id: TokenId, done: asyncio.Future[Book | None]) -> None:
        failed = done.cancelled() or done.exception() is not None
        if failed and token_id in self._cached and self._cached[token_id].book is done:
            del self._cached[token_id]


async def book_or_none(cache: BookCache, token_id: TokenId, clock: Clock, tries: int = 3) -> Book | None:
    """Return the book, None when there is none or the venue stays silent after a few tries: no price, no guess."""
    for _ in range(tries):
        try:
            return await cache.book(token_id)
        except Retryable as trouble:
            await clock.sleep(min(trouble.delay_s, LONGEST_PAUSE_S))
        except (Refused, Malformed) as trouble:
            log.warning("price_unavailable", token_id=str(token_id), error=str(trouble))
            return None
    return None
