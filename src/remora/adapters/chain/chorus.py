"""Many nodes' streams as one: each log and head once, from whoever brings it first, in an order that makes sense.

Logs are taken from every node. A head is taken from any node if it extends the chain that was told so far; what
contradicts that chain (a fork, a jump) is taken only from the node that leads, so that two nodes on different forks do
not throw the listener to and fro.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from remora.adapters.chain.endpoint import Endpoint, by_preference
from remora.adapters.chain.pace import Pace
from remora.domain.chain import Gap, Head, LogPlace

LONGEST_BACKLOG = 20_000
"""Items waiting to be read; beyond it all are dropped for a gap, which makes the listener read them from a node."""

LOGS_REMEMBERED = 50_000
"""Several of the largest blocks that were ever seen."""

DEAF_AFTER_BLOCKS = 3
"""A log that others brought and a node did not, so many of its blocks later: its subscription is deaf."""

_Key = tuple[str | None, str | None, int | None]


@dataclass(slots=True)
class _Heard:
    """A log, and who brought it."""

    block: int
    removed: bool
    by: set[str] = field(default_factory=set)


class Chorus:
    """Merges what endpoints say into one queue."""

    def __init__(self, endpoints: Sequence[Endpoint], pace: Pace) -> None:
        self._endpoints = endpoints
        self._pace = pace
        self._queue: deque[LogPlace | Head | Gap] = deque()
        self._filled = asyncio.Event()
        self._heard: OrderedDict[_Key, _Heard] = OrderedDict()
        self._last: Head | None = None
        self._looked: dict[str, int] = {}

    async def next(self) -> LogPlace | Head | Gap:
        """Wait for the next item."""
        while not self._queue:
            self._filled.clear()
            await self._filled.wait()
        return self._queue.popleft()

    def hear(self, endpoint: Endpoint, item: LogPlace | Head | Gap, now_us: int) -> None:
        """Take an item from an endpoint, and pass it on if it is news."""
        match item:
            case Head():
                endpoint.head, endpoint.heard_us = item, now_us
                if self._is_news(endpoint, item):
                    self._last = item
                    self._pace.hear(item.number, now_us)
                    self._put(item)
            case LogPlace():
                endpoint.log_us = now_us
                if self._is_first(endpoint, item):
                    self._put(item)
            case Gap():
                # The block that is being told elsewhere may have been announced before this subscription stood.
                highest = max(each.height for each in self._endpoints)
                endpoint.heard_us, endpoint.since_block = now_us, highest + 1
                self._put(item)

    def deaf(self) -> list[Endpoint]:
        """Return the endpoints that did not bring a log that others did, though they are past its block.

        Each is looked at once per height: at the same height it owes no other logs than before. One alone is not looked
        at: there is nobody who could have brought what it did not.
        """
        if len(self._endpoints) == 1:
            return []
        grown = [each for each in self._endpoints if self._looked.get(each.name) != each.height]
        self._looked |= {endpoint.name: endpoint.height for endpoint in grown}
        return [endpoint for endpoint in grown if endpoint.is_streaming and self._missed(endpoint)]

    def _missed(self, endpoint: Endpoint) -> bool:
        since, settled = endpoint.since_block or 0, endpoint.height - DEAF_AFTER_BLOCKS
        return any(
            since < heard.block <= settled and endpoint.name not in heard.by
            for heard in self._recent(since, endpoint.height)
        )

    def _recent(self, since: int, height: int) -> Iterable[_Heard]:
        """Yield the logs of the last blocks, newest first: older ones were looked at before."""
        oldest = max(since, height - 2 * DEAF_AFTER_BLOCKS)
        for heard in reversed(self._heard.values()):
            if heard.block < oldest:
                return
            if not heard.removed:
                yield heard

    def _is_news(self, endpoint: Endpoint, head: Head) -> bool:
        if self._last is None or head.parent_hash == self._last.hash:
            return True
        return head.hash != self._last.hash and endpoint is by_preference(self._endpoints)[0]

    def _is_first(self, endpoint: Endpoint, log: LogPlace) -> bool:
        """Note who brought a log; True for the first, and when it is removed after it was told, or told again."""
        key = (log.block_hash, log.tx_hash, log.log_index)
        heard = self._heard.get(key)
        if heard is not None and heard.removed == log.removed:
            heard.by.add(endpoint.name)
            return False
        self._heard[key] = _Heard(log.block_number or 0, log.removed, {endpoint.name})
        self._heard.move_to_end(key)
        while len(self._heard) > LOGS_REMEMBERED:
            self._heard.popitem(last=False)
        return True

    def _put(self, item: LogPlace | Head | Gap) -> None:
        if len(self._queue) >= LONGEST_BACKLOG:
            self._queue.clear()
            item = Gap(reason=f"more than {LONGEST_BACKLOG} notifications were waiting to be read")
        self._queue.append(item)
        self._filled.set()
