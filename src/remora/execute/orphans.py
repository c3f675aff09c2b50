"""Fills of ours that no block has any more: each is looked for once more when its block can be taken back no longer.

A fill is booked when its block is heard. A reorganisation may orphan the block, and mostly another one brings the trade
back, which changes nothing. One that stays away never happened: its booking is reversed. A node that lags has no
receipts either, so it takes one that has the whole range of blocks, and patience, to prove that.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto

import structlog

from remora.domain.chain import LogFilter
from remora.domain.contracts import ORDER_FILLED
from remora.domain.errors import RemoraError
from remora.domain.ids import Address, TxHash
from remora.domain.records import BookedFill, Reversal
from remora.execute.worker import Executor
from remora.ports import ChainReader, Clock, OrderStore

log = structlog.get_logger()

US = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanRules:
    """How patient one is: a fill must be missing for `patience_s`; it may have moved as far as `depth_blocks` back."""

    depth_blocks: int
    patience_s: float
    every_s: float = 5.0


class _Found(Enum):
    """Where a fill is: in a block for good, in one that may still be taken back, or in none."""

    FINAL = auto()
    YOUNG = auto()
    NOWHERE = auto()


class Orphans:
    """Looks for the fills up to the cursor, and has those reversed that the chain does not have.

    What the chain has for good is marked, so that a later process knows what none has come to yet, however old it is.
    `hear` deals with a transaction that the chain has and that was not heard.
    """

    def __init__(
        self,
        *,
        rules: OrphanRules,
        exchanges: frozenset[Address],
        executor: Executor,
        chain: ChainReader,
        store: OrderStore,
        clock: Clock,
        cursor: Callable[[], Awaitable[int | None]],
        hear: Callable[[TxHash], Awaitable[None]],
    ) -> None:
        self._rules = rules
        self._exchanges = tuple(sorted(exchanges))
        self._executor = executor
        self._chain = chain
        self._store = store
        self._clock = clock
        self._cursor = cursor
        self._hear = hear
        self._missing_us: dict[BookedFill, int] = {}

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await self.look()
            await self._clock.sleep(self._rules.every_s)

    async def look(self) -> None:
        """Look once for every fill that the cursor has passed and that is not known to be there for good."""
        cursor = await self._cursor()
        if cursor is None:
            return
        booked = await self._store.fills_not_final(cursor)
        self._missing_us = {fill: since for fill, since in self._missing_us.items() if fill in booked}
        await self._store.mark_final([fill for fill in booked if await self._is_final(fill, cursor)])

    async def _is_final(self, fill: BookedFill, cursor: int) -> bool:
        """Tell whether the chain has a fill for good; one that it does not have is reversed when patience is over."""
        try:
            found = await self._found(fill, cursor)
        except RemoraError as trouble:
            log.info("fill_not_looked_for", order_hash=fill.order_hash, error=str(trouble))
            return False
        if found is not _Found.NOWHERE:
            self._missing_us.pop(fill, None)
            return found is _Found.FINAL
        now_us = self._clock.now_us()
        if now_us - self._missing_us.setdefault(fill, now_us) >= self._rules.patience_s * US:
            try:
                await self._reverse(fill)
            except RemoraError as trouble:
                log.error("fill_not_reversed", order_hash=fill.order_hash, error=str(trouble))
        return False

    async def _found(self, fill: BookedFill, cursor: int) -> _Found:
        """Ask whether a block has a fill. Raises Retryable when no node has all blocks that might.

        A receipt may be of an orphaned block, told by a node that does not know better.
        """
        receipt = await self._chain.receipt(fill.tx_hash)
        if receipt is not None and (await self._chain.block(receipt.block_number)).hash == receipt.block_hash:
            if receipt.block_number > cursor:
                return _Found.YOUNG
            return _Found.FINAL if receipt.succeeded else _Found.NOWHERE
        wanted = LogFilter(addresses=self._exchanges, topics=((ORDER_FILLED,), (fill.order_hash,)))
        head = await self._chain.head()
        first = max(0, fill.block_number - self._rules.depth_blocks)
        logs = await self._chain.logs([wanted], first, head.number)
        return _Found.YOUNG if any(each.tx_hash == fill.tx_hash for each in logs) else _Found.NOWHERE

    async def _reverse(self, fill: BookedFill) -> None:
        """Have a fill reversed, unless something that follows from it is under way: then the next look does."""
        reversal = await self._executor.take_back(fill)
        if reversal is Reversal.UNDER_WAY:
            return
        if reversal is Reversal.SETTLED:
            log.error("fill_orphaned_after_settlement", order_hash=fill.order_hash, tx_hash=fill.tx_hash)
        else:
            log.warning("fill_reversed", order_hash=fill.order_hash, tx_hash=fill.tx_hash, order=reversal)
        await self._hear(fill.tx_hash)  # heard after the last look and before the reversal, it was taken for known
