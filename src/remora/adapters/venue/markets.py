"""A bounded memory of markets: one request per token and ten minutes, however many stages ask at once.

That the venue knows no market is not remembered: it may list one a moment later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from remora.domain.errors import RemoraError, Retryable
from remora.domain.ids import TokenId
from remora.domain.market import MarketInfo
from remora.ports import Clock

_LIFETIME_US = 600 * 1_000_000
_CAPACITY = 10_000


class MarketCache:
    """Markets by token, fetched on first use; the oldest leaves when the cache is full."""

    def __init__(self, fetch: Callable[[TokenId], Awaitable[MarketInfo | None]], clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._known: dict[TokenId, tuple[int, MarketInfo]] = {}
        self._flights: dict[TokenId, asyncio.Future[MarketInfo | None]] = {}

    async def get(self, token_id: TokenId) -> MarketInfo | None:
        """Return the token's market; whoever asks during a fetch shares its result or its error."""
        fetched_us, market = self._known.get(token_id, (0, None))
        if market is not None and 0 <= self._clock.now_us() - fetched_us < _LIFETIME_US:
            return market
        flight = self._flights.get(token_id)
        return await (self._lead(token_id) if flight is None else asyncio.shield(flight))

    def forget(self, token_id: TokenId) -> None:
        """Fetch the token's market when it is asked for next, however young what is known of it."""
        self._known.pop(token_id, None)

    async def _lead(self, token_id: TokenId) -> MarketInfo | None:
        flight = self._flights[token_id] = asyncio.get_running_loop().create_future()
        try:
            market = await self._fetch(token_id)
        except RemoraError as error:
            _fail(flight, error)
            raise
        else:
            flight.set_result(market)
            self._remember(token_id, market)
            return market
        finally:
            del self._flights[token_id]
            if not flight.done():
                _fail(flight, Retryable("the request that was to answer this one was given up", 0.0))

    def _remember(self, token_id: TokenId, market: MarketInfo | None) -> None:
        self._known.pop(token_id, None)
        if market is None:
            return
        if len(self._known) >= _CAPACITY:
            del self._known[next(iter(self._known))]
        self._known[token_id] = (self._clock.now_us(), market)


def _fail(flight: asyncio.Future[MarketInfo | None], error: RemoraError) -> None:
    flight.set_exception(error)
    flight.exception()  # nobody may be waiting, and asyncio complains of an exception that nobody saw
