"""One client's WebSocket: events are queued and written by a task of its own, so that nobody waits for a slow reader.

All channels speak text: `PING` is answered by `PONG`, everything else is JSON (polymarket.md 4).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from aiohttp import WSCloseCode, WSMsgType, web

from remora.devnet.faults.stream_tap import BOARD, Closing, StreamTap

#: How long a client may send nothing, not even the PING that is due every 10 s (5 s on the real-time channel).
SILENCE_S = web.AppKey("silence_s", float)
_CLOSINGS = frozenset({WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR})
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
        """Answer pings and hand other text frames on.

        Returns when either side closes, when `on_frame` returns False, or when the client has been silent too long.
        """
        await self._socket.prepare(request)
        async with asyncio.TaskGroup() as group:
            writer = group.create_task(self._write(StreamTap(request.app[BOARD], request.path)))
            with contextlib.suppress(TimeoutError):
                await self._read(on_frame, request.app[SILENCE_S])
            writer.cancel()
        await self.close(WSCloseCode.OK)
        return self._socket

    async def close(self, code: WSCloseCode = WSCloseCode.GOING_AWAY) -> None:
        """Close the socket; nothing happens when it is closed."""
        await self._socket.close(code=code)

    async def _read(self, on_frame: Callable[[str], bool], silence_s: float) -> None:
        """Heed frames until there are no more; TimeoutError after so much silence."""
        while (message := await self._socket.receive(timeout=silence_s)).type not in _CLOSINGS:
            if message.type is not WSMsgType.TEXT:
                continue
            if message.data == "PING":
                self.send("PONG")
            elif not on_frame(message.data):
                return

    async def _write(self, tap: StreamTap) -> None:
        with contextlib.suppress(ConnectionError):
            try:
                while True:
                    for frame in tap.passed(await self._outgoing.get()):
                        await self._socket.send_str(frame)
            except Closing:
                await self.close()
