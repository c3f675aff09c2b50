"""One client's WebSocket: events are queued and written by a task of its own, so that nobody waits for a slow reader.

Both channels speak text: `PING` is answered by `PONG`, everything else is JSON (polymarket.md 4).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from aiohttp import WSCloseCode, WSMsgType, web

_MAX_FRAMES_BEHIND = 20_000
_MAX_FRAME_BYTES = 2**20


class Connection:
    """A socket and what is still to be written to it."""

    def __init__(self) -> None:
        self._socket = web.WebSocketResponse(max_msg_size=_MAX_FRAME_BYTES)
        self._outgoing: asyncio.Queue[str] = asyncio.Queue(_MAX_FRAMES_BEHIND)

    def send(self, text: str) -> None:
        """Queue a frame; a client that is too far behind loses its connection instead."""
        try:
            self._outgoing.put_nowait(text)
        except asyncio.QueueFull:
            transport: asyncio.Transport | None = self._socket.get_extra_info("transport")
            if transport is not None:
                transport.abort()

    async def serve(self, request: web.Request, on_frame: Callable[[str], bool]) -> web.WebSocketResponse:
        """Answer pings and hand other text frames on, until either side closes or `on_frame` returns False."""
        await self._socket.prepare(request)
        async with asyncio.TaskGroup() as group:
            writer = group.create_task(self._write())
            async for message in self._socket:
                if message.type is not WSMsgType.TEXT:
                    continue
                if message.data == "PING":
                    self.send("PONG")
                elif not on_frame(message.data):
                    break
            writer.cancel()
        await self.close(WSCloseCode.OK)
        return self._socket

    async def close(self, code: WSCloseCode = WSCloseCode.GOING_AWAY) -> None:
        """Close the socket; nothing happens when it is closed."""
        await self._socket.close(code=code)

    async def _write(self) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                await self._socket.send_str(await self._outgoing.get())
