"""The one seam to the network: requests over a pool of warm connections, and what can be said when one fails.

The line that matters runs between a connection that could not be made, where nothing happened, and one that was lost
after sending began, where anything may have.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

import aiohttp

from remora.adapters.venue.wire import Answer, Request
from remora.domain.errors import OutcomeUnknown, Retryable

_POOL = 100
_IDLE_S = 30.0
"""Below the limits that servers commonly have (75 s), so that we don't write to a connection that is being closed."""
_DNS_TTL_S = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long to wait for a connection, free or new, and then for the answer."""

    connect_s: float = 3.0
    answer_s: float = 10.0


class Transport:
    """One aiohttp session. Made inside a running event loop; closed by `close`.

    aiohttp sets TCP_NODELAY, and repeats only requests without effect when a kept connection turns out dead.
    """

    def __init__(self, url: str, timeouts: Timeouts) -> None:
        self._base = url.rstrip("/")
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=_POOL, keepalive_timeout=_IDLE_S, ttl_dns_cache=_DNS_TTL_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "remora"},
            timeout=aiohttp.ClientTimeout(
                total=timeouts.connect_s + timeouts.answer_s, connect=timeouts.connect_s, sock_read=timeouts.answer_s
            ),
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def send(self, request: Request) -> Answer:
        """Send a request that has an effect, once.

        Raises Retryable when no connection could be made, OutcomeUnknown when it failed after that. Causes are named by
        their type only: what aiohttp raises may carry the request's headers.
        """
        try:
            return await self._exchange(request)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Retryable(f"cannot connect to the venue: {type(error).__name__}") from None
        except (aiohttp.ClientError, OSError) as error:
            raise OutcomeUnknown(f"the venue's answer was lost: {type(error).__name__}") from None

    async def ask(self, request: Request) -> Answer:
        """Send a request that may be sent again without harm: every failure is Retryable."""
        try:
            return await self.send(request)
        except OutcomeUnknown as error:
            raise Retryable(str(error)) from None

    async def warm(self, connections: int, request: Request) -> None:
        """Open connections before they are needed; one that fails now is opened when it is needed."""
        async with asyncio.TaskGroup() as group:
            for _ in range(min(connections, _POOL)):
                group.create_task(self._touch(request))

    async def _touch(self, request: Request) -> None:
        with contextlib.suppress(Retryable):
            await self.ask(request)

    async def _exchange(self, request: Request) -> Answer:
        async with self._session.request(
            request.method,
            self._base + request.path,
            params=request.query,
            headers=request.headers,
            data=request.body,
            allow_redirects=False,
        ) as response:
            return Answer(
                status=response.status,
                body=await response.read(),
                retry_after=response.headers.get("Retry-After"),
            )
