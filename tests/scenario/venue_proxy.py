"""A proxy before the order book, whose traps know a request by method and path: "POST /order"."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from tests.scenario.traps import Belied, Moment, Swallowed, Traps

Refusal = Callable[[web.Request], web.Response | None]
"""What is answered in the venue's place; None lets a request pass."""

_PASSED_ON = ("Content-Type", "Retry-After")


class VenueProxy:
    """Forwards every request to the venue unless a refusal or a trap keeps it."""

    def __init__(self, venue_url: str, traps: Traps, session: aiohttp.ClientSession) -> None:
        self.url = ""
        self.refusals: list[Refusal] = []
        self._venue_url = venue_url
        self._traps = traps
        self._session = session

    async def serve(self, request: web.Request) -> web.StreamResponse:
        for refusal in self.refusals:
            if refused := refusal(request):
                return refused
        name = f"{request.method} {request.path}"
        try:
            await self._traps.pass_by(name, Moment.BEFORE)
            response = await self._forward(request)
            await self._traps.pass_by(name, Moment.AFTER)
        except (Swallowed, aiohttp.ServerDisconnectedError):  # what the venue drops is dropped here, too
            if request.transport:
                request.transport.abort()
            return web.Response()
        except Belied as lie:
            return web.json_response({"error": str(lie)}, status=400)
        return response

    async def _forward(self, request: web.Request) -> web.Response:
        headers = {key: value for key, value in request.headers.items() if key not in {"Host", "Content-Length"}}
        async with self._session.request(
            request.method,
            self._venue_url + request.path_qs,
            headers=headers,
            data=await request.read(),
            allow_redirects=False,
        ) as response:
            passed_on = {key: response.headers[key] for key in _PASSED_ON if key in response.headers}
            return web.Response(status=response.status, body=await response.read(), headers=passed_on)


@asynccontextmanager
async def venue_proxy(venue_url: str, traps: Traps) -> AsyncIterator[VenueProxy]:
    """Run a proxy on a free port."""
    async with aiohttp.ClientSession() as session:
        proxy = VenueProxy(venue_url, traps, session)
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", proxy.serve)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            proxy.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield proxy
        finally:
            await runner.cleanup()
