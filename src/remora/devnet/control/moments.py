"""The control API's requests about moments: snapshots of everything, and the time.

`GET /snapshots`, `POST /snapshots {"name": ...}`, and the same body to `/snapshots/restore` and to
`/snapshots/delete`; `GET /time`, `POST /time/advance {"seconds": ...}`.
"""

from __future__ import annotations

import asyncio

from aiohttp import web
from pydantic import Field

from remora.devnet.clock import wall_s
from remora.devnet.control.server import answer, parsed
from remora.devnet.control.snapshots import Snapshots
from remora.devnet.control.terms import Terms, read_terms
from remora.devnet.control.world import World

#: Farther than any end date or session key.
_LONGEST_S = 10 * 365 * 86_400


class Named(Terms):
    """Which snapshot is meant."""

    name: str


class Advance(Terms):
    """How far the time shall jump."""

    seconds: int = Field(ge=1, le=_LONGEST_S)


class MomentControl:
    """What is asked of snapshots and of the time."""

    def __init__(self, snapshots: Snapshots, world: World, alone: asyncio.Lock) -> None:
        self._snapshots = snapshots
        self._world = world
        self._alone = alone

    def routes(self) -> list[web.RouteDef]:
        """Return everything that is served."""
        return [
            web.get("/snapshots", self._list),
            web.post("/snapshots", self._save),
            web.post("/snapshots/restore", self._restore),
            web.post("/snapshots/delete", self._delete),
            web.get("/time", self._time),
            web.post("/time/advance", self._advance),
        ]

    async def _list(self, _: web.Request) -> web.Response:
        return answer({"snapshots": [snapshot.shown() for snapshot in self._snapshots.listed()]})

    async def _save(self, request: web.Request) -> web.Response:
        wanted = read_terms(Named, parsed(await request.read()))
        async with self._alone:
            return answer({"saved": (await self._snapshots.save(wanted.name)).shown()})

    async def _restore(self, request: web.Request) -> web.Response:
        wanted = read_terms(Named, parsed(await request.read()))
        async with self._alone:
            return answer({"restored": (await self._snapshots.restore(wanted.name)).shown()})

    async def _delete(self, request: web.Request) -> web.Response:
        wanted = read_terms(Named, parsed(await request.read()))
        async with self._alone:
            return answer({"deleted": self._snapshots.delete(wanted.name).shown()})

    async def _time(self, _: web.Request) -> web.Response:
        return answer(self._told(self._world.clock.now_s()))

    async def _advance(self, request: web.Request) -> web.Response:
        wanted = read_terms(Advance, parsed(await request.read()))
        async with self._alone:
            return answer(self._told(await self._world.advance(wanted.seconds)))

    def _told(self, now_s: int) -> dict[str, int]:
        """Tell the venue's time, and how far it is from the computer's."""
        return {"now_s": now_s, "ahead_s": now_s - wall_s()}
