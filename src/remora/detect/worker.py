"""The detector: listens to the chain, backfills what it missed, and hands on each signal and each fill of ours once.

A log only says where to look. What a wallet really traded is read from the whole receipt, because the amounts that a
taker's log gives are upper bounds when orders were matched by minting or merging.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine
from contextlib import ExitStack, aclosing
from dataclasses import dataclass

import structlog

from remora.detect.cursor import Progress
from remora.detect.decode import exact_fills, sum_by_order
from remora.detect.explain import explain_receipt
from remora.detect.identity import RecentlySeen, signal_of
from remora.detect.times import BlockTimes
from remora.domain.chain import Head, Log, Receipt
from remora.domain.contracts import ORDER_FILLED, TRANSFER_BATCH, TRANSFER_SINGLE, Contracts
from remora.domain.errors import RemoraError, Retryable
from remora.domain.ids import Address, TxHash
from remora.domain.signal import Fill, Signal
from remora.ports import ChainReader, Clock, LogFilter, SignalStore

log = structlog.get_logger()

BACKFILL_BLOCKS = 500
"""Blocks per eth_getLogs call while catching up."""

REWIND_BLOCKS = 5
"""Blocks that a start reads again; known fills vanish at the unique row."""

VERIFY_EVERY_BLOCKS = 5
"""A log that the subscription swallowed is read this many blocks later."""

RECEIPT_RETRY_S = 0.2
"""A node may announce a log before it serves the receipt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Whom and what to listen for."""

    chain_id: int
    known: Contracts
    leaders: frozenset[Address]
    fleet: frozenset[Address]

    def filters(self) -> list[LogFilter]:
        """Return the filters: fills of leaders and fleet, position transfers from and to leaders."""
        exchanges, ledgers = tuple(sorted(self.known.exchanges)), tuple(sorted(self.known.ledgers))
        transfers = (TRANSFER_SINGLE, TRANSFER_BATCH)
        fills = [
            LogFilter(addresses=exchanges, topics=((ORDER_FILLED,), None, wallets))
            for wallets in _topics(self.leaders | self.fleet)
        ]
        moves = [
            LogFilter(addresses=ledgers, topics=topics)
            for wallets in _topics(self.leaders)
            for topics in ((transfers, None, wallets), (transfers, None, None, wallets))
        ]
        return fills + moves


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
        on_signal: Callable[[Signal], Coroutine[None, None, None]],
        on_fill: Callable[[Fill, int], Coroutine[None, None, None]],
    ) -> None:
        self._chain = chain
        self._store = store
        self._clock = clock
        self._watch = watch
        self._recently = recently
        self._on_signal = on_signal
        self._on_fill = on_fill
        self._progress = Progress()
        self._times = BlockTimes(chain)
        self._verified = 0
        self._closed = False

    def close(self) -> None:
        """Take no more signals: the cursor stays before them. Fills of our own orders are still heard."""
        self._closed = True

    async def run(self) -> None:
        """Listen for ever; after a lost connection, listen anew and read what was missed."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                try:
                    await self._listen(tasks)
                except Retryable as lost:
                    log.warning("detector_connection_lost", error=str(lost))
                    await self._clock.sleep(lost.delay_s)

    async def _listen(self, tasks: asyncio.TaskGroup) -> None:
        caught_up = False
        async with aclosing(self._chain.stream(self._watch.filters())) as stream:
            async for item in stream:
                if not caught_up:
                    await self._backfill(tasks)
                    caught_up = True
                    log.info("listening", says="[Supervisor] Listening for TransferSingle events...")
                if isinstance(item, Head):
                    await self._advance(item, tasks)
                else:
                    self._take(item, tasks)

    async def _backfill(self, tasks: asyncio.TaskGroup) -> None:
        """Read what was missed since the cursor, or start at the head if there is none."""
        head = (await self._chain.head()).number
        cursor = await self._store.cursor()
        self._verified = head if cursor is None else max(0, cursor - REWIND_BLOCKS)
        await self._verify(head, tasks)

    async def _advance(self, head: Head, tasks: asyncio.TaskGroup) -> None:
        """Follow the head; every few blocks read again what a subscription may have swallowed."""
        self._times.add(head)
        if head.number - self._verified > VERIFY_EVERY_BLOCKS:
            await self._verify(head.number - 1, tasks)

    async def _verify(self, last_block: int, tasks: asyncio.TaskGroup) -> None:
        """Read the logs up to a block, and only then let the cursor follow: a subscription alone proves nothing."""
        for first in range(self._verified + 1, last_block + 1, BACKFILL_BLOCKS):
            last = min(first + BACKFILL_BLOCKS - 1, last_block)
            for item in await self._chain.logs(self._watch.filters(), first, last):
                self._take(item, tasks)
        self._verified = max(self._verified, last_block)
        self._progress.head(self._verified + 1)
        await self._store.save_cursor(self._progress.safe())

    def _take(self, item: Log, tasks: asyncio.TaskGroup) -> None:
        """Start to deal with a log's transaction, unless it is removed, unmined or already being dealt with."""
        if item.removed or item.tx_hash is None or item.block_number is None:
            log.info("log_ignored", tx_hash=item.tx_hash, log_index=item.log_index, removed=item.removed)
            return
        heard_us = self._clock.now_us()
        if self._recently.add(item.tx_hash, heard_us):
            self._progress.start(item.tx_hash, item.block_number)
            tasks.create_task(self._contain(item.tx_hash, heard_us))

    async def _contain(self, tx_hash: TxHash, heard_us: int) -> None:
        """Deal with a transaction; a failure halts nothing else and keeps the cursor before it, to be heard again."""
        try:
            with ExitStack() as unless_dealt_with:
                unless_dealt_with.callback(self._recently.forget, tx_hash)
                await self._deal_with(tx_hash, heard_us)
                unless_dealt_with.pop_all()
        except* RemoraError as failed:
            log.error("transaction_not_dealt_with", tx_hash=tx_hash, errors=[str(e) for e in failed.exceptions])

    async def look_at(self, tx_hash: TxHash) -> None:
        """Deal with a transaction that somebody else knows of, and that was perhaps not heard."""
        await self._deal_with(tx_hash, self._clock.now_us())

    async def _deal_with(self, tx_hash: TxHash, heard_us: int) -> None:
        receipt = await self._receipt(tx_hash)
        known = self._watch.known.exchanges
        fills = sum_by_order(exact_fills(receipt.logs, known, complete=True)) if receipt.succeeded else []
        signals = [fill for fill in fills if self._is_signal(fill)]
        block_us = await self._times.mined_us(receipt.block_number) if signals else 0
        async with asyncio.TaskGroup() as group:
            for fill in fills:
                if fill.wallet in self._watch.fleet:
                    group.create_task(self._on_fill(fill, heard_us))
            if not self._closed:
                for fill in signals:
                    group.create_task(self._on_signal(self._signal(fill, heard_us, block_us)))
        self._explain(receipt, {fill.wallet for fill in fills})
        if not (self._closed and signals):
            self._progress.finish(tx_hash)

    def _is_signal(self, fill: Fill) -> bool:
        """Tell a leader's own trade from one in which our order hit the leader's resting order."""
        return fill.wallet in self._watch.leaders and fill.counterparty not in self._watch.fleet and bool(fill.shares)

    def _signal(self, fill: Fill, heard_us: int, block_us: int) -> Signal:
        signal = signal_of(fill, chain_id=self._watch.chain_id, heard_us=heard_us, block_us=block_us)
        log.info(
            "signal_heard",
            leader=signal.leader,
            side=signal.side,
            shares=str(signal.shares),
            price=str(signal.price),
            tx_hash=signal.tx_hash,
        )
        return signal

    async def _receipt(self, tx_hash: TxHash) -> Receipt:
        while True:
            try:
                receipt = await self._chain.receipt(tx_hash)
            except Retryable as trouble:
                log.warning("receipt_unavailable", tx_hash=tx_hash, error=str(trouble))
                receipt = None
            if receipt is not None:
                return receipt
            await self._clock.sleep(RECEIPT_RETRY_S)

    def _explain(self, receipt: Receipt, traded: Collection[Address]) -> None:
        """Say why a leader's position moved without a trade."""
        for leader in self._watch.leaders.difference(traded).intersection(_parties(receipt)):
            seen = explain_receipt(receipt, leader, self._watch.known)
            reasons = sorted({ignored.reason for ignored in seen.ignored if ignored.concerns_wallet})
            log.info("no_trade", leader=leader, tx_hash=receipt.tx_hash, reasons=", ".join(reasons))


TOPICS_PER_FILTER = 1000
"""Nodes take at most this many alternatives for one topic (polymarket.md, section 6)."""


def _topics(wallets: Collection[Address]) -> list[tuple[str, ...]]:
    """Return the wallets as topics, in as many groups as the nodes' limit needs."""
    topics = sorted("0x" + wallet.removeprefix("0x").rjust(64, "0") for wallet in wallets)
    starts = range(0, len(topics), TOPICS_PER_FILTER)
    return [tuple(topics[start : start + TOPICS_PER_FILTER]) for start in starts]


def _parties(receipt: Receipt) -> set[Address]:
    return {Address("0x" + topic[-40:]) for item in receipt.logs for topic in item.topics[1:]}
