"""The devnet's chain as the server follows it: block by block, in order, and back where a reorg took blocks.

New heads arrive over a WebSocket subscription; what they mean is read over HTTP. A subscription may fall silent, so the
chain is looked at now and then without one. Whoever doubts that the last block has been seen asks to catch up.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp

from remora.devnet.remembering import Remembering
from remora.devnet.rpc import Node
from remora.devnet.turns import Turns
from remora.domain.errors import Refused

_SUBSCRIBE = {"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]}
_RECONNECT_DELAY_S = 0.2
_LOOK_S = 1.0
#: Deeper reorgs do not happen on a devnet.
_REMEMBERED_BLOCKS = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block's place in the chain and in time, and the hashes of its transactions."""

    number: int
    hash: str
    parent_hash: str
    transactions: tuple[str, ...]
    timestamp_s: int = 0


class Listener(Protocol):
    """Who acts on blocks; called one after another, never concurrently, and again when it raised."""

    async def on_block(self, block: Block) -> None: ...

    async def on_reorg(self, first_lost: int) -> None: ...


class ChainFollower(Remembering):
    """Tells a listener every block once, in order."""

    remembered = ("_hashes", "_head")

    def __init__(self, node: Node, ws_url: str, listener: Listener, turns: Turns | None = None) -> None:
        self._node = node
        self._ws_url = ws_url
        self._listener = listener
        self._turns = turns or Turns()
        self._hashes: dict[int, str] = {}
        self._head = -1
        self._following = asyncio.Lock()

    async def run(self) -> None:
        """Follow until cancelled; a lost subscription is taken up again."""
        async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
            group.create_task(_repeated(self._take_turn, _LOOK_S))
            group.create_task(_repeated(lambda: self._follow(session), _RECONNECT_DELAY_S))

    async def catch_up(self) -> None:
        """Return when the listener has been told of what was the last block when this was called."""
        async with self._following:
            latest = await self._block("latest")
            if self._hashes.get(latest.number) == latest.hash:
                return
            for block in await self._unseen(latest):
                await self._advance(block)

    async def _follow(self, session: aiohttp.ClientSession) -> None:
        async with session.ws_connect(self._ws_url) as socket:
            await socket.send_str(json.dumps(_SUBSCRIBE))
            await self._take_turn()
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    await self._take_turn()

    async def _take_turn(self) -> None:
        async with self._turns.turn():
            await self.catch_up()

    async def _unseen(self, latest: Block) -> list[Block]:
        """Return the blocks from the last one seen, or the last one shared, to the latest."""
        unseen = [latest]
        while self._hashes and unseen[-1].number > min(self._hashes):
            first = unseen[-1]
            if self._hashes.get(first.number - 1) == first.parent_hash:
                break
            unseen.append(await self._block(hex(first.number - 1)))
        return unseen[::-1]

    async def _advance(self, block: Block) -> None:
        if block.number <= self._head:
            await self._listener.on_reorg(block.number)
        await self._listener.on_block(block)
        self._head = block.number
        self._hashes = {
            number: known
            for number, known in self._hashes.items()
            if block.number - _REMEMBERED_BLOCKS < number < block.number
        }
        self._hashes[block.number] = block.hash

    async def _block(self, number: str) -> Block:
        raw: dict[str, Any] | None = await self._node.call("eth_getBlockByNumber", number, False)
        if raw is None:
            raise Refused(f"the chain has no block {number} any more")
        return Block(
            number=int(raw["number"], 16),
            hash=raw["hash"],
            parent_hash=raw["parentHash"],
            transactions=tuple(raw["transactions"]),
            timestamp_s=int(raw["timestamp"], 16),
        )


async def _repeated(deed: Callable[[], Awaitable[None]], pause_s: float) -> None:
    """Do something again and again, whatever the chain says to it."""
    while True:
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, Refused):
            await deed()
        await asyncio.sleep(pause_s)
