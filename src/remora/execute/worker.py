"""The executor: block orders on checked-out wallets, each recorded before it is sent and never sent twice.

Every step leaves the database in a state from which `resume` goes on, so a crash between two lines and a clean stop are
the same thing.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import defaultdict
from collections.abc import Callable, Collection, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from weakref import WeakValueDictionary

import structlog

from remora.domain.errors import InvariantBroken, Malformed, OutcomeUnknown, Refused, RemoraError, Retryable
from remora.domain.ids import Address, IntentId, OrderHash, SignalId, settlement_id
from remora.domain.market import MarketInfo
from remora.domain.money import BPS, ZERO_COLLATERAL, Collateral, Shares, mul_div_floor
from remora.domain.order import (
    Acknowledgement,
    BlockOrder,
    Intent,
    Leg,
    OrderKind,
    OrderState,
    OrderTerms,
    Part,
    SettlementStep,
    SignedOrder,
)
from remora.domain.reasons import Because, Reason, because
from remora.domain.records import OpenOrder
from remora.domain.signal import Fill, Side
from remora.execute.blocks import amounts, block_orders, budget
from remora.execute.fleet import Fleet, NoneFree
from remora.execute.lifecycle import end, fill_posting, give_back, is_complete
from remora.ports import ChainReader, Clock, OrderStore, Signer, Venue

log = structlog.get_logger()

SALT_BITS = 53
"""The venue reads the salt as a JSON number, exact up to 53 bits."""

SPENDABLE_BPS = 9_000
"""Fees are below 10 % of what an order spends: the venue's highest rate is 7 %."""

