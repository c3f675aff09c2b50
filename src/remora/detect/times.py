"""When blocks were mined: known from the heads that were heard, asked for otherwise."""

from __future__ import annotations

from collections import OrderedDict

from remora.domain.chain import Head
from remora.ports import ChainReader

US = 1_000_000

MAX_BLOCKS = 1_000
"""Blocks remembered at most."""


class BlockTimes:
    """Remembers the chain's clock by block."""

    def __init__(self, chain: ChainReader) -> None:
        self._chain = chain
        self._seconds: OrderedDict[int, int] = OrderedDict()

    def add(self, head: Head) -> None:
        """Remember a block that was heard."""
        self._seconds[head.number] = head.timestamp_s
        while len(self._seconds) > MAX_BLOCKS:
            self._seconds.popitem(last=False)

    async def mined_us(self, block_number: int) -> int:
        """Return when a block was mined, in microseconds of the chain's clock. Retryable when the node cannot say."""
        if block_number not in self._seconds:
            self.add(await self._chain.block(block_number))
        return self._seconds[block_number] * US
