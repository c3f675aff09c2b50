"""A node in a process of its own that serves the blocks of `bench.blocks`: its work is not the listener's.

The child (`python -m bench.node`) prints its URL and then mines a block for each line on stdin, which says how many
logs at least it shall have. It answers with a line of JSON: how many logs the block has, how many notifications of them
it sent, and for each order of a leader what it traded, and when its fill was written to the socket, on the system's
monotonic clock. What is sent is put into words before the first notification, so that the node is hardly in the way.
"""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import json
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import uvloop
from aiohttp import web
from eth_utils.crypto import keccak

from bench.blocks import Json, MinedBlock, Traded, block_hash_of, mined, wallets
from bench.venue import pinned
from remora.domain.contracts import ORDER_FILLED
from remora.domain.ids import OrderHash

LEADERS = 10_000
_FIRST_BLOCK = 80_000_000
_LARGEST_LINE_BYTES = 2**24
_LARGEST_MESSAGE_BYTES = 2**24


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A block that was mined: its logs, notifications of them, what leaders traded, and when that was sent, in ns."""

    logs: int
    notifications: int
    traded: Mapping[OrderHash, Traded]
    sent_ns: Mapping[OrderHash, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class BusyNode:
    """The node, as who drives it sees it."""

    url: str
    process: Process

    async def mine(self, least_logs: int) -> Told:
        """Mine a block with at least so many logs; return when all of it is sent."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{least_logs}\n".encode())
        told = json.loads(await self.process.stdout.readline())
        return Told(**{**told, "traded": {order: tuple(amounts) for order, amounts in told["traded"].items()}})


