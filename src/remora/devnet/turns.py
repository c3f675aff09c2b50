"""Turns: work that goes on side by side, and now and then somebody who must be alone.

Requests and the venue's own rounds take a turn each. A snapshot or a reorg waits until none is under way, and lets the
next ones wait until it is done: whoever asks meanwhile is answered a little later.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.typedefs import Middleware


class Turns:
    """Who works now. A turn must not be taken within a turn: who wants to be alone would wait in between forever."""

    def __init__(self) -> None:
        self._under_way = 0
        self._idle = asyncio.Event()
        self._open = asyncio.Event()
        self._open.set()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Work beside others, once nobody is alone."""
        await self._open.wait()
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Work while nobody else does; only one at a time may ask for it."""
        self._open.clear()
        try:
            while self._under_way:
                self._idle.clear()
                await self._idle.wait()
            yield
        finally:
            self._open.set()


def in_turns(turns: Turns) -> Middleware:
    """Return a middleware in which every request takes a turn, but for WebSockets, which would never give it back."""

    @web.middleware
    async def in_turn(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await handler(request)
        async with turns.turn():
            return await handler(request)

    return in_turn
