"""Serves the control API on loopback: JSON in and out, every request whole or not at all.

`GET /catalogue`, `GET /faults`, `POST /faults {"faults": [...]}`, `DELETE /faults`, `DELETE /faults/{id}`. What is
wrong is answered with 400 and `{"problems": [{"place": [...], "text": ...}]}`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Protocol

from aiohttp import web

from remora.devnet.faults.board import Active, Board
from remora.devnet.faults.catalogue import Invalid, Problem, listed, read, written
from remora.devnet.faults.fault import Fault, Instant, Lasting
from remora.domain.errors import Refused


class Deeds(Protocol):
    """Who does the faults that are done once."""

    def check(self, fault: Instant) -> str | None:
        """Return why a fault cannot be done on this devnet, if so."""
        ...

    async def do(self, fault: Instant) -> None:
        """Do it."""
        ...

    async def mend(self) -> None:
        """Undo what goes on after a fault has struck."""
        ...


class Control:
    """The requests, one after another."""

    def __init__(self, board: Board, deeds: Deeds) -> None:
        self._board = board
        self._deeds = deeds
        self._one_at_a_time = asyncio.Lock()

    def routes(self) -> list[web.RouteDef]:
        """Return everything that is served."""
        return [
            web.get("/catalogue", self._catalogue),
            web.get("/faults", self._list),
            web.post("/faults", self._inject),
            web.delete("/faults", self._clear),
            web.delete(r"/faults/{id:\d{1,9}}", self._clear),
        ]

    async def _catalogue(self, _: web.Request) -> web.Response:
        return _answer({"faults": listed()})

    async def _list(self, _: web.Request) -> web.Response:
        return _answer({"active": [_shown(active) for active in self._board.active()]})

    async def _inject(self, request: web.Request) -> web.Response:
        faults = read(_parsed(await request.read()))
        async with self._one_at_a_time:
            self._check(faults)
            injected = await self._apply(faults)
        done = [written(fault) for fault in faults if isinstance(fault, Instant)]
        return _answer({"injected": [_shown(active) for active in injected], "done": done})

    async def _clear(self, request: web.Request) -> web.Response:
        number = request.match_info.get("id")
        cleared = self._board.clear(None if number is None else int(number))
        if number is None:
            await self._deeds.mend()
        elif not cleared:
            raise Invalid(Problem(place=("id",), text=f"no fault {number} is active"))
        return _answer({"cleared": [_shown(active) for active in cleared]})

    def _check(self, faults: Sequence[Fault]) -> None:
        reasons = [self._deeds.check(fault) if isinstance(fault, Instant) else None for fault in faults]
        problems = [
            Problem(place=("faults", index), text=reason) for index, reason in enumerate(reasons) if reason is not None
        ]
        if problems:
            raise Invalid(*problems)

    async def _apply(self, faults: Sequence[Fault]) -> list[Active]:
        """Apply faults in order; when the chain refuses one, take back those that last."""
        injected: list[Active] = []
        for index, fault in enumerate(faults):
            if isinstance(fault, Lasting):
                injected.append(self._board.inject(fault))
                continue
            assert isinstance(fault, Instant)
            try:
                await self._deeds.do(fault)
            except Refused as refused:
                for active in injected:
                    self._board.clear(active.id)
                raise Invalid(Problem(place=("faults", index), text=f"the chain refused: {refused}")) from None
        return injected


@asynccontextmanager
async def serving(control: Control) -> AsyncIterator[str]:
    """Serve the control API on a free port and yield its URL."""
    application = web.Application(middlewares=[_problems])
    application.add_routes(control.routes())
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
        problems = [{"place": problem.place, "text": problem.text} for problem in invalid.problems]
        return _answer({"problems": problems}, HTTPStatus.BAD_REQUEST)


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Invalid(Problem(place=(), text=f"expected JSON: {error}")) from None


def _shown(active: Active) -> dict[str, object]:
    return {"id": active.id, "struck": active.struck, **written(active.fault)}


def _answer(value: object, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    return web.Response(body=json.dumps(value).encode(), status=status, content_type="application/json")
