"""Facts that are true for a moment: read for many at once, shared by all who ask, and forgotten after their time."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping
from typing import Generic, TypeVar

import structlog

from remora.domain.errors import OperatorError, Refused, Retryable
from remora.ports import Clock

log = structlog.get_logger()

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

LONGEST_PAUSE_S = 0.5
"""How long somebody who is busy is left alone between tries: a copy does not wait longer."""


class Recent(Generic[K, V]):
    """Remembers what `read` told for `ttl_us`, of at most `capacity` keys; those read longest ago go first.

    Keys that are asked for at the same time are read together, and one that is being read is not read twice. What
    cannot be read after a few tries is left out of the answer and not remembered.
    """

    def __init__(
        self,
        name: str,
        read: Callable[[Collection[K]], Awaitable[Mapping[K, V]]],
        *,
        clock: Clock,
        ttl_us: int,
        capacity: int = 20_000,
        tries: int = 3,
    ) -> None:
        self._name = name
        self._read = read
        self._clock = clock
        self._ttl_us = ttl_us
        self._capacity = capacity
        self._tries = tries
        self._known: OrderedDict[K, tuple[int, V]] = OrderedDict()
        self._waiting: set[K] = set()
        self._flights: dict[K, asyncio.Task[Mapping[K, V]]] = {}

    async def get(self, keys: Collection[K]) -> Mapping[K, V]:
        """Return what is known of the keys, not older than the TTL; those that cannot be told are left out."""
        wanted = frozenset(keys)
        known: dict[K, V] = {}
        flights: set[asyncio.Task[Mapping[K, V]]] = set()
        for key in wanted:
            if self._is_young(key):
                known[key] = self._known[key][1]
            else:
                flights.add(self._flights.get(key) or self._board(key))
        for flight in flights:
            found = await asyncio.shield(flight)
            known |= {key: found[key] for key in found.keys() & wanted}
        return known

    def ask(self, keys: Collection[K]) -> None:
        """Begin to read what is not known of the keys, for a `get` that follows."""
        for key in keys:
            if not self._is_young(key) and key not in self._flights:
                self._board(key)

    def _is_young(self, key: K) -> bool:
        return key in self._known and self._clock.now_us() - self._known[key][0] < self._ttl_us

    def _board(self, key: K) -> asyncio.Task[Mapping[K, V]]:
        """Put a key on the next flight, which leaves when everybody else had a turn to board."""
        flight = self._flights[next(iter(self._waiting))] if self._waiting else asyncio.ensure_future(self._fly())
        self._waiting.add(key)
        self._flights[key] = flight
        return flight

    async def _fly(self) -> Mapping[K, V]:
        await asyncio.sleep(0)
        keys, self._waiting = self._waiting, set()
        try:
            found = await self._try_to_read(keys)
        finally:
            for key in keys:
                del self._flights[key]
        for key, value in found.items():
            self._known[key] = (self._clock.now_us(), value)
            self._known.move_to_end(key)
        while len(self._known) > self._capacity:
            self._known.popitem(last=False)
        return found

    async def _try_to_read(self, keys: Collection[K]) -> Mapping[K, V]:
        why: Exception | None = None
        for _ in range(self._tries):
            try:
                return await self._read(keys)
            except Retryable as trouble:
                why = trouble
                await self._clock.sleep(min(trouble.delay_s, LONGEST_PAUSE_S))
            except (Refused, OperatorError) as trouble:
                why = trouble
                break
        log.warning("fact_unavailable", fact=self._name, error=str(why))
        return {}
