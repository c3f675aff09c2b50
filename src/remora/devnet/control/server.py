"""Serves the control API on loopback: JSON in and out, every request whole or not at all.

`/faults` and `/catalogue` break the devnet (faults.py); `/accounts` and `/markets` add to it (demand.py). What is wrong
is answered with 400 and `{"problems": [{"place": [...], "text": ...}]}`.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from http import HTTPStatus

from aiohttp import web

from remora.devnet.faults.catalogue import Invalid, Problem
from remora.domain.errors import Refused


@asynccontextmanager
async def serving(routes: Iterable[web.RouteDef]) -> AsyncIterator[str]:
    """Serve the control API on a free port and yield its URL."""
    application = web.Application(middlewares=[_problems])
    application.add_routes(routes)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@web.middleware
async def _problems(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except Invalid as invalid:
        return _told(invalid.problems)
    except Refused as refused:
        return _told([Problem(place=(), text=f"the chain refused: {refused}")])


def _told(problems: Iterable[Problem]) -> web.Response:
    told = [{"place": problem.place, "text": problem.text} for problem in problems]
    return answer({"problems": told}, HTTPStatus.BAD_REQUEST)


def parsed(body: bytes) -> object:
    """Parse a request's JSON; raise `Invalid` for what is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Invalid(Problem(place=(), text=f"expected JSON: {error}")) from None


def answer(value: object, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    """Answer with JSON."""
    return web.Response(body=json.dumps(value).encode(), status=status, content_type="application/json")
