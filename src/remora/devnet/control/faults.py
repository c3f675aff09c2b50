"""The control API's requests about faults: listed, injected and cleared, every request whole or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from aiohttp import web

from remora.devnet.control.server import answer, parsed
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


class FaultControl:
    """What is asked of faults."""

    def __init__(self, board: Board, deeds: Deeds, alone: asyncio.Lock) -> None:
        self._board = board
        self._deeds = deeds
        self._alone = alone

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
        return answer({"faults": listed()})

    async def _list(self, _: web.Request) -> web.Response:
        return answer({"active": [_shown(active) for active in self._board.active()]})

    async def _inject(self, request: web.Request) -> web.Response:
        faults = read(parsed(await request.read()))
        async with self._alone:
            self._check(faults)
            injected = await self._apply(faults)
        done = [written(fault) for fault in faults if isinstance(fault, Instant)]
        return answer({"injected": [_shown(active) for active in injected], "done": done})

    async def _clear(self, request: web.Request) -> web.Response:
        number = request.match_info.get("id")
        async with self._alone:  # a pause that is being set would outlast its end
            cleared = self._board.clear(None if number is None else int(number))
            if number is None:
                await self._deeds.mend()
        if number is not None and not cleared:
            raise Invalid(Problem(place=("id",), text=f"no fault {number} is active"))
        return answer({"cleared": [_shown(active) for active in cleared]})

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


def _shown(active: Active) -> dict[str, object]:
    return {"id": active.id, "struck": active.struck, **written(active.fault)}