@asynccontextmanager
async def running_node(core: int | None) -> AsyncIterator[BusyNode]:
    """Run a node until the context ends; with a `core`, it has that one only."""
    arguments = [] if core is None else [str(core)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.node", *arguments), stdin=PIPE, stdout=PIPE, limit=_LARGEST_LINE_BYTES
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield BusyNode(url=(await process.stdout.readline()).decode().strip(), process=process)
    finally:
        process.stdin.close()
        await process.wait()


class Filter:
    """A log filter as the listener sent it, and the logs of the last blocks that match it, as JSON."""

    def __init__(self, raw: Json) -> None:
        self._addresses = frozenset(raw["address"])
        self._topics = [None if words is None else frozenset(words) for words in raw["topics"]]

    def matches(self, log: Json) -> bool:
        """Tell whether a node would send a log for the filter."""
        topics = log["topics"]
        return log["address"] in self._addresses and all(
            wanted is None or (position < len(topics) and topics[position] in wanted)
            for position, wanted in enumerate(self._topics)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Served:
    """A block in the words in which it is served: `found` are its logs by filter."""

    header: str
    receipts: str
    found: Mapping[str, Sequence[tuple[Json, str]]]


_MEANS = {
    "0x70a08231": f'"0x{2**60:064x}"',  # balanceOf
    "0xdd62ed3e": f'"0x{2**60:064x}"',  # allowance
    "0x5c975abb": f'"0x{0:064x}"',  # paused
    f"0x{keccak(text='follower(address)').hex()[:8]}": f'"0x{2**60:064x}{0:064x}{2**60:064x}{0:0192x}"',
}
"""Every follower can pay."""


class _Chain:
    """The blocks, and the subscriptions of the one listener."""

    def __init__(self) -> None:
        self._leaders = itertools.cycle(wallets("leader", LEADERS))
        self._served: dict[int, _Served] = {}
        self._filters: dict[str, Filter] = {}
        self._subscribed: dict[str, str] = {}
        self._heads: str | None = None
        self._ids = itertools.count(1)
        self._socket: web.WebSocketResponse | None = None
        self._height = _FIRST_BLOCK
        self._keep(mined(self._height, least_logs=0, timestamp_s=int(time.time()), leaders=self._leaders))

    async def connect(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one listener."""
        self._socket = web.WebSocketResponse(max_msg_size=_LARGEST_MESSAGE_BYTES, compress=False)
        await self._socket.prepare(request)
        with suppress(ConnectionError):  # the listener has left
            async for message in self._socket:
                frame = json.loads(message.data)
                # One answer to a batch, as JSON-RPC 2.0 has it and nodes do.
                answers = map(self._answered, frame) if isinstance(frame, list) else None
                await self._socket.send_str(f"[{','.join(answers)}]" if answers else self._answered(frame))
        return self._socket

    async def mine(self, least_logs: int) -> Told:
        """Mine a block and tell the listener, the head before the logs."""
        self._height += 1
        block = mined(self._height, least_logs=least_logs, timestamp_s=int(time.time()), leaders=self._leaders)
        served = self._keep(block)
        told = sorted(
            ((int(log["logIndex"], 16), log, _notification(subscription, text))
             for subscription, key in self._subscribed.items() for log, text in served.found[key]),
            key=lambda each: each[0],
        )  # fmt: skip
        assert self._socket is not None
        assert self._heads is not None
        await self._socket.send_str(_notification(self._heads, served.header))
        sent_ns: dict[OrderHash, int] = {}
        for _, log, text in told:
            if log["topics"][0] == ORDER_FILLED:
                sent_ns[OrderHash(log["topics"][1])] = time.monotonic_ns()
            await self._socket.send_str(text)
        assert sent_ns.keys() == block.traded.keys()
        return Told(logs=len(block.logs), notifications=len(told), traded=block.traded, sent_ns=sent_ns)

    def _keep(self, block: MinedBlock) -> _Served:
        logs = [(log, json.dumps(log)) for log in block.logs]
        found = {key: [each for each in logs if wanted.matches(each[0])] for key, wanted in self._filters.items()}
        served = _Served(header=json.dumps(block.header), receipts=json.dumps(block.receipts), found=found)
        self._served[self._height] = served
        return served

    def _answered(self, call: Json) -> str:
        return f'{{"jsonrpc":"2.0","id":{call["id"]},"result":{self._answer(call["method"], call["params"])}}}'

    def _answer(self, method: str, params: Sequence[Any]) -> str:
        match method:
            case "eth_subscribe":
                return f'"{self._subscribe(*params)}"'
            case "eth_unsubscribe":
                return "true"
            case "eth_getBlockByNumber":
                return self._served[self._height if params[0] == "latest" else int(params[0], 16)].header
            case "eth_getBlockReceipts":
                return next(
                    each.receipts for number, each in self._served.items() if block_hash_of(number) == params[0]
                )
            case "eth_getLogs":
                return self._logs(params[0])
            case "eth_call":
                return _MEANS[params[0]["data"][:10]]
            case _:
                raise AssertionError(f"nobody answers {method}")

    def _subscribe(self, kind: str, criteria: Json | None = None) -> str:
        subscription = hex(next(self._ids))
        if criteria is None:
            assert kind == "newHeads"
            self._heads = subscription
        else:
            key = _key(criteria)
            self._filters[key], self._subscribed[subscription] = Filter(criteria), key
        return subscription

    def _logs(self, criteria: Json) -> str:
        key = _key(criteria)
        blocks = range(int(criteria["fromBlock"], 16), int(criteria["toBlock"], 16) + 1)
        return "[" + ",".join(text for number in blocks for _, text in self._served[number].found.get(key, ())) + "]"


def _key(criteria: Json) -> str:
    return json.dumps([criteria["address"], criteria["topics"]])


def _notification(subscription: str, result: str) -> str:
    params = f'{{"subscription":"{subscription}","result":{result}}}'
    return f'{{"jsonrpc":"2.0","method":"eth_subscription","params":{params}}}'


async def _serve(core: int | None) -> None:
    chain = _Chain()
    application = web.Application()
    application.router.add_get("/", chain.connect)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        with pinned(core):
            _say(f"ws://127.0.0.1:{runner.addresses[0][1]}")
            while line := await asyncio.to_thread(sys.stdin.readline):
                told = await chain.mine(int(line))
                _say(json.dumps(dataclasses.asdict(told)))
    finally:
        await runner.cleanup()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1]) if len(sys.argv) > 1 else None))
