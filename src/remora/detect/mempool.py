"""The mempool: leaders' fills before any block has them, and word of those that come to nothing.

A pending match is provisional. It is believed only from who may match orders on its exchange, because anybody can send
calldata with old orders of a leader; and it vanishes when its transaction fails, or another one takes its place.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Collection, Coroutine, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

import structlog

from remora.detect.calldata import Exchanges, NotAMatch, decode_calldata
from remora.detect.decode import decode_fill, sum_by_order
from remora.detect.identity import RecentlySeen
from remora.detect.pending import OrderKey, PendingFill, Sent, Unmined, Vanished
from remora.domain.chain import Head, PendingTransaction, Receipt
from remora.domain.errors import RemoraError, Retryable
from remora.domain.ids import Address
from remora.domain.signal import Fill
from remora.ports import ChainReader, Clock, Mempool

log = structlog.get_logger()

US = 1_000_000

HEARD_AGAIN_US = 60 * US
"""How long a transaction is remembered that several nodes tell."""

BELIEVED_BLOCKS = 256
"""How long an exchange's word on who may match orders counts."""

MAX_ACCOUNTS = 1_000
"""Accounts whose right to match is remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Whose fills are looked for, and on which exchanges; a leader's resting order that ours hit is no signal."""

    exchanges: Exchanges
    leaders: frozenset[Address]
    fleet: frozenset[Address]

    def is_signal(self, fill: Fill) -> bool:
        """Tell a leader's own trade."""
        return fill.wallet in self.leaders and fill.counterparty not in self.fleet and bool(fill.shares)


class Matchers:
    """Who may match orders, as the exchanges say; asked once per account for a while."""

    def __init__(self) -> None:
        self._answers: OrderedDict[tuple[Address, Address], tuple[bool, int]] = OrderedDict()

    async def include(self, account: Address, exchange: Address, mempool: Mempool, block: int) -> bool:
        """Tell whether an account may match orders on an exchange. Retryable when the node cannot say."""
        answer, asked = self._answers.get((account, exchange), (False, -BELIEVED_BLOCKS))
        if block - asked < BELIEVED_BLOCKS:
            return answer
        answer = await mempool.may_match(account, exchange)
        self._answers[account, exchange] = (answer, block)
        self._answers.move_to_end((account, exchange))
        while len(self._answers) > MAX_ACCOUNTS:
            self._answers.popitem(last=False)
        return answer


