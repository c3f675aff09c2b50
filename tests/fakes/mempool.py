"""A node's mempool in memory: it tells what the test puts there, and who may match orders."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator

from remora.domain.chain import Head, PendingTransaction
from remora.domain.errors import RemoraError
from remora.domain.ids import Address


class FakeMempool:
    """A Mempool. `troubles` are raised once each, by the next question who may match."""

    def __init__(self, operators: set[Address]) -> None:
        self.operators = operators
        self.asked: list[Address] = []
        self.streams = 0
        self.troubles: deque[RemoraError] = deque()
        self._live: asyncio.Queue[PendingTransaction | Head | RemoraError] = asyncio.Queue()

    def announce(self, *items: PendingTransaction | Head | RemoraError) -> None:
        """Tell items to whoever streams; an error breaks the connection."""
        for item in items:
            self._live.put_nowait(item)

    @property
    def is_read(self) -> bool:
        """Whether everything announced was taken."""
        return self._live.empty()

    async def stream(self) -> AsyncGenerator[PendingTransaction | Head, None]:
        self.streams += 1
        while True:
            item = await self._live.get()
            if isinstance(item, RemoraError):
                raise item
            yield item

    async def may_match(self, account: Address, exchange: Address) -> bool:  # noqa: ARG002  one list for all exchanges
        self.asked.append(account)
        if self.troubles:
            raise self.troubles.popleft()
        return account in self.operators
