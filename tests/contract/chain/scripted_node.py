"""A node that says what a test tells it to: for answers that a well-behaved node does not give."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web

_PORT_OF_ADDRESS = 1


@dataclass(frozen=True, slots=True)
class Peer:
    """One connection, as the node sees it."""

    socket: web.WebSocketResponse

    async def hear(self) -> Any:
        """Return the next frame that arrives."""
        return json.loads(await self.socket.receive_str())

    async def say(self, message: Any) -> None:
        await self.socket.send_str(json.dumps(message))

    async def answer(self, request: Any, result: Any) -> None:
        await self.say({"jsonrpc": "2.0", "id": request["id"], "result": result})

    async def refuse(self, request: Any, code: int, message: str) -> None:
        await self.say({"jsonrpc": "2.0", "id": request["id"], "error": {"code": code, "message": message}})

    async def hang_up(self) -> None:
        await self.socket.close()

    async def idle(self) -> None:
        """Answer nothing until the other side leaves."""
        async for _ in self.socket:
            pass


Script = Callable[[Peer], Awaitable[None]]


@asynccontextmanager
async def scripted_node(script: Script, *, status: int = 200) -> AsyncIterator[str]:
    """Run a node and yield its URL. Each connection runs the script; `status` other than 200 denies them all."""

    async def connect(request: web.Request) -> web.StreamResponse:
        if status != 200:
            return web.Response(status=status)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await script(Peer(socket))
        return socket

    app = web.Application()
    app.router.add_get("/{key}", connect)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"ws://127.0.0.1:{runner.addresses[0][_PORT_OF_ADDRESS]}/secret-key"
    finally:
        await runner.cleanup()
        await asyncio.sleep(0)
