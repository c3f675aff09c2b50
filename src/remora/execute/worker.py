"""The executor: block orders on checked-out wallets, each recorded before it is sent and never sent twice.

Every step leaves the database in a state from which `resume` goes on, so a crash between two lines and a clean stop are
the same thing.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from weakref import WeakValueDictionary

import structlog

from remora.domain.errors import InvariantBroken, Malformed, OutcomeUnknown, Refused, RemoraError, Retryable
from remora.domain.ids import Address, IntentId, OrderHash, SignalId
from remora.domain.market import MarketInfo
from remora.domain.money import ZERO_COLLATERAL, ZERO_SHARES, Collateral, Shares
from remora.domain.order import (
    Acknowledgement,
    BlockOrder,
    Intent,
    Leg,
    OrderKind,
    OrderState,
    OrderTerms,
    SettlementStep,
    SignedOrder,
)
from remora.domain.reasons import Because, Reason, because
from remora.domain.records import BookedFill, Filled, OpenOrder, Reversal
from remora.domain.signal import Fill, Side
from remora.execute.blocks import amounts, block_orders, budget, spendable
from remora.execute.fleet import Fleet, NoneFree
from remora.execute.lifecycle import collect_leg, debt_sale, end, fill_posting, give_back, is_complete
from remora.execute.refusals import refused
from remora.execute.retry import finds_somebody, float_for, may_try_again, rest
from remora.ports import ChainReader, Clock, OrderStore, Signer, Venue

log = structlog.get_logger()

SALT_BITS = 53
"""The venue reads the salt as a JSON number, exact up to 53 bits."""

EXPIRATION_MARGIN_S = 180
"""The venue takes no nearer expiration, and drops an order a minute before it (polymarket.md 3.3)."""

SettleLater = Callable[[Sequence[Leg]], None]
"""Queues stored legs for settlement."""

Stopped = Callable[[Intent], Because | None]
"""Tells why nothing may be sent for an intent any more, None when it may."""

Drop = Callable[[Mapping[IntentId, Because]], Awaitable[None]]
"""Ends intents of which nothing was sent, each for its reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionRules:
    """How block orders are cut, and after how long one that found too little is tried once more; None is never."""

    followers_per_order: int
    second_try_after_s: float | None = None


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
        stopped: Stopped,
    ) -> None:
        self._rules = rules
        self._fleet = fleet
        self._venue = venue
        self._chain = chain
        self._signer = signer
        self._store = store
        self._clock = clock
        self._settle_later = settle_later
        self._stopped = stopped
        self._turns: WeakValueDictionary[OrderHash, asyncio.Lock] = WeakValueDictionary()
        self._queue: asyncio.Queue[Coroutine[None, None, None]] = asyncio.Queue()
        self._in_hand: dict[IntentId, Intent] = {}
        self._sending: set[OrderHash] = set()
        self._trying: set[OrderHash] = set()
        self._again: dict[IntentId, Intent] = {}

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
            live = await self._drop_ended(free)
            blocks = block_orders(
                live,
                followers_per_order=self._rules.followers_per_order,
                largest=spendable(self._fleet.largest_balance()),
            )
            async with asyncio.TaskGroup() as orders:
                for block in blocks:
                    orders.create_task(_contained(self._buy(block) if block.side is Side.BUY else self._collect(block)))

    async def on_fill(self, fill: Fill, heard_us: int) -> None:
        """Store what one of our orders filled in a block, and end the order when that was all."""
        if not await self._store.knows_order(fill.order_hash):
            log.error("fill_of_unknown_order", wallet=fill.wallet, order_hash=fill.order_hash, tx_hash=fill.tx_hash)
            return
        async with self._turn(fill.order_hash):  # who ends the order has read what it filled
            is_new = await self._store.record_fill(fill, fill_posting(fill), heard_us=heard_us)
        if is_new:
            log.info("order_filled", order_hash=fill.order_hash, shares=str(fill.shares), price=str(fill.price))
            await self._after_fill(fill)

    async def _after_fill(self, fill: Fill) -> None:
        async with self._turn(fill.order_hash):
            order = await self._store.open_order(fill.order_hash)
            if order is not None:
                await self._end_if_complete(order)
                return
        log.warning("fill_after_end", order_hash=fill.order_hash, tx_hash=fill.tx_hash, shares=str(fill.shares))

    async def end_if_complete(self, order_hash: OrderHash) -> bool:
        """End an open order whose matches are all in blocks; tell whether it ended now."""
        async with self._turn(order_hash):
            order = await self._store.open_order(order_hash)
            return order is not None and await self._end_if_complete(order)

    async def _end_if_complete(self, order: OpenOrder) -> bool:
        filled = await self._store.filled(order.order_hash)
        if not is_complete(order, filled):
            return False
        await self._finish(order, OrderState.DONE, None, filled)
        return True

    async def end_as_filled(self, order_hash: OrderHash, *, reverted: Shares = ZERO_SHARES) -> None:
        """End an open order whose every match is proven and heard, whatever amounts the venue spoke of.

        `reverted` is what it matched and the chain refused: the reason for whoever is left without a share.
        """
        why = because(Reason.MATCH_REVERTED, shares=reverted) if reverted else None
        async with self._turn(order_hash):
            order = await self._store.open_order(order_hash)
            if order is not None:
                await self._finish(order, OrderState.DONE, why)

    async def reject(self, order_hash: OrderHash, why: Because) -> None:
        """End an order that provably never traded."""
        async with self._turn(order_hash):
            order = await self._store.open_order(order_hash)
            if order is not None:
                log.warning("order_rejected", order_hash=order_hash, because=why.sentence())
                await self._finish(order, OrderState.REJECTED, why)

    async def take_back(self, fill: BookedFill) -> Reversal:
        """Reverse the booking of a fill that no block has any more."""
        last = await self._store.latest_try(fill.order_hash)
        async with self._turn(last):
            return await self._store.reverse_fill(fill.order_hash, fill.tx_hash)

    async def release(self, order: OpenOrder) -> bool:
        """Free the intents of an order that provably never reached the venue; False while it may still be posted.

        A second try ends instead, with what the first one filled.
        """
        if order.order_hash in self._sending | self._trying:
            return False
        if order.rest_of is not None:
            await self.reject(order.order_hash, because(Reason.NOT_FILLED, limit=order.block.limit))
            return True
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
        self._in_hand |= {intent.intent_id: intent for intent in free}
        try:
            yield free
        finally:
            for intent in free:
                del self._in_hand[intent.intent_id]

    async def _drop_ended(self, intents: Sequence[Intent]) -> list[Intent]:
        """Fail the intents that are too late, and those of whoever is stopped; return the others."""
        now_us = self._clock.now_us()
        ended = {i.intent_id: self._too_late(i.deadline_us) for i in intents if i.deadline_us < now_us}
        ended |= {i.intent_id: why for i in intents if (why := self._stopped(i))}
        if ended:
            await self._store.fail_intents(ended)
        return [intent for intent in intents if intent.intent_id not in ended]

    async def _without_stopped(self, block: BlockOrder, drop: Drop) -> BlockOrder | None:
        """Drop whoever was stopped while the block waited; return what may still be sent, None for nothing."""
        stopped = self._stopped_of(block)
        if not stopped:
            return block
        await drop(stopped)
        parts = tuple(part for part in block.parts if part.intent_id not in stopped)
        return replace(block, parts=parts) if parts else None

    def _stopped_of(self, block: BlockOrder) -> Mapping[IntentId, Because]:
        """Return whose part in a block that is being sent may not be sent any more, and why."""
        found = (self._in_hand.get(part.intent_id) or self._again[part.intent_id] for part in block.parts)
        return {intent.intent_id: why for intent in found if (why := self._stopped(intent))}

    def _too_late(self, deadline_us: int) -> Because:
        return because(Reason.EXPIRED, late_s=self._late_s(deadline_us))

    def _late_s(self, deadline_us: int) -> int:
        return max(0, self._clock.now_us() - deadline_us) // 1_000_000

    async def _buy(self, block: BlockOrder) -> None:
        market = await self._market(block)
        if market is None:
            await self._fail(block, because(Reason.MARKET_UNKNOWN, token_id=block.token_id))
            return
        needed = budget(block) + market.worst_taker_fee(budget(block))
        try:
            async with self._wallet(block, needed) as wallet:
                left = await self._without_stopped(block, self._store.fail_intents)
                if left is not None:
                    await self._place(left, wallet, market, _key(block))
        except NoneFree:
            await self._fail(block, self._why_none(block, needed))

    @asynccontextmanager
    async def _wallet(
        self, block: BlockOrder, amount: Collateral, *, only: Address | None = None
    ) -> AsyncIterator[Address]:
        """Check a wallet out for a block order, exits before entries; NoneFree when it is too late to use one."""
        urgent, wait_s = block.side is Side.SELL, self._left_s(block)
        async with self._fleet.checkout(_key(block), amount, only=only, wait_s=wait_s, urgent=urgent) as wallet:
            if self._left_s(block) < 0:
                raise NoneFree("the operator wallet was free too late")
            yield wallet

    def _why_none(self, block: BlockOrder, needed: Collateral) -> Because:
        """Return why an entry got no wallet: the float was there, and in other hands, or it was not."""
        if self._fleet.could_promise(needed):
            return because(Reason.OVERLOADED, late_s=self._late_s(block.deadline_us))
        return because(Reason.NO_FLOAT, needed=needed)

    async def _collect(self, block: BlockOrder) -> None:
        """Start an exit: the followers' shares go to the wallet that will sell them."""
        try:
            async with self._wallet(block, ZERO_COLLATERAL) as wallet:
                left = await self._without_stopped(block, self._store.fail_intents)
                legs = [collect_leg(left, wallet, part) for part in left.parts] if left else []
                await self._store.start_collecting(legs)
        except NoneFree:
            await self._fail(block, self._too_late(block.deadline_us))
            return
        if legs:
            self._settle_later(legs)

    async def _sell(self, wallet: Address, found: Sequence[tuple[Leg, Intent]]) -> None:
        block = _collected_block(found)
        market = await self._market_to_sell_in(block)
        if isinstance(market, Because):
            await self._give_back(found, market)
            return
        try:
            async with self._wallet(block, ZERO_COLLATERAL, only=wallet):
                left = await self._without_stopped(block, self._give_up)
                if left is not None:
                    await self._place(left, wallet, market, _key(block))
        except NoneFree:
            await self._give_back(found, self._too_late(block.deadline_us))

    async def _give_back(self, found: Sequence[tuple[Leg, Intent]], why: Because) -> None:
        await self._return([leg for leg, _ in found], {intent.intent_id: why for _, intent in found})

    async def _give_up(self, failures: Mapping[IntentId, Because]) -> None:
        """Give up exits whose shares are collected and in no order."""
        await self._return([leg for leg, _ in await self._store.collected() if leg.intent_id in failures], failures)

    async def _return(self, collected: Sequence[Leg], failures: Mapping[IntentId, Because]) -> None:
        """End exits without a sale: the followers get their shares back. What is held for a debt stays so."""
        legs = [give_back(leg) for leg in collected if leg.step is SettlementStep.COLLECT]
        await self._store.return_collected(legs, failures)
        if legs:
            self._settle_later(legs)

    async def _market_to_sell_in(self, block: BlockOrder) -> MarketInfo | Because:
        """Return the market, or the reason why the block is not to be sold."""
        market = await self._market(block)
        if block.deadline_us < self._clock.now_us():
            return self._too_late(block.deadline_us)
        if market is None:
            return because(Reason.MARKET_UNKNOWN, token_id=block.token_id)
        return market if amounts(block, market)[0] else because(Reason.NOT_FILLED, limit=block.limit)

    async def _place(self, block: BlockOrder, wallet: Address, market: MarketInfo, promise: str) -> None:
        """Store and send an order of a block for which float is promised under a key."""
        order = self._sign(block, wallet, market, *amounts(block, market))
        self._sending.add(order.order_hash)
        try:
            sent_us = self._clock.now_us()
            await self._store.record_order(order, block, neg_risk=market.neg_risk, sent_us=sent_us)
            self._fleet.rekey(promise, order.order_hash)
            await self._submit(order, block, market)
        finally:
            self._sending.discard(order.order_hash)

    def _sign(self, block: BlockOrder, wallet: Address, market: MarketInfo, making: int, taking: int) -> SignedOrder:
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
        order = self._signer.sign_order(terms, block.kind, neg_risk=market.neg_risk)
        return replace(order, expiration_s=self._expiration_s(block)) if block.kind is OrderKind.GTD else order

    def _expiration_s(self, block: BlockOrder) -> int:
        """Return when the venue drops a resting order, should nobody be there to cancel it."""
        return self._clock.now_us() // 1_000_000 + block.rest_s + EXPIRATION_MARGIN_S

    async def _submit(self, order: SignedOrder, block: BlockOrder, market: MarketInfo) -> None:
        """Post a recorded order. Only a proof that the venue did not look at it allows posting it again."""
        while True:
            try:
                acknowledgement = await self._venue.submit(order, wanted=lambda: self._is_wanted(block))
            except Retryable as not_looked_at:
                if self._left_s(block) <= not_looked_at.delay_s:
                    await self.reject(order.order_hash, self._too_late(block.deadline_us))
                    return
                await self._clock.sleep(not_looked_at.delay_s)
                if self._stopped_of(block):
                    await self._place_without_stopped(order, block, market)
                    return
                await self._store.mark_sending(order.order_hash, sent_us=self._clock.now_us())
            except Refused as refusal:
                await self.reject(order.order_hash, refused(refusal.reason, limit=block.limit))
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

    def _is_wanted(self, block: BlockOrder) -> bool:
        """Tell whether a block order may go now: it may have stood in line for seconds."""
        return self._left_s(block) >= 0 and not self._stopped_of(block)

    async def _place_without_stopped(self, order: SignedOrder, block: BlockOrder, market: MarketInfo) -> None:
        """Replace an order that the venue did not look at by one of those who are not stopped."""
        if why := await self._stopped_second_try(order.order_hash, block):
            await self.reject(order.order_hash, why)
        elif await self._store.release_order(order.order_hash):
            self._fleet.rekey(order.order_hash, _key(block))
            drop = self._store.fail_intents if block.side is Side.BUY else self._give_up
            left = await self._without_stopped(block, drop)
            if left is not None:
                await self._place(left, order.terms.maker, market, _key(block))

    async def _stopped_second_try(self, order_hash: OrderHash, block: BlockOrder) -> Because | None:
        """Return why a second try is given up, None if the order is none: it is not cut, but ends as a whole."""
        order = await self._store.open_order(order_hash)
        if order is None or order.rest_of is None:
            return None
        return next(iter(self._stopped_of(block).values()), None)

    async def _acknowledged(self, order: SignedOrder, acknowledgement: Acknowledgement) -> None:
        """Store the venue's word; how much a delayed order matched is the reconciler's to ask."""
        log.info("order_acknowledged", order_hash=order.order_hash, status=acknowledgement.status)
        units = acknowledgement.taking if order.terms.side is Side.BUY else acknowledgement.making
        matched = Shares(units) if acknowledgement.status == "matched" and not _may_match_more(order, units) else None
        await self._store.mark_acknowledged(order.order_hash, matched, acknowledged_us=self._clock.now_us())
        await self.end_if_complete(order.order_hash)

    async def _finish(
        self, order: OpenOrder, state: OrderState, why: Because | None, filled: Filled | None = None
    ) -> None:
        """End an order, or put its end off; `filled` is what it filled itself, if that was read already."""
        if filled is None or order.rest_of is not None:
            filled = await self._filled_in_all(order)
        if self._rules.second_try_after_s is not None and may_try_again(order, filled, why):
            self._try_again_later(order, state, why)
            return
        await self._finish_now(order, filled, state, why)

    async def _filled_in_all(self, order: OpenOrder) -> Filled:
        """Return what an order filled, with what the one whose rest it tries did."""
        tries = (order.order_hash,) if order.rest_of is None else (order.order_hash, order.rest_of)
        return await self._store.filled(*tries)

    def _try_again_later(self, order: OpenOrder, state: OrderState, why: Because | None) -> None:
        """Leave an order open until its rest is in a second one, or is given up. A restart decides that anew."""
        if order.order_hash not in self._trying:
            self._trying.add(order.order_hash)
            self._queue.put_nowait(self._try_again(order, state, why))

    async def _try_again(self, first: OpenOrder, state: OrderState, why: Because | None) -> None:
        """Send what an order left once more, at the same limit, or end it as it is."""
        try:
            await self._clock.sleep(self._rules.second_try_after_s or 0)
            intents = await self._store.intents_of(first.order_hash)
            if not await self._second_try(first, state, {intent.intent_id: intent for intent in intents}):
                async with self._turn(first.order_hash):
                    order = await self._store.open_order(first.order_hash)
                    if order is not None:
                        await self._finish_now(order, await self._filled_in_all(order), state, why)
        finally:
            self._trying.discard(first.order_hash)

    async def _second_try(self, first: OpenOrder, state: OrderState, intents: Mapping[IntentId, Intent]) -> bool:
        """Try once more on the same wallet, which holds what the first try brought or has left; tell whether."""
        urgent, wait_s = first.block.side is Side.SELL, self._left_s(first.block)
        key = f"again:{first.order_hash}"
        with suppress(Retryable, Refused, Malformed):
            async with self._fleet.checkout(key, ZERO_COLLATERAL, only=first.wallet, wait_s=wait_s, urgent=urgent):
                market = await self._venue.market(first.block.token_id)
                book = await self._venue.book(first.block.token_id)
                if market is None or not finds_somebody(first.block, book) or self._left_s(first.block) < 0:
                    return False
                if any(self._stopped(intent) for intent in intents.values()):
                    return False
                return await self._send_rest(first, state, market, intents)
        return False

    async def _send_rest(
        self, first: OpenOrder, state: OrderState, market: MarketInfo, intents: Mapping[IntentId, Intent]
    ) -> bool:
        """Record the rest of an order as one of its own and send it; False if somebody has ended the order."""
        async with self._turn(first.order_hash):
            if await self._store.open_order(first.order_hash) is None:
                return False
            second = rest(first, await self._store.filled(first.order_hash), market)
            order = self._sign(first.block, first.wallet, market, second.making, second.taking)
            self._sending.add(order.order_hash)
            await self._store.record_second_try(
                first, state, order, neg_risk=market.neg_risk, sent_us=self._clock.now_us()
            )
            log.info("second_try", order_hash=order.order_hash, rest_of=first.order_hash)
        self._again |= intents
        try:
            await self._promise_rest(first, order.order_hash, float_for(first, second, market))
            await self._submit(order, first.block, market)
        finally:
            self._sending.discard(order.order_hash)
            for intent_id in intents:
                del self._again[intent_id]
        return True

    async def _promise_rest(self, first: OpenOrder, order_hash: OrderHash, needed: Collateral) -> None:
        """Promise float for the rest alone, once the wallet's balance is known to be without what the first spent."""
        self._fleet.hold(order_hash, first.wallet, needed)
        await self._refresh(first.wallet)
        await self._fleet.release(first.order_hash)

    async def _finish_now(self, order: OpenOrder, filled: Filled, state: OrderState, why: Because | None) -> None:
        ending = end(order, filled, why, halted=await self._halted(order))
        sale = debt_sale(order, filled, self._clock.now_us())
        due = await self._store.finish_order(
            order.order_hash,
            state=state,
            allocations=ending.allocations,
            failures=ending.failures,
            legs=ending.legs,
            postings=ending.postings,
            sale=sale,
        )
        if sale:
            log.warning("sold_for_debt", debt=sale.debt_id, shares=str(sale.shares), proceeds=str(sale.proceeds))
        legs = [*ending.legs, *due]
        for leg in legs:
            if leg.step is SettlementStep.REMIT:
                self._fleet.hold(leg.settlement_id, leg.wallet, leg.collateral)
        if legs:
            self._settle_later(legs)
        await self._fleet.release(order.order_hash)
        await self._refresh(order.wallet)

    async def _halted(self, order: OpenOrder) -> Mapping[IntentId, Because]:
        """Return for whom of an order that rested it was taken back, and why."""
        if order.rests_until_us is None:
            return {}
        theirs = await self._store.intents_of(order.order_hash)
        return {intent.intent_id: why for intent in theirs if (why := self._stopped(intent))}

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


def _may_match_more(order: SignedOrder, shares: int) -> bool:
    """Tell whether the rest of an order that matched so many shares stands in the book."""
    return order.kind is OrderKind.GTD and shares < order.terms.taker_amount


def _key(block: BlockOrder) -> str:
    """Return the key of a block order's promise of float until its hash is known."""
    return f"block:{block.parts[0].intent_id}"


def _collected_block(found: Sequence[tuple[Leg, Intent]]) -> BlockOrder:
    intents = [intent for _, intent in found]
    (block,) = block_orders(intents, followers_per_order=len(intents), largest=ZERO_COLLATERAL)
    return block
