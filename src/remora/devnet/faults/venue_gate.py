"""Applies the faults of the HTTP API to the order-book server's requests, outside of everything else it does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Middleware

from remora.devnet.faults.board import Board
from remora.devnet.faults.occasion import Occasion, occasion
from remora.devnet.faults.venue import (
    CancelOnly,
    DropAfter,
    DropBefore,
    ErrorAfter,
    ErrorBefore,
    NullHashes,
    PostOnly,
    RateLimited,
    Restarting,
    StaleBook,
    TimeoutAfter,
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_VENUE_FAULTS = (
    *(ErrorBefore, ErrorAfter, DropBefore, DropAfter, TimeoutAfter),
    *(Restarting, RateLimited, PostOnly, CancelOnly, NullHashes, StaleBook),
)


class VenueGate:
    """A middleware that lets requests pass unless a fault on the board strikes them."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._stale: dict[str, web.Response] = {}

    def middleware(self) -> Middleware:
        """Return what goes first among an application's middlewares."""

        @web.middleware
        async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
            is_stream = request.headers.get("Upgrade", "").lower() == "websocket"
            if is_stream or not self._board.holds(*_VENUE_FAULTS):
                self._stale.clear()
                return await handler(request)
            return await self._pass(request, handler)

        return gate

    async def _pass(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        body = (await request.read()).decode(errors="replace")
        texts = (request.headers.get("POLY_ADDRESS", ""), request.path_qs, body)
        asked = occasion(f"{request.method} {request.path}", *texts)
        if self._board.take(DropBefore, asked):
            return _broken(request)
        if refused := self._refusal(asked):
            return refused
        if self._board.take(StaleBook, asked):
            return await self._stale_answer(request, handler, f"{request.path_qs} {body}")
        return await self._after(request, asked, await handler(request))

    def _refusal(self, asked: Occasion) -> web.Response | None:
        take = self._board.take
        if take(ErrorBefore, asked):
            return _error(HTTPStatus.INTERNAL_SERVER_ERROR, "could not insert order")
        if fault := take(Restarting, asked):
            return _later(HTTPStatus.TOO_EARLY, "the matching engine is restarting", fault.retry_after_s)
        if fault_ := take(RateLimited, asked):
            return _later(HTTPStatus.TOO_MANY_REQUESTS, "Too Many Requests", fault_.retry_after_s)
        if take(PostOnly, asked):
            text = "post-only mode: only post-only orders and cancels are allowed"
            return _error(HTTPStatus.SERVICE_UNAVAILABLE, text, code="post_only_mode")
        if take(CancelOnly, asked):
            return _error(HTTPStatus.SERVICE_UNAVAILABLE, "trading is in cancel-only mode")
        return None

    async def _after(self, request: web.Request, asked: Occasion, answered: web.StreamResponse) -> web.StreamResponse:
        take = self._board.take
        if fault := take(TimeoutAfter, asked):
            await asyncio.sleep(fault.hold_s)
            return _broken(request)
        if take(DropAfter, asked):
            return _broken(request)
        if take(ErrorAfter, asked):
            return _error(HTTPStatus.INTERNAL_SERVER_ERROR, "internal server error")
        if isinstance(answered, web.Response) and answered.status == HTTPStatus.OK and take(NullHashes, asked):
            return _json(_without_hashes(json.loads(answered.text or "null")))
        return answered

    async def _stale_answer(self, request: web.Request, handler: Handler, key: str) -> web.StreamResponse:
        if (known := self._stale.get(key)) is None:
            fresh = await handler(request)
            if not isinstance(fresh, web.Response) or fresh.status != HTTPStatus.OK:
                return fresh
            known = self._stale[key] = fresh
        return web.Response(body=known.body, content_type="application/json")


def _without_hashes(answered: Any) -> Any:
    if isinstance(answered, list):
        return [_without_hashes(each) for each in answered]
    return {**answered, "transactionsHashes": None}


def _broken(request: web.Request) -> web.Response:
    """Reset the connection; what is returned reaches nobody."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _later(status: HTTPStatus, text: str, retry_after_s: int) -> web.Response:
    response = _error(status, text)
    response.headers["Retry-After"] = str(retry_after_s)
    return response


def _error(status: HTTPStatus, text: str, **more: str) -> web.Response:
    return _json({"error": text, **more}, status)


def _json(value: object, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    return web.Response(body=json.dumps(value).encode(), status=status, content_type="application/json")
