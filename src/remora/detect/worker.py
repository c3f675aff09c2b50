"""The detector: listens to the chain and hands on each signal and each fill of ours once, in chain order per leader.

A log only says that a block concerns us; what happened in it is read from its receipts. The parts: `verify` keeps what
is heard true to the chain, `reading` reads the blocks in order, `intake` makes signals of them, `lanes` hands them on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing
from dataclasses import replace

import structlog

from remora.detect.blocks import Block, Blocks
from remora.detect.health import DetectorHealth
from remora.detect.identity import RecentlySeen
from remora.detect.intake import Intake, OnFill, OnSignal
from remora.detect.lanes import Lanes
from remora.detect.reading import ReadBlock, Reading
from remora.detect.times import BlockTimes
from remora.detect.trades import fills_of
from remora.detect.verify import Verifier
from remora.detect.watch import Watch
from remora.domain.chain import Gap, Head, LogPlace, Receipt
from remora.domain.errors import Retryable
from remora.domain.history import PolledTrade
from remora.domain.ids import Address, TxHash
from remora.domain.ignored import Ignored
from remora.domain.records import KnownSignal
from remora.domain.signal import Fill
from remora.ports import ChainReader, Clock, SignalStore

log = structlog.get_logger()

REORG_DEPTH = 10
"""How many blocks the cursor stays behind the head, so that a restart reads again what a reorganisation may take."""


class Detector:
    """Turns the chain's logs into signals and fills, and keeps the cursor behind what is dealt with.

    `on_signal` and `on_fill` return once what they were given is durable; only then does the cursor pass its block.
    """

    def __init__(
        self,
        *,
        chain: ChainReader,
        store: SignalStore,
        clock: Clock,
        watch: Watch,
        recently: RecentlySeen,
        on_signal: OnSignal,
        on_fill: OnFill,
        ignored: Ignored | None = None,
        reorg_depth: int = REORG_DEPTH,
    ) -> None:
        self._chain = chain
        self._store = store
        self._clock = clock
        self._watch = watch
        self._filters = watch.filters()
        self._recently = recently
        self._on_signal = on_signal
        self._on_fill = on_fill
        self._ignored = ignored or Ignored()
        self._reorg_depth = reorg_depth
        self._watch_changed = asyncio.Event()
        self._closed = False
        self._subscriptions = 0
        self._begin()

    def close(self) -> None:
        """Take no more signals: the cursor stays before them. Fills of our own orders are still heard."""
        self._closed = self._intake.closed = True

    async def run(self) -> None:
        """Listen for ever. An error that nobody foresaw ends it; started again, it goes on from the cursor."""
        self._begin()
        async with asyncio.TaskGroup() as tasks:
            for part in (self._lanes, self._reading, self._verifier):
                tasks.create_task(part.run())
            await self._subscribe(tasks)

    def watch(self, leaders: Collection[Address], fleet: Collection[Address] = ()) -> None:
        """Follow these leaders from now on, and these operator wallets beside those that were followed before.

        The old subscriptions go when the new ones stand.
        """
        watch = replace(self._watch, leaders=frozenset(leaders), fleet=self._watch.fleet.union(fleet))
        if watch == self._watch:
            return
        self._watch = watch
        self._filters = self._watch.filters()
        self._watch_changed.set()

    def health(self) -> DetectorHealth:
        """Return how well we hear."""
        now_us, times, verifier = self._clock.now_us(), self._times, self._verifier
        return DetectorHealth(
            head=times.head.number if times.head else None,
            cursor=verifier.cursor,
            reorg_depth=self._reorg_depth,
            block_time_us=times.block_time_us(),
            head_age_us=None if times.head_us is None else now_us - times.head_us,
            log_age_us=None if verifier.log_us is None else now_us - verifier.log_us,
            subscriptions=self._subscriptions,
            backfill=verifier.backfill,
            unfinished=self._blocks.unfinished,
            ignored=self._ignored.counts(),
        )

    def hear_pending(self, fill: Fill, heard_us: int) -> None:
        """Take what a leader's order would fill in a transaction that no block has yet."""
        self._intake.hear_pending(fill, heard_us, self._watch)

    def hear_vanished(self, fill: Fill) -> None:
        """Note that a pending order will be filled in no block; if it is all the same, that is heard from the block."""
        self._intake.hear_vanished(fill)

    def hear_overdue(self, signal: KnownSignal) -> None:
        """Note that a pending signal's trade is in no block, and has been pending for too long to come."""
        self._intake.hear_overdue(signal)

    def hear_polled(self, trade: PolledTrade, heard_us: int) -> None:
        """Take a leader's trade that only the public history tells, because no node answers."""
        self._intake.hear_polled(trade, heard_us, self._watch)

    def has_passed(self, block_number: int) -> bool:
        """Tell whether a block is dealt with, as far as nodes told what is in it."""
        return self._verifier.cursor is not None and block_number <= self._verifier.cursor

    def reread(self, receipt: Receipt) -> bool:
        """Read a transaction's block anew; False, and nothing is done, when it is no signal of a leader's."""
        fills = fills_of([receipt], self._watch)
        if receipt.block_hash is None or not any(map(self._watch.is_signal, fills)):
            return False
        self._verifier.reread(receipt.block_number, receipt.block_hash)
        return True

    async def look_at(self, tx_hash: TxHash) -> None:
        """Hear our own fills of a block that holds a transaction which somebody else knows of."""
        receipt = await self._chain.receipt(tx_hash)
        if receipt is None or receipt.block_hash is None:
            return
        heard_us = self._clock.now_us()
        receipts = await self._chain.receipts(receipt.block_hash, self._filters) or []
        for fill in fills_of(receipts, self._watch):
            if fill.wallet in self._watch.fleet:
                await self._on_fill(fill, heard_us)

    def _begin(self) -> None:
        """Forget everything that is not durable."""
        self._recently.clear()
        self._blocks = Blocks()
        self._lanes = Lanes(self._clock)
        self._times = BlockTimes(self._chain)
        self._intake = Intake(
            chain=self._chain,
            store=self._store,
            clock=self._clock,
            blocks=self._blocks,
            lanes=self._lanes,
            recently=self._recently,
            ignored=self._ignored,
            on_signal=self._on_signal,
            on_fill=self._on_fill,
        )
        self._intake.closed = self._closed
        self._reading = Reading(
            chain=self._chain,
            clock=self._clock,
            blocks=self._blocks,
            times=self._times,
            filters=lambda: self._filters,
            on_read=self._take,
            on_missing=lambda block: self._verifier.doubt(block.number),
        )
        self._verifier = Verifier(
            chain=self._chain,
            store=self._store,
            clock=self._clock,
            blocks=self._blocks,
            times=self._times,
            intake=self._intake,
            ignored=self._ignored,
            filters=lambda: self._filters,
            wake=self._reading.wake,
            reorg_depth=self._reorg_depth,
        )

    def _take(self, block: Block, read: ReadBlock) -> None:
        self._intake.take(block, read.receipts, read.mined_us, self._watch)

    async def _subscribe(self, tasks: asyncio.TaskGroup) -> None:
        """Listen; when the leaders change, listen anew before the old ear is closed."""
        ear: asyncio.Task[None] | None = None
        while True:
            self._watch_changed.clear()
            stands = asyncio.Event()
            newer = tasks.create_task(self._listen(stands))
            await stands.wait()
            if ear is not None:
                ear.cancel()
            ear = newer
            await self._watch_changed.wait()

    async def _listen(self, stands: asyncio.Event) -> None:
        """Pass on what the stream brings; after a lost connection, listen anew."""
        filters = self._filters
        while True:
            try:
                async with aclosing(self._chain.stream(filters)) as stream:
                    await self._hear(stream, len(filters), stands)
            except Retryable as lost:
                log.warning("detector_connection_lost", error=str(lost))
                await self._clock.sleep(lost.delay_s)

    async def _hear(
        self, stream: AsyncGenerator[LogPlace | Head | Gap, None], filters: int, stands: asyncio.Event
    ) -> None:
        subscriptions = 1 + filters  # the heads, and the logs of each filter
        stood = False
        try:
            async for item in stream:
                if not stood:
                    self._subscriptions += subscriptions
                    stood = True
                    stands.set()
                self._verifier.hear(item)
        finally:
            if stood:
                self._subscriptions -= subscriptions
