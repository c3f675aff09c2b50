"""A WebSocket client that sends nothing, not even its PING, is disconnected; one that does stays."""

from __future__ import annotations

import asyncio
import time

import aiohttp
import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer

from remora.devnet.clob.connection import SILENCE_S, Connection
from remora.devnet.faults.board import Board
from remora.devnet.faults.stream_tap import BOARD

pytestmark = pytest.mark.asyncio(loop_scope="session")

_SILENCE_S, _PING_S = 4.0, 0.5


async def _serve(request: web.Request) -> web.StreamResponse:
    return await Connection().serve(request, lambda _: True)


def _application() -> web.Application:
    application = web.Application()
    application[BOARD] = Board(time.monotonic)
    application[SILENCE_S] = _SILENCE_S
    application.router.add_get("/", _serve)
    return application


async def test_silence_ends_a_connection_and_pings_keep_it() -> None:
    async with (
        TestServer(_application()) as server,
        aiohttp.ClientSession() as session,
        session.ws_connect(server.make_url("/")) as silent,
        session.ws_connect(server.make_url("/")) as lively,
        asyncio.timeout(30),
    ):
        for _ in range(9):
            await asyncio.sleep(_PING_S)
            await lively.send_str("PING")
            assert await lively.receive_str() == "PONG"
        assert (await silent.receive()).type is WSMsgType.CLOSE