SettleLater = Callable[[Sequence[Leg]], None]
"""Queues stored legs for settlement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionRules:
    """How block orders are cut."""

    followers_per_order: int


class Executor:
    """Turns intents into orders, listens for their fills, and ends each order once."""

    def __init__(
        self,
        *,
        rules: ExecutionRules,
        fleet: Fleet,
        venue: Venue,
        chain: ChainReader,
        signer: Signer,
        store: OrderStore,
        clock: Clock,
        settle_later: SettleLater,
    ) -> None:
        self._rules = rules
        self._fleet = fleet
        self._venue = venue
        self._chain = chain
        self._signer = signer
        self._store = store
        self._clock = clock
        self._settle_later = settle_later
        self._turns: WeakValueDictionary[OrderHash, asyncio.Lock] = WeakValueDictionary()
        self._queue: asyncio.Queue[Coroutine[None, None, None]] = asyncio.Queue()
        self._in_hand: set[IntentId] = set()
        self._sending: set[OrderHash] = set()

    async def run(self) -> None:
        """Do what is handed over, all at once, for ever."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                tasks.create_task(_contained(await self._queue.get()))

    def execute_later(self, intents: Sequence[Intent]) -> None:
        """Hand over stored intents of one signal."""
        self._queue.put_nowait(self.execute(intents))

    def sell_later(self, collected: Sequence[Leg]) -> None:
        """Hand over exits whose collect legs have settled."""
        self._queue.put_nowait(self.resume_collected({leg.intent_id for leg in collected}))

    async def resume(self) -> None:
        """Hand over all intents that are in no order, except those in hand: after a start, and after a release."""
        by_signal: defaultdict[SignalId, list[Intent]] = defaultdict(list)
        for intent in await self._store.pending_intents():
            by_signal[intent.signal_id].append(intent)
        for intents in by_signal.values():
            self.execute_later(intents)
        self._queue.put_nowait(self.resume_collected(None))

    async def restore_holds(self) -> None:
        """Promise the float of orders that an earlier process sent, before anything new is sent."""
        for order in await self._store.open_orders():
            if order.block.side is Side.BUY:
                making = Collateral(order.making)
                self._fleet.hold(order.order_hash, order.wallet, making + making)

    async def execute(self, intents: Sequence[Intent]) -> None:
        """Execute pending intents of one signal, all block orders at once."""
        with self._held(intents) as free:
            live = await self._drop_late(free)
            blocks = block_orders(
                live,
                followers_per_order=self._rules.followers_per_order,
                largest=_spendable(self._fleet.largest_balance()),
            )
            async with asyncio.TaskGroup() as orders:
                for block in blocks:
                    orders.create_task(_contained(self._buy(block) if block.side is Side.BUY else self._collect(block)))

    async def on_fill(self, fill: Fill, heard_us: int) -> None:
        """Store what one of our orders filled in a block, and end the order when that was all."""
        if not await self._store.knows_order(fill.order_hash):
            log.error("fill_of_unknown_order", wallet=fill.wallet, order_hash=fill.order_hash, tx_hash=fill.tx_hash)
            return
        if await self._store.record_fill(fill, fill_posting(fill), heard_us=heard_us):
            log.info("order_filled", order_hash=fill.order_hash, shares=str(fill.shares), price=str(fill.price))
            await self._after_fill(fill)

    async def _after_fill(self, fill: Fill) -> None:
        if await self._store.open_order(fill.order_hash) is None:
            log.error("fill_after_end", order_hash=fill.order_hash, tx_hash=fill.tx_hash, shares=str(fill.shares))
        await self.end_if_complete(fill.order_hash)

    async def end_if_complete(self, order_hash: OrderHash) -> bool:
        """End an open order whose matches are all in blocks; tell whether it ended now."""
        async with self._turn(order_hash):
            order = await self._store.open_order(order_hash)
            if order is None or not is_complete(order, await self._store.filled(order_hash)):
                return False
            await self._finish(order, OrderState.DONE, None)
            return True

    async def end_as_filled(self, order_hash: OrderHash) -> None:
        """End an open order whose every match is proven and heard, whatever amounts the venue spoke of."""
        async with self._turn(order_hash):
            order = await self._store.open_order(order_hash)
            if order is not None:
                await self._finish(order, OrderState.DONE, None)

    async def reject(self, order_hash: OrderHash, why: Because) -> None:
        """End an order that provably never traded."""
        async with self._turn(order_hash):
            order = await self._store.open_order(order_hash)
            if order is not None:
                log.warning("order_rejected", order_hash=order_hash, because=why.sentence())
                await self._finish(order, OrderState.REJECTED, why)

    async def release(self, order: OpenOrder) -> bool:
        """Free the intents of an order that provably never reached the venue; False while it may still be posted."""
        if order.order_hash in self._sending:
            return False
        async with self._turn(order.order_hash):
            released = await self._store.release_order(order.order_hash)
        if released:
            await self._fleet.release(order.order_hash)
        return released

    async def resume_collected(self, only: Collection[IntentId] | None) -> None:
        """Go on with exits whose shares are collected and in no order: sell them, or give them back when too late."""
        groups: defaultdict[tuple[Address, SignalId, int], list[tuple[Leg, Intent]]] = defaultdict(list)
        found = [(leg, i) for leg, i in await self._store.collected() if only is None or i.intent_id in only]
        with self._held([intent for _, intent in found]) as free:
            for leg, intent in found:
                if intent in free:
                    groups[leg.wallet, intent.signal_id, intent.limit.units].append((leg, intent))
            async with asyncio.TaskGroup() as orders:
                for (wallet, _, _), group in groups.items():
                    orders.create_task(_contained(self._sell(wallet, group)))

    @contextmanager
    def _held(self, intents: Sequence[Intent]) -> Iterator[list[Intent]]:
        """Yield the intents that nobody has in hand, and keep them in hand until the block is left."""
        free = [intent for intent in intents if intent.intent_id not in self._in_hand]
        ids = {intent.intent_id for intent in free}
        self._in_hand |= ids
        try:
            yield free
        finally:
            self._in_hand -= ids

    async def _drop_late(self, intents: Sequence[Intent]) -> list[Intent]:
        now_us = self._clock.now_us()
        late = {i.intent_id: self._too_late(i.deadline_us) for i in intents if i.deadline_us < now_us}
        if late:
            await self._store.fail_intents(late)
        return [intent for intent in intents if intent.intent_id not in late]

    def _too_late(self, deadline_us: int) -> Because:
        late_s = max(0, self._clock.now_us() - deadline_us) // 1_000_000
        return because(Reason.EXPIRED, late_s=late_s)

    async def _buy(self, block: BlockOrder) -> None:
        market = await self._market(block)
        if market is None:
            await self._fail(block, because(Reason.MARKET_UNKNOWN, token_id=block.token_id))
            return
        needed = budget(block) + market.worst_taker_fee(budget(block))
        try:
            async with self._fleet.checkout(_key(block), needed, wait_s=self._left_s(block)) as wallet:
                await self._place(block, wallet, market)
        except NoneFree:
            await self._fail(block, because(Reason.NO_FLOAT, needed=needed))

    async def _collect(self, block: BlockOrder) -> None:
        """Start an exit: the followers' shares go to the wallet that will sell them."""
        try:
            async with self._fleet.checkout(_key(block), ZERO_COLLATERAL, wait_s=self._left_s(block)) as wallet:
                legs = [_collect_leg(block, wallet, part) for part in block.parts]
                await self._store.start_collecting(legs)
        except NoneFree:
            await self._fail(block, self._too_late(block.deadline_us))
            return
        self._settle_later(legs)

    async def _sell(self, wallet: Address, found: Sequence[tuple[Leg, Intent]]) -> None:
        block = _collected_block(found)
        market = await self._market_to_sell_in(block)
        if isinstance(market, Because):
            await self._give_back(found, market)
            return
        try:
            async with self._fleet.checkout(_key(block), ZERO_COLLATERAL, only=wallet, wait_s=self._left_s(block)):
                await self._place(block, wallet, market)
        except NoneFree:
            await self._give_back(found, self._too_late(block.deadline_us))

    async def _give_back(self, found: Sequence[tuple[Leg, Intent]], why: Because) -> None:
        """Give up an exit: the followers get their shares back."""
        legs = [give_back(leg) for leg, _ in found]
        await self._store.return_collected(legs, {leg.intent_id: why for leg in legs})
        self._settle_later(legs)

    async def _market_to_sell_in(self, block: BlockOrder) -> MarketInfo | Because:
        """Return the market, or the reason why the block is not to be sold."""
        market = await self._market(block)
        if block.deadline_us < self._clock.now_us():
            return self._too_late(block.deadline_us)
        if market is None:
            return because(Reason.MARKET_UNKNOWN, token_id=block.token_id)
        return market if amounts(block, market)[0] else because(Reason.NOT_FILLED, limit=block.limit)

    async def _place(self, block: BlockOrder, wallet: Address, market: MarketInfo) -> None:
        order = self._sign(block, wallet, market)
        self._sending.add(order.order_hash)
        try:
            sent_us = self._clock.now_us()
            await self._store.record_order(order, block, neg_risk=market.neg_risk, sent_us=sent_us)
            self._fleet.rekey(_key(block), order.order_hash)
            await self._submit(order, block)
        finally:
            self._sending.discard(order.order_hash)

    def _sign(self, block: BlockOrder, wallet: Address, market: MarketInfo) -> SignedOrder:
        making, taking = amounts(block, market)
        terms = OrderTerms(
            salt=secrets.randbits(SALT_BITS),
            maker=wallet,
            signer=wallet,
            token_id=block.token_id,
            maker_amount=making,
            taker_amount=taking,
            side=block.side,
            timestamp_ms=self._clock.now_us() // 1000,
        )
        return self._signer.sign_order(terms, OrderKind.FAK, neg_risk=market.neg_risk)

    async def _submit(self, order: SignedOrder, block: BlockOrder) -> None:
        """Post a recorded order. Only a proof that the venue did not look at it allows posting it again."""
        while True:
            try:
                acknowledgement = await self._venue.submit(order)
            except Retryable as not_looked_at:
                if self._left_s(block) <= not_looked_at.delay_s:
                    await self.reject(order.order_hash, self._too_late(block.deadline_us))
                    return
                await self._clock.sleep(not_looked_at.delay_s)
                await self._store.mark_sending(order.order_hash, sent_us=self._clock.now_us())
            except Refused as refusal:
                await self.reject(order.order_hash, because(Reason.VENUE_REJECTED, detail=refusal.reason))
                return
            except OutcomeUnknown as unknown:
                log.warning("order_unresolved", order_hash=order.order_hash, error=str(unknown))
                return
            except InvariantBroken:
                # The venue has the order, under a hash that we did not expect: it must never be released.
                await self._store.mark_acknowledged(order.order_hash, None, acknowledged_us=self._clock.now_us())
                raise
            else:
                await self._acknowledged(order, acknowledgement)
                return

    async def _acknowledged(self, order: SignedOrder, acknowledgement: Acknowledgement) -> None:
        """Store the venue's word; how much a delayed order matched is the reconciler's to ask."""
        log.info("order_acknowledged", order_hash=order.order_hash, status=acknowledgement.status)
        units = acknowledgement.taking if order.terms.side is Side.BUY else acknowledgement.making
        matched = Shares(units) if acknowledgement.status == "matched" else None
        await self._store.mark_acknowledged(order.order_hash, matched, acknowledged_us=self._clock.now_us())
        await self.end_if_complete(order.order_hash)

    async def _finish(self, order: OpenOrder, state: OrderState, why: Because | None) -> None:
        ending = end(order, await self._store.filled(order.order_hash), why)
        await self._store.finish_order(
            order.order_hash,
            state=state,
            allocations=ending.allocations,
            failures=ending.failures,
            legs=ending.legs,
            postings=ending.postings,
        )
        for leg in ending.legs:
            if leg.step is SettlementStep.REMIT:
                self._fleet.hold(leg.settlement_id, leg.wallet, leg.collateral)
        if ending.legs:
            self._settle_later(ending.legs)
        await self._fleet.release(order.order_hash)
        await self._refresh(order.wallet)

    async def _refresh(self, wallet: Address) -> None:
        """Tell the fleet what a wallet has now; when the node cannot say, the settlement that follows asks again."""
        with suppress(RemoraError):
            await self._fleet.update(wallet, (await self._chain.collateral_of([wallet]))[0])

    async def _market(self, block: BlockOrder) -> MarketInfo | None:
        while True:
            try:
                return await self._venue.market(block.token_id)
            except (Refused, Malformed):
                return None
            except Retryable as trouble:
                if self._left_s(block) <= 0:
                    return None
                await self._clock.sleep(trouble.delay_s)

    async def _fail(self, block: BlockOrder, why: Because) -> None:
        log.warning("intents_failed", followers=len(block.parts), because=why.sentence())
        await self._store.fail_intents({part.intent_id: why for part in block.parts})

    def _left_s(self, block: BlockOrder) -> float:
        return (block.deadline_us - self._clock.now_us()) / 1_000_000

    def _turn(self, order_hash: OrderHash) -> asyncio.Lock:
        lock = self._turns.get(order_hash)
        if lock is None:
            lock = self._turns[order_hash] = asyncio.Lock()
        return lock


