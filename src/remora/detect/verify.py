"""Keeping what was heard true to the chain: gaps are read, swallowed logs found, orphaned blocks taken back.

A subscription alone proves nothing, so every few blocks the same range is read with eth_getLogs, and only that moves
the cursor. While the past is being read, or the chain is in doubt, the gate keeps newer blocks back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from remora.detect.blocks import Block, Blocks
from remora.detect.health import Backfill
from remora.detect.intake import Intake
from remora.detect.reorg import REMEMBERED_BLOCKS, Heads
from remora.detect.times import BlockTimes
from remora.domain.chain import Gap, Head, LogFilter, LogPlace
from remora.domain.errors import RemoraError
from remora.domain.ignored import Ignored
from remora.domain.signal import Source
from remora.ports import ChainReader, Clock, SignalStore

log = structlog.get_logger()

BACKFILL_BLOCKS = 500
"""Blocks between two looks at the cursor while catching up; how many one call may span is the node's affair."""

REWIND_BLOCKS = 5
"""Blocks before the cursor that are read again after a gap; known trades vanish at the unique row."""

VERIFY_EVERY_BLOCKS = 5
"""A log that the subscription swallowed is read this many blocks later."""

PAUSE_S = 0.2
"""Before a question is asked again to which the node had no answer, or room is looked for."""

