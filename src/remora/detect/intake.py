"""The one door through which every source brings what leaders did and fills of ours, each to be dealt with once.

What blocks say goes in by `take`, what the mempool says by `hear_pending` and `hear_vanished`, what only the public
history says by `hear_polled`, and `hear_overdue` ends what no block ever took. One order in one transaction is one
signal, and so is each other exit; a pending one and the mined one of the same order are the same, whatever transaction
brought it. A memory of a minute stands in front of the unique row, which decides.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import structlog

from remora.detect.blocks import Block, Blocks
from remora.detect.explain import NoTrade
from remora.detect.holdings import Holdings, held_now
from remora.detect.identity import RecentlySeen, mined_signal, pending_signal, polled_signal
from remora.detect.lanes import Job, Lanes
from remora.detect.moves import moves_of
from remora.detect.positions import Happening, changes_since, in_chain_order, is_exit
from remora.detect.trades import BesideTrades, beside_trades, fills_of
from remora.detect.watch import Watch
from remora.domain.chain import Receipt
from remora.domain.history import PolledTrade
from remora.domain.ids import ZERO_ADDRESS, Address, OrderHash, SignalId, TxHash, polled_signal_id
from remora.domain.ignored import Ignored
from remora.domain.records import KnownSignal, LostSignal
from remora.domain.signal import Fill, Side, Signal, SignalKind, SignalState
from remora.ports import ChainReader, Clock, SignalStore

log = structlog.get_logger()

OnSignal = Callable[[Signal], Coroutine[None, None, None]]
OnFill = Callable[[Fill, int], Coroutine[None, None, None]]

MOST_NAMES = 10_000
"""Pending orders, and mined ones that had been pending, whose signal's name is remembered."""

SAID_FOR_US = 3_600_000_000
"""How long it is remembered that a signal was said to be heard: it may be handed on several times."""

K = TypeVar("K")
V = TypeVar("V")

_Order = tuple[Address, OrderHash]