class PendingFills:
    """Turns the pending transactions of one or more nodes into leaders' pending fills, each once.

    `on_pending` gets each, `on_vanished` those that come to nothing, after `on_pending` returned; the two of different
    fills may run at the same time, and what they raise of ours is logged. A fill that a block has is told by neither:
    `pending_of` says which it was.
    """

    def __init__(
        self,
        *,
        mempools: Sequence[Mempool],
        chain: ChainReader,
        clock: Clock,
        wanted: Wanted,
        on_pending: Callable[[PendingFill], Coroutine[None, None, None]],
        on_vanished: Callable[[PendingFill, Vanished], Coroutine[None, None, None]],
    ) -> None:
        self._mempools = mempools
        self._chain = chain
        self._clock = clock
        self._wanted = wanted
        self._on_pending = on_pending
        self._on_vanished = on_vanished
        self._unmined = Unmined()
        self._matchers = Matchers()
        self._recently = RecentlySeen(HEARD_AGAIN_US)
        self._told: dict[OrderKey, asyncio.Task[None]] = {}
        self._looking: asyncio.Task[None] | None = None
        self._block = 0

    def pending_of(self, fill: Fill) -> PendingFill | None:
        """Return the pending fill that a fill in a block is, None if it was not heard before.

        The hash of its transaction may be another one than the block's: the match was sent again.
        """
        if fill.tx_hash is None:
            return None
        return self._unmined.find((fill.exchange, fill.order_hash), fill.tx_hash)

    def watch(self, leaders: frozenset[Address], fleet: Collection[Address] = ()) -> None:
        """Look for the fills of these leaders from now on, but for those that hit orders of the fleet, as it grows."""
        self._wanted = replace(self._wanted, leaders=leaders, fleet=self._wanted.fleet.union(fleet))

    async def run(self) -> None:
        """Listen to every node for ever; one that is lost is listened to anew."""
        async with asyncio.TaskGroup() as tasks:
            for mempool in self._mempools:
                tasks.create_task(self._listen(mempool, tasks))

    async def _listen(self, mempool: Mempool, tasks: asyncio.TaskGroup) -> None:
        while True:
            try:
                self._block = self._block or (await self._chain.head()).number
                async with aclosing(mempool.stream()) as stream:
                    async for item in stream:
                        if isinstance(item, Head):
                            self._advance(item, tasks)
                        elif self._recently.add(item.tx_hash, self._clock.now_us()):
                            await self._hear(item, mempool, tasks)
            except Retryable as lost:
                log.warning("mempool_lost", error=str(lost))
                await self._clock.sleep(lost.delay_s)

    async def _hear(self, transaction: PendingTransaction, mempool: Mempool, tasks: asyncio.TaskGroup) -> None:
        heard_us = self._clock.now_us()
        if transaction.to is None:
            return
        found = decode_calldata(
            transaction.calldata, transaction.to, self._wanted.exchanges, tx_hash=transaction.tx_hash
        )
        if isinstance(found, NotAMatch):
            return
        for fill in sum_by_order(fill for fill in found if self._wanted.is_signal(fill)):
            # The exchange is called by who sends the transaction, or by the contract that wraps the match.
            caller = transaction.sender if transaction.to == fill.exchange else transaction.to
            if await self._is_believed(caller, fill, mempool):
                self._take(PendingFill(fill=fill, heard_us=heard_us, heard_block=self._block), transaction, tasks)

    async def _is_believed(self, caller: Address, fill: Fill, mempool: Mempool) -> bool:
        """Tell whether the exchange takes the match from who calls it."""
        try:
            believed = await self._matchers.include(caller, fill.exchange, mempool, self._block)
        except Retryable as trouble:
            log.warning("matcher_unknown", account=caller, tx_hash=fill.tx_hash, error=str(trouble))
            return False
        if not believed:
            log.warning("forged_match", account=caller, exchange=fill.exchange, tx_hash=fill.tx_hash)
        return believed

    def _take(self, pending: PendingFill, transaction: PendingTransaction, tasks: asyncio.TaskGroup) -> None:
        if self._unmined.is_full:
            log.warning("too_many_pending_fills", tx_hash=transaction.tx_hash)
            return
        if not self._unmined.add(pending, transaction):
            log.info("pending_fill_heard_again", order_hash=pending.fill.order_hash, tx_hash=transaction.tx_hash)
            return
        fill = pending.fill
        log.info(
            "pending_fill_heard",
            leader=fill.wallet,
            side=fill.side,
            shares=str(fill.shares),
            price=str(fill.price),
            tx_hash=fill.tx_hash,
        )
        self._told[pending.key] = tasks.create_task(self._contain(self._on_pending(pending), pending))

    def _advance(self, head: Head, tasks: asyncio.TaskGroup) -> None:
        """Look at each new block what became of the pending fills, unless the last look is not over yet."""
        if head.number <= self._block:
            return
        self._block = head.number
        if self._looking is None or self._looking.done():
            self._looking = tasks.create_task(self._look(head.number, tasks))

    async def _look(self, block: int, tasks: asyncio.TaskGroup) -> None:
        for pending, sent in self._unmined.transactions():
            try:
                await self._look_for(pending, sent, block, tasks)
            except Retryable as trouble:
                log.warning("pending_fill_unknown", tx_hash=sent.transaction.tx_hash, error=str(trouble))

    async def _look_for(self, pending: PendingFill, sent: Sent, block: int, tasks: asyncio.TaskGroup) -> None:
        transaction = sent.transaction
        receipt = await self._chain.receipt(transaction.tx_hash)
        if receipt is not None and self._has(receipt, pending):
            self._unmined.mined(pending.key, transaction.tx_hash, block)
            self._told.pop(pending.key, None)
            return
        if receipt is not None:
            end: Vanished | None = Vanished.REVERTED
        else:
            used = await self._chain.account_nonce(transaction.sender) > transaction.nonce
            end = sent.end(block, nonce_used=used)
        if end is not None and self._unmined.drop(pending.key, transaction.tx_hash):
            tasks.create_task(self._tell_vanished(pending, end, self._told.pop(pending.key, None)))

    def _has(self, receipt: Receipt, pending: PendingFill) -> bool:
        """Tell whether a block has the fill: a wrapped match may fail while its transaction succeeds."""
        fills = (decode_fill(each, (pending.fill.exchange,)) for each in receipt.logs)
        return receipt.succeeded and any(fill and fill.order_hash == pending.fill.order_hash for fill in fills)

    async def _tell_vanished(self, pending: PendingFill, why: Vanished, told: asyncio.Task[None] | None) -> None:
        if told is not None:
            await told
        log.info("pending_fill_vanished", tx_hash=pending.fill.tx_hash, why=why)
        await self._contain(self._on_vanished(pending, why), pending)

    async def _contain(self, telling: Coroutine[None, None, None], pending: PendingFill) -> None:
        """Tell it, and let a failure concern this fill only: the block tells it again."""
        try:
            await telling
        except* RemoraError as failed:
            errors = [str(error) for error in failed.exceptions]
            log.error("pending_fill_not_dealt_with", tx_hash=pending.fill.tx_hash, errors=errors)
