"""A proxy before the node's WebSocket, whose traps know what a transaction calls and whose receipt is asked for.

A transaction is named by its function ("deliver"), a request for a receipt by whether the supervisor sent that
transaction ("receipt of ours") or heard of it ("receipt of another's"), everything else by its method. The node's null,
for a receipt that is not there yet, is no answer to a trap.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from eth_utils.crypto import keccak
from hexbytes import HexBytes

from tests.scenario.traps import Moment, Swallowed, Traps

_FUNCTIONS = {
    keccak(text=signature)[:4]: signature.partition("(")[0]
    for signature in (
        "deliver(uint256,(bytes32,address,uint256,uint256)[])",
        "collect(uint256,(bytes32,address,uint256)[])",
        "remit((bytes32,address,uint256,uint256,uint256,uint256)[])",
        "refuel(address[],uint256[])",
        "transfer(address,uint256)",
        "approve(address,uint256)",
        "setApprovalForAll(address,bool)",
    )
}
_LARGEST_MESSAGE_BYTES = 64 * 2**20


class NodeProxy:
    """Forwards every frame to the node and back unless a trap keeps it.

    While it is `silent` it swallows the logs of subscriptions, and nothing else; while it is `forgetful` there are none
    when it is asked for them, either. Between `go_down` and `come_up` nobody
    is connected.
    """

    def __init__(self, node_url: str, traps: Traps, session: aiohttp.ClientSession) -> None:
        self.url = ""
        self.silent = False
        self.forgetful = False
        self._ours: set[str] = set()
        self._clients: set[web.WebSocketResponse] = set()
        self._is_up = True
        self._node_url = node_url
        self._traps = traps
        self._session = session

    async def go_down(self) -> None:
        """Cut all connections and refuse new ones."""
        self._is_up = False
        for client in tuple(self._clients):
            await client.close()

    def come_up(self) -> None:
        """Be there again."""
        self._is_up = True

    async def serve(self, request: web.Request) -> web.StreamResponse:
        if not self._is_up:
            return web.Response(status=503)
        client = web.WebSocketResponse(max_msg_size=_LARGEST_MESSAGE_BYTES)
        await client.prepare(request)
        self._clients.add(client)
        try:
            await self._connect(client)
        finally:
            self._clients.discard(client)
        return client

    async def _connect(self, client: web.WebSocketResponse) -> None:
        async with self._session.ws_connect(self._node_url, max_msg_size=_LARGEST_MESSAGE_BYTES) as node:
            names: dict[int, str] = {}
            pumps = [
                asyncio.create_task(self._ask(client, node, names)),
                asyncio.create_task(self._answer(node, client, names)),
            ]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for pump in pumps:
                pump.cancel()
            ends = await asyncio.gather(*pumps, return_exceptions=True)
        await client.close()
        for end in ends:
            if isinstance(end, Exception) and not isinstance(end, Swallowed | ConnectionError):
                raise end

    async def _ask(
        self, client: web.WebSocketResponse, node: aiohttp.ClientWebSocketResponse, names: dict[int, str]
    ) -> None:
        async for message in client:
            for request in _items(message.data):
                name = names[request["id"]] = self._name(request)
                await self._traps.pass_by(name, Moment.BEFORE)
            await node.send_str(message.data)

    async def _answer(
        self, node: aiohttp.ClientWebSocketResponse, client: web.WebSocketResponse, names: dict[int, str]
    ) -> None:
        async for message in node:
            data = message.data
            for answer in _items(data):
                name = names.pop(answer.get("id", 0), None)
                if name and answer.get("result") is not None:
                    await self._traps.pass_by(name, Moment.AFTER)
                if name == "eth_getLogs" and self.forgetful:
                    data = json.dumps({**answer, "result": []})
            if not (self.silent and _is_log(data)):
                await client.send_str(data)

    def _name(self, request: dict[str, Any]) -> str:
        match request:
            case {"method": "eth_sendRawTransaction", "params": [raw]}:
                return self._function(HexBytes(raw))
            case {"method": "eth_getTransactionReceipt", "params": [tx_hash]}:
                return "receipt of ours" if tx_hash in self._ours else "receipt of another's"
            case {"method": method}:
                return str(method)
            case _:
                raise AssertionError(f"expected a JSON-RPC request, found {request}")

    def _function(self, raw: HexBytes) -> str:
        self._ours.add("0x" + keccak(raw).hex())
        data = TypedTransaction.from_bytes(raw).as_dict()["data"]
        return _FUNCTIONS[bytes(HexBytes(data))[:4]]


def _is_log(frame: str) -> bool:
    match json.loads(frame):
        case {"method": "eth_subscription", "params": {"result": {"topics": _}}}:
            return True
        case _:
            return False


def _items(frame: str) -> list[dict[str, Any]]:
    content = json.loads(frame)
    return content if isinstance(content, list) else [content]


@asynccontextmanager
async def node_proxy(node_url: str, traps: Traps) -> AsyncIterator[NodeProxy]:
    """Run a proxy on a free port."""
    async with aiohttp.ClientSession() as session:
        proxy = NodeProxy(node_url, traps, session)
        application = web.Application()
        application.router.add_get("/", proxy.serve)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            proxy.url = f"ws://127.0.0.1:{runner.addresses[0][1]}"
            yield proxy
        finally:
            await runner.cleanup()
