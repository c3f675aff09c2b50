"""Requests and answers over HTTP: compact JSON in one write, errors as the venue words them, never a stack trace."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, TypeAlias

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Middleware

from remora.devnet.clob import refusals
from remora.devnet.clob.auth import ApiKey, Gatekeeper
from remora.domain.errors import Refused

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

_LEFT_HEADERS = web.RequestKey("headers of the answer", dict[str, str])

#: Pages of lists are so long; the cursor is the base64 of the next offset.
PAGE_LENGTH = 100
END_CURSOR = "LTE="
_SECONDS = re.compile(r"\d{1,12}", re.ASCII)


def dumps(value: object) -> str:
    """Return compact JSON."""
    return json.dumps(value, separators=(",", ":"))


def answer(value: object, status: HTTPStatus = HTTPStatus.OK, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return a JSON response."""
    return web.Response(body=dumps(value).encode(), status=status, content_type="application/json", headers=headers)


def parse(body: bytes, refusal: Callable[[], refusals.Refusal]) -> Any:
    """Parse a JSON body; refuse what is none. An empty body is null."""
    if not body:
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise refusal() from None


def page(items: Sequence[Any], cursor: str | None) -> tuple[Sequence[Any], str]:
    """Return the page that a cursor points at, and the next cursor; refuse a cursor that was never given out."""
    start = _offset(cursor) if cursor else 0
    end = start + PAGE_LENGTH
    following = base64.b64encode(str(end).encode()).decode() if end < len(items) else END_CURSOR
    return items[start:end], following


def seconds(text: str | None) -> int | None:
    """Parse unix seconds of a query; None where there are none."""
    if not text:
        return None
    if not _SECONDS.fullmatch(text):
        raise refusals.invalid_payload()
    return int(text)


async def caller_of(request: web.Request, gatekeeper: Gatekeeper) -> ApiKey:
    """Return the API key that signs a request; refuse one that none signs."""
    path = request.raw_path.partition("?")[0]
    return gatekeeper.authenticate(request.headers, request.method, path, await request.read())


def _offset(cursor: str) -> int:
    try:
        return max(0, int(base64.b64decode(cursor, validate=True)))
    except (binascii.Error, ValueError):
        raise refusals.invalid_payload() from None


@web.middleware
async def with_left_headers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give the answer, whatever it became, the headers that were left for it."""
    response = await handler(request)
    if headers := request.get(_LEFT_HEADERS):
        response.headers.update(headers)
    return response


def leave_headers(request: web.Request, headers: Mapping[str, str]) -> None:
    """Leave headers for the answer, which may yet be a refusal."""
    request[_LEFT_HEADERS] = dict(headers)


def admitted_by(admit: Callable[[str, str, str], None]) -> Middleware:
    """Return a middleware that asks `admit`, with IP, method and path, before anything is done."""

    @web.middleware
    async def admitted(request: web.Request, handler: Handler) -> web.StreamResponse:
        admit(request.remote or "", request.method, request.path)
        return await handler(request)

    return admitted


@web.middleware
async def plain_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer refusals, wrong addresses and a chain that does not answer with the venue's error object."""
    try:
        return await handler(request)
    except refusals.Refusal as refusal:
        return answer({"error": refusal.text}, refusal.status, refusal.headers)
    except web.HTTPException as error:
        return answer({"error": error.reason}, HTTPStatus(error.status))
    except (aiohttp.ClientConnectionError, TimeoutError, Refused):
        return answer(
            {"error": "Trading is currently disabled. Check polymarket.com for updates"},
            HTTPStatus.SERVICE_UNAVAILABLE,
        )