async def _contained(work: Coroutine[None, None, None]) -> None:
    """Do one piece of work; its failure halts what it touches and nothing else."""
    try:
        await work
    except* RemoraError as failed:
        log.error("execution_halted", errors=[str(error) for error in failed.exceptions])


def _key(block: BlockOrder) -> str:
    """Return the key of a block order's promise of float until its hash is known."""
    return f"block:{block.parts[0].intent_id}"


def _collect_leg(block: BlockOrder, wallet: Address, part: Part) -> Leg:
    return Leg(
        settlement_id=settlement_id(SettlementStep.COLLECT, part.intent_id),
        intent_id=part.intent_id,
        step=SettlementStep.COLLECT,
        wallet=wallet,
        follower=part.follower,
        token_id=block.token_id,
        shares=part.shares,
        collateral=ZERO_COLLATERAL,
    )


def _collected_block(found: Sequence[tuple[Leg, Intent]]) -> BlockOrder:
    intents = [intent for _, intent in found]
    (block,) = block_orders(intents, followers_per_order=len(intents), largest=ZERO_COLLATERAL)
    return block


def _spendable(balance: Collateral) -> Collateral:
    """Return what an order may spend of a balance, so that the highest fee fits beside it."""
    return Collateral(mul_div_floor(balance.units, SPENDABLE_BPS, BPS))
