"""The venue's public WebSocket (market channel, polymarket.md 4.1): the books of tokens in play, kept up to date.

A book counts as live until `ttl_us` after the last event that told of it. An answered ping is no such event: a socket
can be well while its subscription is silent. So a quiet token is asked for over REST, and one that is traded, which is
when a copy is decided, is not. A lost connection takes all books with it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn

import aiohttp
import structlog

from remora.adapters.venue.books import LiveBook, timestamp_us, token_of
from remora.adapters.venue.wire import loads, mapping, sequence
from remora.domain.errors import Malformed
from remora.domain.ids import TokenId
from remora.domain.ignored import Ignored
from remora.domain.market import Book
from remora.ports import Clock

log = structlog.get_logger()

MAX_TOKENS = 500
"""Tokens in play at most; those named longest ago go first."""

IN_PLAY_US = 1_800 * 1_000_000
"""How long a token stays in play after it was named last."""

_LARGEST_FRAME_BYTES = 4 * 2**20
_OPEN_S = 10.0
_IGNORED = "market_feed"
_FIRST_DELAY_S, _LONGEST_DELAY_S = 0.5, 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """How often the feed says PING, and after how much silence it takes the connection for lost."""

    ping_s: float = 10.0
    silence_s: float = 30.0


@dataclass(slots=True, kw_only=True)
class _Live:
    book: LiveBook
    heard_us: int


class MarketFeed:
    """Implements LiveBooks; `run` is its loop. `on_tick` is told of tokens whose tick changed."""

    def __init__(
        self,
        *,
        url: str,
        clock: Clock,
        ttl_us: int,
        on_tick: Callable[[TokenId], None],
        ignored: Ignored,
        pulse: Pulse | None = None,
    ) -> None:
        self._url = url
        self._clock = clock
        self._ttl_us = ttl_us
        self._on_tick = on_tick
        self._ignored = ignored
        self._pulse = pulse or Pulse()
        self._in_play: OrderedDict[TokenId, int] = OrderedDict()
        self._books: dict[TokenId, _Live] = {}
        self._doubted: set[TokenId] = set()
        self._news = asyncio.Event()
        self._is_heard = False

    def follow(self, token_ids: Collection[TokenId]) -> None:
        """Count tokens as in play from now on."""
        now_us = self._clock.now_us()
        for token_id in token_ids:
            if token_id not in self._in_play:
                self._news.set()
            self._in_play[token_id] = now_us
            self._in_play.move_to_end(token_id)
        while len(self._in_play) > MAX_TOKENS:
            self._in_play.popitem(last=False)

    def book(self, token_id: TokenId) -> Book | None:
        """Return a token's book if an event told of it within the TTL."""
        live = self._books.get(token_id)
        if live is None or self._clock.now_us() - live.heard_us >= self._ttl_us:
            return None
        return live.book.shown()

    async def run(self) -> NoReturn:
        """Keep the books of tokens in play, for ever; a lost connection is made again, less eagerly while it fails."""
        delay_s = _FIRST_DELAY_S
        async with aiohttp.ClientSession(headers={"User-Agent": "remora"}) as session:
            while True:
                await self._anything_in_play()
                self._is_heard = False
                try:
                    lost = await self._converse(session)
                except (aiohttp.ClientError, OSError, TimeoutError) as error:
                    lost = type(error).__name__
                delay_s = _FIRST_DELAY_S if self._is_heard else min(2 * delay_s, _LONGEST_DELAY_S)
                log.warning("market_feed_lost", error=lost, again_in_s=delay_s)
                await self._clock.sleep(delay_s)

    async def _anything_in_play(self) -> None:
        while not self._wanted():
            self._news.clear()
            await self._news.wait()

    async def _converse(self, session: aiohttp.ClientSession) -> str:
        """Subscribe and listen until the connection is lost; return by what. All books go with it."""
        async with asyncio.timeout(_OPEN_S):
            socket = await session.ws_connect(self._url, max_msg_size=_LARGEST_FRAME_BYTES)
        try:
            async with asyncio.TaskGroup() as group:
                speaking = group.create_task(self._speak(socket))
                lost = await self._listen(socket)
                speaking.cancel()
        finally:
            self._books.clear()
            self._doubted.clear()
            await socket.close()
        return lost

    async def _speak(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Say what is wanted, first and whenever it changes, and PING in between; ends with the connection."""
        with suppress(aiohttp.ClientError, ConnectionError):
            said = self._wanted()
            await socket.send_json({"type": "market", "assets_ids": _texts(said), "custom_feature_enabled": False})
            while True:
                self._news.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._pulse.ping_s):
                        await self._news.wait()
                said = await self._say_anew(socket, said)
                await socket.send_str("PING")

    async def _say_anew(self, socket: aiohttp.ClientWebSocketResponse, said: frozenset[TokenId]) -> frozenset[TokenId]:
        """Change the subscription to what is wanted now; a book that is doubted is subscribed to anew."""
        wanted, doubted = self._wanted(), frozenset(self._doubted)
        self._doubted.clear()
        for operation, tokens in (
            ("unsubscribe", said - (wanted - doubted)),
            ("subscribe", wanted - (said - doubted)),
        ):
            if tokens:
                await socket.send_json({"operation": operation, "assets_ids": _texts(tokens)})
        for token_id in self._books.keys() - wanted:
            del self._books[token_id]
        return wanted

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse) -> str:
        while True:
            try:
                message = await socket.receive(timeout=self._pulse.silence_s)
            except TimeoutError:
                return f"nothing was heard for {self._pulse.silence_s} s"
            if message.type is not aiohttp.WSMsgType.TEXT:
                return f"the connection ended ({message.type.name.lower()})"
            self._is_heard = True
            if message.data != "PONG":
                self._hear(message.data)

    def _hear(self, text: str) -> None:
        try:
            events = loads(text.encode())
            for event in events if isinstance(events, list) else [events]:
                self._take(event)
        except Malformed as error:
            for token_id in tuple(self._books):
                self._doubt(token_id)
            if self._ignored.add(_IGNORED):
                log.warning("ignored", what=_IGNORED, error=str(error), times=self._ignored.counts()[_IGNORED])

    def _take(self, event: Any) -> None:
        match mapping(event).get("event_type"):
            case "book" if (token_id := token_of(event)) in self._in_play:
                self._books[token_id] = _Live(book=LiveBook.of(event), heard_us=self._clock.now_us())
            case "price_change":
                self._change(sequence(event, "price_changes"), timestamp_us(event))
            case "tick_size_change":
                self._on_tick(token_of(event))
            case _:
                pass  # trades, and what is said of markets

    def _change(self, changes: list[Any], as_of_us: int) -> None:
        """Apply changes, and doubt the books that are newer than them or disagree with them afterwards."""
        last = {token_of(change): change for change in changes}
        for token_id in last.keys() & self._books.keys():
            if as_of_us < self._books[token_id].book.as_of_us:
                self._doubt(token_id)
        for change in changes:
            if live := self._books.get(token_of(change)):
                live.book.change(change, as_of_us)
                live.heard_us = self._clock.now_us()
        for token_id in last.keys() & self._books.keys():
            if not self._books[token_id].book.agrees(last[token_id]):
                self._doubt(token_id)

    def _doubt(self, token_id: TokenId) -> None:
        """Forget a book of which something was missed, until the venue has sent it whole."""
        self._books.pop(token_id, None)
        self._doubted.add(token_id)

    def _wanted(self) -> frozenset[TokenId]:
        oldest_us = self._clock.now_us() - IN_PLAY_US
        while self._in_play and next(iter(self._in_play.values())) < oldest_us:
            self._in_play.popitem(last=False)
        return frozenset(self._in_play)


def _texts(token_ids: Collection[TokenId]) -> list[str]:
    return [str(token_id) for token_id in sorted(token_ids)]
