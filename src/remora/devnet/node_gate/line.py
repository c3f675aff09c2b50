"""One WebSocket through the gate: what the client asks goes in, answers and events come out.

It knows the client's subscriptions, because their events can be kept, changed, sent late or made up.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import aiohttp
from aiohttp import WSMsgType, web

from remora.devnet.faults.board import Board
from remora.devnet.faults.node import LaggingHead, NodeClose, NodeSilence
from remora.devnet.faults.occasion import occasion
from remora.devnet.node_gate.alchemy import ALCHEMY, for_chain, for_client
from remora.devnet.node_gate.lies import Closed, Liar
from remora.devnet.node_gate.messages import Frame, dumps, read_frame
from remora.devnet.turns import Turns

_SUBSCRIBING = ("eth_subscribe", "eth_unsubscribe")
_LAG_POLL_S = 0.05
Taken = Callable[[str], Frame | None]
"""What of a client's message the gate answers itself; None when the chain shall."""
Answered = Callable[[Frame], Awaitable[str]]


class Line:
    """A client, the chain, and the subscriptions between them."""

    def __init__(
        self,
        *,
        client: web.WebSocketResponse,
        chain: aiohttp.ClientWebSocketResponse,
        board: Board,
        node: int,
        liar: Liar,
        turns: Turns,
    ) -> None:
        self._client = client
        self._chain = chain
        self._board = board
        self._node = node
        self._liar = liar
        self._turns = turns
        #: What eth_subscribe asked for, by the request's id until it is answered, then by the subscription's.
        self._asked: dict[Any, tuple[Any, ...]] = {}
        self._subscriptions: dict[str, tuple[Any, ...]] = {}

    def log_subscriptions(self) -> list[tuple[str, dict[str, Any]]]:
        """Return the subscriptions to logs as they are now, with their criteria."""
        return [
            (key, params[1] if len(params) > 1 else {})
            for key, params in self._subscriptions.items()
            if params[:1] == ("logs",)
        ]

    async def carry(self, is_lying: Callable[[], bool], taken: Taken, answered: Answered) -> None:
        """Carry messages both ways until either side closes or a fault ends it."""
        async with asyncio.TaskGroup() as group:
            pumps = {
                group.create_task(self._inwards(taken, answered, group)),
                group.create_task(self._outwards(is_lying, group)),
            }
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            await self.close()
            for pump in pumps:
                pump.cancel()

    async def close(self) -> None:
        """Close both sides."""
        await self._client.close()
        await self._chain.close()

    async def notify(self, subscription: str, payload: Any) -> None:
        """Send an event of a subscription."""
        params = {"subscription": subscription, "result": payload}
        await self._tell(dumps({"jsonrpc": "2.0", "method": "eth_subscription", "params": params}))

    async def _inwards(self, taken: Taken, answered: Answered, group: asyncio.TaskGroup) -> None:
        async for message in self._client:
            if message.type is not WSMsgType.TEXT:
                continue
            frame = None
            if any(method in message.data for method in _SUBSCRIBING):
                self._note_subscribing(message.data)
            else:
                frame = taken(message.data)
            if frame is None:
                async with self._turns.turn():
                    with suppress(ConnectionError):  # the chain's end of the line knows
                        await self._chain.send_str(for_chain(message.data))
            else:
                group.create_task(self._reply(frame, answered))

    async def _reply(self, frame: Frame, answered: Answered) -> None:
        try:
            async with self._turns.turn():
                answer = await answered(frame)
            await self._tell(answer)
        except Closed:
            await self._client.close()

    async def _outwards(self, is_lying: Callable[[], bool], group: asyncio.TaskGroup) -> None:
        async for message in self._chain:
            if message.type is not WSMsgType.TEXT:
                continue
            if self._asked:
                self._note_subscribed(message.data)
            frame = self._as_asked(message.data)
            if frame is None:
                continue
            if not is_lying():
                await self._tell(frame)
            elif not await self._bend(frame, group):
                return

    def _as_asked(self, frame: str) -> str | None:
        """Return a frame as the client asked for it, None for an event that it did not ask for."""
        for key, params in self._subscriptions.items():
            if params[:1] == (ALCHEMY,) and key in frame and '"method"' in frame:
                return for_client(frame, params)
        return frame

    async def _bend(self, frame: str, group: asyncio.TaskGroup) -> bool:
        """Send what a fault leaves of a frame; tell whether the connection lives on."""
        content = json.loads(frame)
        params = content.get("params") if isinstance(content, dict) else None
        if params is None:
            await self._tell(frame)
            return True
        kind = str(self._subscriptions.get(params["subscription"], ("",))[0])
        heard = occasion(kind, frame, node=self._node)
        if self._board.take(NodeClose, heard):
            return False
        if self._board.take(NodeSilence, heard):
            return True
        if fault := self._board.take(LaggingHead, heard):
            group.create_task(self._tell_late(kind, params["subscription"], params["result"], fault.blocks))
        else:
            await self._tell(frame)
        return True

    async def _tell_late(self, kind: str, subscription: str, payload: Any, blocks: int) -> None:
        """Send a head when the chain is so many blocks beyond it, and a log when its block may be seen."""
        at = {"newHeads": "number", "logs": "blockNumber"}.get(kind)
        if at is not None:
            number = int(payload[at], 16)
            while await self._liar.head() < number + blocks and not self._client.closed:
                await asyncio.sleep(_LAG_POLL_S)
        await self.notify(subscription, payload)

    def _note_subscribing(self, frame: str) -> None:
        asked = read_frame(frame)
        for call in asked.calls if asked else ():
            if call.method == "eth_subscribe":
                self._asked[call.id] = call.params
            elif call.method == "eth_unsubscribe" and call.params:
                self._subscriptions.pop(call.params[0], None)

    def _note_subscribed(self, frame: str) -> None:
        content = json.loads(frame)
        for answer in content if isinstance(content, list) else [content]:
            params = self._asked.pop(answer.get("id"), None)
            if params is not None and "result" in answer:
                self._subscriptions[answer["result"]] = params

    async def _tell(self, frame: str) -> None:
        with suppress(ConnectionError):  # the client has left, and its end of the line knows
            await self._client.send_str(frame)
