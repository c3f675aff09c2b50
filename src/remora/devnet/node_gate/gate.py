"""A node as the devnet's clients see it: HTTP and WebSocket JSON-RPC on one port, before the chain.

Without an active fault every byte passes as it is, but for reads of one block's state, which the chain gets wrong. With
one, requests go to the chain one by one and come back bent; events of subscriptions are kept, changed or sent late.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import aiohttp
from aiohttp import web

from remora.devnet.faults.node import NODE_FAULTS
from remora.devnet.node_gate.lies import Closed, Liar
from remora.devnet.node_gate.line import Line
from remora.devnet.node_gate.messages import Call, Frame, dumps, read_frame
from remora.devnet.node_gate.steady import may_read_a_block, reads_a_block, steadily
from remora.devnet.remembering import Part
from remora.devnet.shared import Shared
from remora.devnet.turns import in_turns

_LARGEST_BYTES = 64 * 2**20


class NodeGate:
    """One node, of number `node` from 1."""

    def __init__(
        self,
        *,
        node: int,
        chain_url: str,
        chain_ws_url: str,
        shared: Shared,
        session: aiohttp.ClientSession,
    ) -> None:
        self.url = ""
        self._chain_url = chain_url
        self._chain_ws_url = chain_ws_url
        self._board = shared.faults
        self._turns = shared.turns
        self._node = node
        self._session = session
        self._liar = Liar(shared.faults, node, partial(steadily, self._ask))
        self._lines: set[Line] = set()

    @property
    def ws_url(self) -> str:
        return self.url.replace("http", "ws", 1)

    async def doomed_logs(self, depth: int) -> dict[Line, list[tuple[str, dict[str, Any]]]]:
        """Return what each line's subscriptions would lose with the last `depth` blocks, by subscription."""
        first = hex(await self._liar.head() - depth + 1)
        return {line: await self._doomed_of(line, first) for line in list(self._lines)}

    async def withdraw(self, lost: dict[Line, list[tuple[str, dict[str, Any]]]]) -> None:
        """Send logs of blocks that are gone once more, as removed."""
        for line, logs in lost.items():
            for subscription, log in logs:
                await line.notify(subscription, {**log, "removed": True})

    async def release_stuck(self) -> None:
        """Let transactions that were kept go to the chain."""
        for raw in self._liar.stuck.release():
            await self._ask(Call(id=0, method="eth_sendRawTransaction", params=(raw,)))

    async def post(self, request: web.Request) -> web.StreamResponse:
        """Serve requests over HTTP."""
        body = await request.read()
        frame = self._taken(body)
        if frame is None:
            return web.Response(body=await self._forwarded(body), content_type="application/json")
        try:
            answered = await self._answered(frame)
        except Closed:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return web.Response(body=answered.encode(), content_type="application/json")

    async def connect(self, request: web.Request) -> web.WebSocketResponse:
        """Serve requests and subscriptions over a WebSocket."""
        async with self._turns.turn():  # not to the chain that a snapshot is just replacing
            client = web.WebSocketResponse(max_msg_size=_LARGEST_BYTES, compress=False)
            await client.prepare(request)
        async with self._session.ws_connect(self._chain_ws_url, max_msg_size=_LARGEST_BYTES) as chain:
            line = Line(
                client=client, chain=chain, board=self._board, node=self._node, liar=self._liar, turns=self._turns
            )
            self._lines.add(line)
            try:
                await line.carry(self._is_lying, self._taken, self._answered)
            finally:
                self._lines.discard(line)
        return client

    def parts(self) -> list[Part]:
        """Return what remembers something."""
        return [self._liar.stuck]

    async def disconnect(self) -> None:
        """Close every WebSocket."""
        for line in list(self._lines):
            await line.close()

    def _is_lying(self) -> bool:
        return not self._liar.stuck.is_empty or self._board.holds(*NODE_FAULTS)

    def _taken(self, text: str | bytes) -> Frame | None:
        """Return what the gate asks for the client, call by call; None for what passes as it is."""
        if self._is_lying():
            return read_frame(text)
        frame = read_frame(text) if may_read_a_block(text) else None
        return frame if frame and any(map(reads_a_block, frame.calls)) else None

    async def _answered(self, frame: Frame) -> str:
        answers = [await self._liar.answer(call) for call in frame.calls]
        return dumps(answers if frame.is_batch else answers[0])

    async def _ask(self, call: Call) -> dict[str, Any]:
        answered: dict[str, Any] = json.loads(await self._forwarded(dumps(call.message()).encode()))
        return answered

    async def _forwarded(self, body: bytes) -> bytes:
        headers = {"Content-Type": "application/json"}
        async with self._session.post(self._chain_url, data=body, headers=headers) as response:
            return await response.read()

    async def _doomed_of(self, line: Line, first: str) -> list[tuple[str, dict[str, Any]]]:
        lost: list[tuple[str, dict[str, Any]]] = []
        for subscription, criteria in line.log_subscriptions():
            wanted = {**criteria, "fromBlock": first, "toBlock": "latest"}
            answered = await self._ask(Call(id=0, method="eth_getLogs", params=(wanted,)))
            lost += [(subscription, log) for log in answered.get("result", ())]
        return lost


@asynccontextmanager
async def node_gate(node: int, chain_url: str, chain_ws_url: str, shared: Shared) -> AsyncIterator[NodeGate]:
    """Serve a node on a free loopback port until the context ends."""
    async with aiohttp.ClientSession() as session:
        gate = NodeGate(node=node, chain_url=chain_url, chain_ws_url=chain_ws_url, shared=shared, session=session)

        async def disconnect(_: web.Application) -> None:
            await gate.disconnect()

        application = web.Application(client_max_size=_LARGEST_BYTES, middlewares=[in_turns(shared.turns)])
        application.add_routes([web.post("/", gate.post), web.get("/", gate.connect)])
        application.on_shutdown.append(disconnect)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            gate.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield gate
        finally:
            await runner.cleanup()