CLOSED = -1
"""A gate that lets nothing through."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """Two blocks of this number were named, or one was called removed, or was not served."""

    number: int


class Verifier:
    """Hears the stream, announces blocks, and compares all of it with what the node says when it is asked."""

    def __init__(
        self,
        *,
        chain: ChainReader,
        store: SignalStore,
        clock: Clock,
        blocks: Blocks,
        times: BlockTimes,
        intake: Intake,
        ignored: Ignored,
        filters: Callable[[], Sequence[LogFilter]],
        wake: Callable[[], None],
        reorg_depth: int,
    ) -> None:
        self._chain = chain
        self._store = store
        self._clock = clock
        self._blocks = blocks
        self._times = times
        self._intake = intake
        self._ignored = ignored
        self._filters = filters
        self._wake = wake
        self._reorg_depth = reorg_depth
        self._heads = Heads()
        self._news: asyncio.Queue[Head | Gap | Doubt] = asyncio.Queue()
        self._doubts: set[int] = set()
        self._orphaned: list[str] = []
        self._gaps = 0
        self._gaps_resumed = 0
        self._listening = False
        self._verified: int | None = None
        self.cursor: int | None = None
        self.log_us: int | None = None
        self.backfill: Backfill | None = None

    def hear(self, item: LogPlace | Head | Gap) -> None:
        """Take what the stream brings."""
        match item:
            case LogPlace():
                self.log_us = self._clock.now_us()
                self._hear_log(item, Source.CHAIN)
            case Head():
                self._times.add(item, heard_us=self._clock.now_us())
                self._news.put_nowait(item)
            case Gap():
                self._gaps += 1
                self._listening, self._blocks.gate = False, CLOSED
                self._news.put_nowait(item)

    def doubt(self, number: int) -> None:
        """Ask which block of a number is in the chain; until that is known, it and what follows wait."""
        self._unverify(number)
        if number not in self._doubts:
            self._doubts.add(number)
            self._close(number - 1)
            self._news.put_nowait(Doubt(number))

    def reread(self, number: int, block_hash: str) -> None:
        """Announce a block again of which no node told, or not all; one that is in doubt is asked for."""
        if self._blocks.is_orphaned(block_hash):
            self.doubt(number)
            return
        self._blocks.reopen(block_hash)
        if not self._blocks.holds(block_hash):
            self._announce(number, block_hash, Source.POLLING)

    async def run(self) -> None:
        """Deal with the news for ever. What fails is tried again, unless there is newer news."""
        while True:
            news = await self._next()
            try:
                await self._deal_with(news)
            except RemoraError as trouble:
                log.warning("chain_not_followed", error=str(trouble))
                await self._clock.sleep(PAUSE_S)
                if self._news.empty():
                    self._news.put_nowait(news)

    async def _next(self) -> Head | Gap | Doubt:
        """Wait for news, and return the last: earlier heads say nothing that it does not, doubts and gaps are noted.

        With nodes that answer slower than blocks come, who dealt with each would fall behind for ever.
        """
        news = await self._news.get()
        while not self._news.empty():
            news = self._news.get_nowait()
        return news

    def _hear_log(self, item: LogPlace, source: Source) -> None:
        """Announce a log's block, unless it is known."""
        number, block_hash = item.block_number, item.block_hash
        if number is None or block_hash is None:
            if self._ignored.add("log of no block"):
                log.warning("ignored", what="log of no block", tx_hash=item.tx_hash)
        elif item.removed:
            if self._heads.has(number, block_hash):
                self.doubt(number)
        elif self._blocks.is_orphaned(block_hash):
            if source is Source.BACKFILL:  # the subscription may be late; who is asked for the past should know
                self.doubt(number)
        elif not self._blocks.holds(block_hash):
            self._announce(number, block_hash, source)

    def _announce(self, number: int, block_hash: str, source: Source) -> None:
        if not self._heads.claim(number, block_hash):
            self.doubt(number)
        elif source is Source.CHAIN and not self._blocks.has_live_room:
            self._unverify(number)
        else:
            heard_us = self._clock.now_us()
            self._blocks.announce(Block(number=number, hash=block_hash, heard_us=heard_us, source=source))
            self._wake()

    async def _deal_with(self, news: Head | Gap | Doubt) -> None:
        if self._has_gap:
            head = await self._resume()
        else:
            head = news if isinstance(news, Head) else await self._chain.head()
        for number in sorted(self._doubts):
            await self._follow(await self._chain.block(number))
            self._doubts.discard(number)
        await self._follow(head)
        if self._orphaned:
            await self._intake.withdraw(self._orphaned)
            self._orphaned = []
        await self._catch_up(head.number)

    @property
    def _has_gap(self) -> bool:
        """Whether a gap was heard of, and the past up to it is not looked for yet."""
        return self._gaps_resumed < self._gaps

    async def _resume(self) -> Head:
        """Go back to the cursor, or start at the head if there is none; return the head.

        The head is asked for: one that was heard before the gap does not reach its end.
        """
        gaps = self._gaps  # another one may be heard of meanwhile
        head = await self._chain.head()
        cursor = self.cursor = await self._store.cursor()
        if cursor is None:
            await self._save(head.number)
        if self._verified is None:
            await self._recollect((head.number if cursor is None else cursor) - REMEMBERED_BLOCKS)
        self._verified = head.number if cursor is None else max(0, cursor - REWIND_BLOCKS)
        self._gaps_resumed = gaps
        return head

    async def _recollect(self, since_block: int) -> None:
        """Learn from the store what an earlier process heard: its blocks may have been orphaned since."""
        known = await self._store.known_signals(since_block)
        for each in known:
            if each.block_number is not None and each.block_hash is not None:
                self._heads.recollect(each.block_number, each.block_hash)
        self._intake.remember(known)

    async def _follow(self, head: Head) -> None:
        """Make a head ours; where it does not follow from what is ours, find the fork."""
        if self._heads.contradicts(head):
            head = await self._chain.block(head.number)
        branch = [head]
        while (number := self._heads.unproven(branch[-1])) is not None:
            branch.append(await self._chain.block(number))
        orphaned = self._heads.adopt(branch)
        for each in branch:
            self._blocks.restore(each.hash)
        if orphaned:
            self._rewind(orphaned)

    def _rewind(self, orphaned: dict[int, str]) -> None:
        """Forget what may be gone: it is read again when the signals of orphaned blocks are taken back.

        The fork is only as deep as we know. Below it, a block in which we had found nothing, and whose hash nobody
        named, may have been replaced by one that has a trade, and a trade may have moved there from an orphaned block.
        So it begins as far below as a reorganisation reaches, but not before the cursor.
        """
        fork = min(orphaned) - 1
        log.warning("reorg", fork=fork, orphaned=[f"{number}: {orphaned[number]}" for number in sorted(orphaned)])
        last = min(fork, max(fork - self._reorg_depth, self.cursor or 0))
        self._orphaned += orphaned.values()
        self._blocks.rewind(last, orphaned.values())
        self._intake.forget()
        self._unverify(last + 1)
        self._close(last)
        self._wake()

    def _unverify(self, number: int) -> None:
        """Read a block, and what follows, again."""
        self._verified = None if self._verified is None else min(self._verified, number - 1)

    async def _catch_up(self, head: int) -> None:
        """Read what is not verified: now when the gate is closed, else every few blocks, and then open the gate."""
        if self._verified is None:
            return
        closed = self._blocks.gate is not None
        if not closed and head - self._verified <= VERIFY_EVERY_BLOCKS:
            return
        self._blocks.retry_failed()
        self._wake()
        await self._read_logs(head if closed else head - 1, head)
        if closed and not (self._has_gap or self._doubts):
            self._open()

    async def _read_logs(self, last: int, head: int) -> None:
        """Announce what the logs up to a block name, and only then let the cursor follow."""
        start = (self._verified or 0) + 1
        try:
            while self._verified is not None and self._verified < last and not self._doubts:
                first, end = self._verified + 1, min(self._verified + BACKFILL_BLOCKS, last)
                self.backfill = Backfill(first=start, last=last, at=first)
                found = await self._chain.logs(self._filters(), first, end)
                self._verified = end
                for item in found:
                    await self._wait_for_room()
                    self._hear_log(item, Source.BACKFILL)
                if self._blocks.gate is not None:
                    self._blocks.gate = min([end, *(number - 1 for number in self._doubts)])
                    self._wake()
                await self._save(min(self._blocks.safe(self._verified), head - self._reorg_depth))
        finally:
            self.backfill = None

    async def _wait_for_room(self) -> None:
        while not self._blocks.has_room:
            await self._clock.sleep(PAUSE_S)

    async def _save(self, cursor: int) -> None:
        if self.cursor is None or cursor > self.cursor:
            await self._store.save_cursor(cursor)
            self.cursor = cursor

    def _open(self) -> None:
        self._blocks.gate = None
        self._wake()
        if not self._listening:
            self._listening = True
            log.info("listening", says="[Supervisor] Listening for TransferSingle events...")

    def _close(self, number: int) -> None:
        gate = self._blocks.gate
        self._blocks.gate = number if gate is None else min(gate, number)
