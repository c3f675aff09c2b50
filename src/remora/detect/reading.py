"""Reading announced blocks: several at once, handed over one by one in order of number."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from remora.detect.blocks import TROUBLED, Block, Blocks
from remora.detect.times import BlockTimes
from remora.domain.chain import LogFilter, Receipt
from remora.domain.errors import RemoraError
from remora.ports import ChainReader, Clock

log = structlog.get_logger()

AHEAD = 8
"""Blocks that are read at the same time."""

PAUSES_S = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
"""Between attempts: a node may announce a log before it serves the block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBlock:
    """What a block holds for us, in chain order, and when it was mined."""

    receipts: Sequence[Receipt]
    mined_us: int


class Reading:
    """Reads what waits in the ledger. `on_read` is given each block; `on_missing` those that no node would give."""

    def __init__(
        self,
        *,
        chain: ChainReader,
        clock: Clock,
        blocks: Blocks,
        times: BlockTimes,
        filters: Callable[[], Sequence[LogFilter]],
        on_read: Callable[[Block, ReadBlock], None],
        on_missing: Callable[[Block], None],
    ) -> None:
        self._chain = chain
        self._clock = clock
        self._blocks = blocks
        self._times = times
        self._filters = filters
        self._on_read = on_read
        self._on_missing = on_missing
        self._changed = asyncio.Event()
        self._reads: dict[Block, asyncio.Task[ReadBlock | None]] = {}

    def wake(self) -> None:
        """Look again: a block was announced, or the gate moved."""
        self._changed.set()

    async def run(self) -> None:
        """Read and hand over, for ever."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._changed.clear()
                self._start_reads(tasks)
                if not self._hand_over():
                    await self._changed.wait()

    def _start_reads(self, tasks: asyncio.TaskGroup) -> None:
        for block in [each for each in self._reads if each.lost]:
            self._reads.pop(block).cancel()
        for block in self._blocks.next(AHEAD):
            if block not in self._reads:
                self._reads[block] = tasks.create_task(self._read(block))

    def _hand_over(self) -> bool:
        """Hand over the first block if it was read, also those behind it that need not wait; False for none."""
        for block in self._blocks.next(AHEAD):
            if (read := self._reads.get(block)) is not None and read.done():
                del self._reads[block]
                self._finish(block, read.result())
                return True
            if block.tries < TROUBLED:
                return False
        return False

    def _finish(self, block: Block, read: ReadBlock | None) -> None:
        if read is not None:
            self._blocks.take(block)
            self._on_read(block, read)
            return
        block.tries += 1
        self._blocks.set_aside(block)
        log.warning("block_unavailable", number=block.number, hash=block.hash, tries=block.tries)
        self._on_missing(block)

    async def _read(self, block: Block) -> ReadBlock | None:
        """Read a block; None when no node gives it after several attempts."""
        try:
            for pause_s in (*PAUSES_S, None):
                if (read := await self._attempt(block)) is not None:
                    return read
                if pause_s is not None:
                    await self._clock.sleep(pause_s)
            return None
        finally:
            self._changed.set()

    async def _attempt(self, block: Block) -> ReadBlock | None:
        try:
            receipts = await self._chain.receipts(block.hash, self._filters())
            if receipts is None:
                return None
            return ReadBlock(receipts=receipts, mined_us=await self._times.mined_us(block.number) if receipts else 0)
        except RemoraError as trouble:
            log.warning("block_not_read", number=block.number, hash=block.hash, error=str(trouble))
            return None
