"""When blocks were mined, and how far apart: known from the heads that were heard, asked for otherwise."""

from __future__ import annotations

from collections import OrderedDict

from remora.domain.chain import Head
from remora.ports import ChainReader

US = 1_000_000

MAX_BLOCKS = 1_000
"""Blocks remembered at most."""

_MEASURED_BLOCKS = 64
"""Blocks over which the block time is measured: the chain's clock counts whole seconds."""


class BlockTimes:
    """Remembers the chain's clock by block, and the last head that was heard."""

    def __init__(self, chain: ChainReader) -> None:
        self._chain = chain
        self._seconds: OrderedDict[int, int] = OrderedDict()
        self.head: Head | None = None
        self.head_us: int | None = None

    def add(self, head: Head, *, heard_us: int) -> None:
        """Remember a block that was just heard of."""
        self.head, self.head_us = head, heard_us
        self._remember(head)

    async def mined_us(self, block_number: int) -> int:
        """Return when a block was mined, in microseconds of the chain's clock. Retryable when the node cannot say."""
        if block_number not in self._seconds:
            self._remember(await self._chain.block(block_number))
        return self._seconds[block_number] * US

    def block_time_us(self) -> int | None:
        """Return the average time between the last blocks, None before two are known."""
        last = [number for number in self._seconds if self.head and number > self.head.number - _MEASURED_BLOCKS]
        if len(last) < 2:  # noqa: PLR2004  a distance has two ends
            return None
        first, latest = min(last), max(last)
        return (self._seconds[latest] - self._seconds[first]) * US // (latest - first)

    def _remember(self, head: Head) -> None:
        self._seconds[head.number] = head.timestamp_s
        while len(self._seconds) > MAX_BLOCKS:
            self._seconds.popitem(last=False)
