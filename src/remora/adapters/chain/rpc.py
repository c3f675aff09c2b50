"""The client of a node: JSON-RPC over one WebSocket, opened when it is first needed and again after it was lost.

Requests share the socket and are told apart by id; many can be in flight. A node's URL may carry a key: errors name its
host only.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp

from remora.adapters.chain.connection import Connection, Feed
from remora.adapters.chain.jsonrpc import Request
from remora.domain.errors import OperatorError, Retryable

_REQUESTS_PER_BATCH = 500
"""Providers refuse batches beyond 1000 calls, anvil bodies beyond 2 MB."""

_LARGEST_MESSAGE_BYTES = 64 * 2**20
"""An answer to eth_getLogs can be far above aiohttp's default of 4 MB."""

_CLOSE_TIMEOUT_S = 1.0
_DENIED_STATUSES = frozenset({400, 401, 403, 404})


class RpcClient:
    """A node's JSON-RPC interface. Use it as a context manager: leaving it closes the socket.

    aiohttp sets TCP_NODELAY on every socket. A connection that answers no ping is given up after 1.5 x `heartbeat_s`.
    """

    def __init__(
        self, url: str, *, timeout_s: float = 10.0, heartbeat_s: float = 10.0, feed_limit: int = 20_000
    ) -> None:
        self._url = url
        self._host = _host(url)
        self._timeout_s = timeout_s
        self._heartbeat_s = heartbeat_s
        self._feed_limit = feed_limit
        self._opening = asyncio.Lock()
        self._tasks = asyncio.TaskGroup()
        self._session: aiohttp.ClientSession | None = None
        self._connection: Connection | None = None

    def __repr__(self) -> str:
        return f"RpcClient(host={self._host!r})"

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._session = aiohttp.ClientSession()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.drop()
        if self._session:
            await self._session.close()
        # Without the body's error: it is not the receiving task's, and would come out wrapped in a group.
        await self._tasks.__aexit__(None, None, None)

    @property
    def host(self) -> str:
        """Where the node is, without what its URL may hide."""
        return self._host

    async def drop(self) -> None:
        """Close the connection; the next request opens another."""
        if self._connection:
            await self._connection.close()

    async def call(self, method: str, *params: Any) -> Any:
        """Return the result of one request.

        Raises NodeError when the node answers with an error, AnswerLost when the answer is lost, Retryable when there
        is no connection, so that nothing was sent.
        """
        connection = await self._connected()
        (result,) = await connection.exchange([Request(method=method, params=params)], self._timeout_s)
        return result

    async def batch(self, requests: Iterable[Request]) -> list[Any]:
        """Return the results of many requests in order. Raises as `call` does, for the first that fails."""
        results: list[Any] = []
        pending = iter(requests)
        while chunk := list(itertools.islice(pending, _REQUESTS_PER_BATCH)):
            connection = await self._connected()
            results += await connection.exchange(chunk, self._timeout_s)
        return results

    @asynccontextmanager
    async def subscribed(self, *subscriptions: Sequence[Any]) -> AsyncIterator[Feed]:
        """Subscribe with the parameters of one or more eth_subscribe calls, all on one connection, into one feed."""
        connection = await self._connected()
        feed = Feed(self._feed_limit)
        try:
            for index, params in enumerate(subscriptions):
                request = Request(method="eth_subscribe", params=tuple(params))
                await connection.exchange([request], self._timeout_s, (feed, index))
            yield feed
        finally:
            await connection.unsubscribe(feed)

    async def _connected(self) -> Connection:
        async with self._opening:
            if self._connection is None or self._connection.is_lost:
                self._connection = Connection(await self._open(), self._host)
                self._tasks.create_task(self._connection.receive(), name=f"node {self._host}")
            return self._connection

    async def _open(self) -> aiohttp.ClientWebSocketResponse:
        assert self._session, "an RpcClient is used as a context manager"
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._session.ws_connect(
                    self._url,
                    heartbeat=self._heartbeat_s,
                    max_msg_size=_LARGEST_MESSAGE_BYTES,
                    timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_TIMEOUT_S),
                )
        # From None, for aiohttp's errors quote the URL.
        except aiohttp.WSServerHandshakeError as error:
            raise self._handshake_error(error.status) from None
        except (aiohttp.ClientError, OSError) as error:
            raise Retryable(f"cannot reach the node at {self._host}: {type(error).__name__}") from None

    def _handshake_error(self, status: int) -> Retryable | OperatorError:
        if status in _DENIED_STATUSES:
            return OperatorError(f"the node at {self._host} denies access (HTTP {status}): check its URL and key")
        return Retryable(f"the node at {self._host} is not available (HTTP {status})")


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
        if parts.scheme in {"ws", "wss"} and parts.hostname:
            return f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname
    except ValueError:
        pass
    # Not quoted: it may hold a key even when it is not well-formed.
    raise OperatorError("the node's URL must begin with ws:// or wss:// and name a host")
