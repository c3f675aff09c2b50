"""One WebSocket to a node, from handshake to loss: requests matched to answers by id, subscriptions routed to feeds.

It never reconnects. When the socket is lost, every waiting request fails with AnswerLost and every feed ends with it.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import msgspec

from remora.adapters.chain.jsonrpc import AnswerLost, Request, node_error
from remora.domain.errors import Malformed, Retryable

_CUT = "the connection was lost"


class Feed:
    """What a set of subscriptions delivers, in order of arrival, as pairs of a subscription's index and its payload.

    It holds at most `limit` items: who reads too slowly loses the feed, just as with a lost connection.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items: deque[tuple[int, Any] | Retryable] = deque()
        self._filled = asyncio.Event()
        self._ended = False

    def put(self, index: int, payload: Any) -> None:
        """Append a payload; when there is no room, end the feed instead."""
        if self._ended:
            return
        if len(self._items) < self._limit:
            self._put((index, payload))
        else:
            self.end(Retryable(f"more than {self._limit} notifications are waiting to be read"))

    def end(self, error: Retryable) -> None:
        """Let the reader have what has arrived, then the error."""
        if not self._ended:
            self._ended = True
            self._put(error)

    async def next(self, within_s: float | None = None) -> tuple[int, Any]:
        """Wait for the next payload. Raises what the feed ended with, TimeoutError when nothing comes in time."""
        if not self._items:  # a timer for each of a block's thousand logs would cost more than reading them
            self._filled.clear()
            async with asyncio.timeout(within_s):
                await self._filled.wait()
        item = self._items.popleft()
        if isinstance(item, Retryable):
            raise item
        return item

    def _put(self, item: tuple[int, Any] | Retryable) -> None:
        self._items.append(item)
        self._filled.set()


@dataclass(slots=True, kw_only=True, eq=False)
class _Exchange:
    """A frame of requests that was sent, and the answers to it so far."""

    missing: set[int]
    answers: dict[int, Any] = field(default_factory=dict)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    subscriber: tuple[Feed, int] | None = None


class Connection:
    """One WebSocket. `receive` must run for as long as it is used."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, host: str) -> None:
        self._socket = socket
        self._host = host
        self._ids = itertools.count(1)
        self._exchanges: dict[int, _Exchange] = {}
        self._subscribers: dict[str, tuple[Feed, int]] = {}
        self._loss: str | None = None

    @property
    def is_lost(self) -> bool:
        """Whether nothing more can be asked here."""
        return self._loss is not None

    async def receive(self) -> None:
        """Read frames until the socket is lost or brings what cannot be understood."""
        reason = _CUT
        try:
            async for message in self._socket:
                if message.type not in {aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY}:
                    break
                self._take(msgspec.json.decode(message.data))
        except (ValueError, Malformed) as error:
            reason = str(error)
        finally:
            self._lose(reason)
            await self._socket.close()

    async def exchange(
        self, requests: Sequence[Request], timeout_s: float, subscriber: tuple[Feed, int] | None = None
    ) -> list[Any]:
        """Send requests as one frame and return their results in order.

        Raises the first NodeError among the answers, AnswerLost when an answer is missing after `timeout_s`.
        """
        ids = [next(self._ids) for _ in requests]
        pending = _Exchange(missing=set(ids), subscriber=subscriber)
        self._exchanges |= dict.fromkeys(ids, pending)
        try:
            async with asyncio.timeout(timeout_s):
                await self._send(_frame(ids, requests))
                await pending.over.wait()
        except TimeoutError:
            raise self._answer_lost(f"no answer to {requests[0].method} within {timeout_s} s") from None
        finally:
            for request_id in ids:
                self._exchanges.pop(request_id, None)
        if pending.missing:
            raise self._answer_lost()
        return [_result(pending.answers[request_id]) for request_id in ids]

    async def unsubscribe(self, feed: Feed) -> None:
        """End the subscriptions that feed a feed; the node's answers to that do not matter."""
        ended = [key for key, (subscribed, _) in self._subscribers.items() if subscribed is feed]
        for key in ended:
            del self._subscribers[key]
        requests = [Request(method="eth_unsubscribe", params=(key,)) for key in ended]
        if requests and not self.is_lost:
            with suppress(AnswerLost):
                await self._send(_frame([next(self._ids) for _ in requests], requests))

    async def close(self) -> None:
        """Say goodbye to the node; `receive` then ends."""
        await self._socket.close()

    async def _send(self, frame: str) -> None:
        if self.is_lost:
            raise self._answer_lost()
        try:
            await self._socket.send_str(frame)
        except (aiohttp.ClientError, OSError):
            raise self._answer_lost() from None

    def _take(self, message: Any) -> None:
        for item in message if isinstance(message, list) else [message]:
            match item:
                case {"method": "eth_subscription", "params": {"subscription": str(key), "result": payload}}:
                    if subscriber := self._subscribers.get(key):
                        feed, index = subscriber
                        feed.put(index, payload)
                case {"id": int(request_id)}:
                    self._answer(request_id, item)
                case _:
                    # From here on nobody knows who waits for what.
                    raise Malformed(f"expected an answer or a notification, found {_shown(item)}")

    def _answer(self, request_id: int, answer: dict[str, Any]) -> None:
        """Note an answer; late ones, to requests that were given up, are dropped."""
        if not (pending := self._exchanges.pop(request_id, None)):
            return
        if pending.subscriber and isinstance(answer.get("result"), str):
            # At once: the next notification may be in the same packet as this answer.
            self._subscribers[answer["result"]] = pending.subscriber
        pending.answers[request_id] = answer
        pending.missing.discard(request_id)
        if not pending.missing:
            pending.over.set()

    def _lose(self, reason: str) -> None:
        self._loss = reason
        for pending in self._exchanges.values():
            pending.over.set()
        for feed, _ in self._subscribers.values():
            feed.end(self._answer_lost())

    def _answer_lost(self, reason: str | None = None) -> AnswerLost:
        return AnswerLost(f"node at {self._host}: {reason or self._loss or _CUT}")


def _frame(ids: Sequence[int], requests: Sequence[Request]) -> str:
    calls = [request.frame(request_id) for request_id, request in zip(ids, requests, strict=True)]
    return calls[0] if len(calls) == 1 else f"[{','.join(calls)}]"


def _result(answer: dict[str, Any]) -> Any:
    if "error" in answer:
        raise node_error(answer["error"])
    return answer.get("result")


def _shown(item: Any) -> str:
    return str(node_error(item["error"])) if isinstance(item, dict) and "error" in item else type(item).__name__