_SUSPICIOUS = frozenset({NoTrade.MALFORMED, NoTrade.UNKNOWN_CONTRACT, NoTrade.SPOOF, NoTrade.UNKNOWN_EVENT})
"""Reasons that are counted as ignored: nothing of the venue says such things."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """A block that was read: when it was mined, on which chain, and what leaders held before their exits in it."""

    block: Block
    mined_us: int
    chain_id: int
    holdings: Holdings


class Intake:
    """Makes signals, and hands them on in chain order per leader. `close` ends that; fills of ours still go through."""

    def __init__(
        self,
        *,
        chain: ChainReader,
        store: SignalStore,
        clock: Clock,
        blocks: Blocks,
        lanes: Lanes,
        recently: RecentlySeen,
        ignored: Ignored,
        on_signal: OnSignal,
        on_fill: OnFill,
    ) -> None:
        self._chain = chain
        self._store = store
        self._clock = clock
        self._blocks = blocks
        self._lanes = lanes
        self._recently = recently
        self._ignored = ignored
        self._on_signal = on_signal
        self._on_fill = on_fill
        self._pending: OrderedDict[_Order, SignalId] = OrderedDict()
        self._ours: OrderedDict[tuple[str, OrderHash], TxHash | None] = OrderedDict()
        self._named: OrderedDict[tuple[_Order, TxHash], SignalId] = OrderedDict()
        self._said = RecentlySeen(SAID_FOR_US)
        self._log = log.bind()  # once: the module's logger is put together anew for each thing said
        self.closed = False

    def remember(self, known: Iterable[KnownSignal]) -> None:
        """Learn the names of stored signals: what was heard of in the mempool keeps the one it got there."""
        for each in known:
            order = each.exchange, each.order_hash
            if each.state in {SignalState.PENDING, SignalState.VANISHED}:
                _put(self._pending, order, each.signal_id)
            else:
                _put(self._named, (order, each.tx_hash), each.signal_id)

    def forget(self) -> None:
        """Take what is heard from now on as new: the unique row knows better than a memory of another chain."""
        self._recently.clear()

    def take(self, block: Block, receipts: Sequence[Receipt], block_us: int, watch: Watch) -> None:
        """Hand on what was traded in a block; when all is durable, the block is finished."""
        fills = fills_of(receipts, watch)
        besides = list(beside_trades(receipts, fills, watch))
        self._explain(besides)
        happenings = in_chain_order([*fills, *moves_of(besides, watch.fleet)])
        changes = changes_since(receipts, happenings, watch.known.ledgers)
        holdings = Holdings(self._chain, self._clock, block.hash, changes)
        read = _Read(block=block, mined_us=block_us, chain_id=watch.chain_id, holdings=holdings)
        ours = [(fill.wallet, partial(self._fill_of_ours, fill, block)) for fill in fills if fill.wallet in watch.fleet]
        leaders = [
            (each.wallet, partial(self._leader_did, each, read)) for each in happenings if _is_signal(each, watch)
        ]
        block.failed, block.open_trades = False, 1 + len(ours) + len(leaders)
        # A closed intake leaves the signals' part of the block open for ever: the next start reads it.
        for wallet, work in ours if self.closed else [*ours, *leaders]:
            self._lanes.put(wallet, Job(work=work, told=partial(self._told, block)))
        self._told(block, done=True)

    def hear_pending(self, fill: Fill, heard_us: int, watch: Watch) -> None:
        """Hand on what a leader's order would fill in a pending transaction, unless the order is pending already."""
        order = fill.exchange, fill.order_hash
        if self.closed or fill.tx_hash is None or not watch.is_signal(fill):
            return
        if order in self._pending or (order, fill.tx_hash) in self._named:
            return
        signal = pending_signal(fill, chain_id=watch.chain_id, heard_us=heard_us)
        _put(self._pending, order, signal.signal_id)
        self._lanes.put(fill.wallet, Job(work=partial(self._hand_on_pending, signal), told=_nobody))

    def hear_vanished(self, fill: Fill) -> None:
        """Note that a pending order will be filled in no block, as far as one can tell."""
        signal_id = self._pending.get((fill.exchange, fill.order_hash))
        if signal_id is not None:
            self._lanes.put(fill.wallet, Job(work=partial(self._vanish, signal_id), told=_nobody))

    def hear_overdue(self, signal: KnownSignal) -> None:
        """Note that a pending signal was in no block for so long that none will have it."""
        self._lanes.put(signal.leader, Job(work=partial(self._vanish, signal.signal_id), told=_nobody))

    def hear_polled(self, trade: PolledTrade, heard_us: int, watch: Watch) -> None:
        """Hand on what only the public history tells; the store refuses what anybody else told before."""
        if self.closed or trade.key.leader not in watch.leaders:
            return
        signal = polled_signal(trade, chain_id=watch.chain_id, heard_us=heard_us)
        _put(self._pending, (signal.exchange, signal.order_hash), signal.signal_id)
        self._lanes.put(signal.leader, Job(work=partial(self._hand_on, signal), told=_nobody))

    async def withdraw(self, orphaned: Sequence[str]) -> None:
        """Take back the signals of blocks that are not in the chain any more, and say so."""
        for lost in await self._store.withdraw(orphaned):
            _report(lost)
        for block_hash, order_hash in [each for each in self._ours if each[0] in orphaned]:
            tx_hash = self._ours.pop((block_hash, order_hash))
            log.error("fill_reorged", order_hash=order_hash, tx_hash=tx_hash, block=block_hash)

    async def _vanish(self, signal_id: SignalId) -> None:
        lost = await self._store.mark_vanished(signal_id)
        if lost is not None:
            _report(lost)

    async def _fill_of_ours(self, fill: Fill, block: Block) -> None:
        await self._on_fill(fill, block.heard_us)
        _put(self._ours, (block.hash, fill.order_hash), fill.tx_hash)

    async def _leader_did(self, happening: Happening, read: _Read) -> None:
        """Hand a signal on, unless that was done; take it back if its block was orphaned meanwhile."""
        block = read.block
        if block.lost:
            return
        mined = mined_signal(happening, chain_id=read.chain_id, block=block, block_us=read.mined_us)
        signal = self._named_signal(mined)
        key = f"{signal.signal_id} {block.hash}"
        if not self._recently.add(key, self._clock.now_us()):
            return
        durable = False
        try:
            if not (self._is_named(signal) and await self._store.confirm(signal)):
                if is_exit(happening):
                    signal = replace(signal, held_before=await read.holdings.before(happening))
                await self._hand_on(signal)
            durable = True
        finally:
            if not durable:
                self._recently.forget(key)
        if self._blocks.is_orphaned(block.hash):
            await self.withdraw([block.hash])

    async def _hand_on_pending(self, signal: Signal) -> None:
        """Hand a pending signal on; who sells what no block has taken yet holds now what it held before."""
        if signal.side is Side.SELL:
            signal = replace(signal, held_before=await held_now(self._chain, signal))
        await self._hand_on(signal)

    async def _hand_on(self, signal: Signal) -> None:
        if self._said.add(signal.signal_id, self._clock.now_us()):
            self._log.info(
                "signal_heard",
                kind=signal.kind,
                leader=signal.leader,
                side=signal.side,
                shares=str(signal.shares),
                price=str(signal.price),
                tx_hash=signal.tx_hash,
                source=signal.source,
            )
        await self._on_signal(signal)

    def _named_signal(self, signal: Signal) -> Signal:
        """Return the signal under the name that it has if it was heard of before it was mined."""
        order = signal.exchange, signal.order_hash
        if (order, signal.tx_hash) not in self._named and order in self._pending:
            _put(self._named, (order, signal.tx_hash), self._pending.pop(order))
        name = self._named.get((order, signal.tx_hash))
        return signal if name is None else replace(signal, signal_id=name)

    def _told(self, block: Block, done: bool) -> None:  # noqa: FBT001  the lanes call it with their answer
        block.open_trades -= 1
        block.failed = block.failed or not done
        if not block.open_trades and not block.failed:
            self._blocks.finish(block)

    def _is_named(self, signal: Signal) -> bool:
        """Tell whether a signal was, or may have been, heard of before it was mined, itself or what it is part of."""
        if signal.kind is not SignalKind.TRADE:
            return ((signal.exchange, signal.order_hash), signal.tx_hash) in self._named
        name = polled_signal_id(signal.chain_id, signal.leader, signal.token_id, signal.side, signal.tx_hash)
        order, polled = (signal.exchange, signal.order_hash), (ZERO_ADDRESS, OrderHash(name))
        known = (order, signal.tx_hash) in self._named or (polled, signal.tx_hash) in self._named
        return known or polled in self._pending

    def _explain(self, besides: Iterable[BesideTrades]) -> None:
        """Say why a leader's position moved without a trade, and count what nobody of the venue would say."""
        for each in besides:
            if each.traded:
                continue
            log.info("no_trade", leader=each.leader, tx_hash=each.receipt.tx_hash, reasons=", ".join(each.reasons))
            for reason in _SUSPICIOUS.intersection(each.reasons):
                self._ignored.add(reason.value)


def _is_signal(happening: Happening, watch: Watch) -> bool:
    return watch.is_signal(happening) if isinstance(happening, Fill) else is_exit(happening)


def _put(memory: OrderedDict[K, V], key: K, value: V) -> None:
    memory[key] = value
    while len(memory) > MOST_NAMES:
        memory.popitem(last=False)


def _nobody(_done: bool) -> None:  # noqa: FBT001  the lanes call it with their answer
    """Leave a pending trade that could not be dealt with: it will be heard again when it is mined."""


def _report(lost: LostSignal) -> None:
    log.warning("signal_lost", state=lost.state, signal=lost.signal_id, tx_hash=lost.tx_hash, intents_sent=lost.sent)
