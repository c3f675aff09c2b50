"""Takes intents of policies 1, 2, … to where a test begins, through the stores alone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

from remora.domain.chain import BlockId
from remora.domain.ids import OrderHash, TxHash
from remora.domain.money import ZERO_COLLATERAL, Collateral, Wei
from remora.domain.order import (
    Allocation,
    Intent,
    Leg,
    LegFailure,
    LegOutcome,
    OrderKind,
    OrderState,
    OrderTerms,
    Part,
    SettlementStep,
    SignedOrder,
)
from remora.domain.signal import Side
from remora.domain.transaction import Call, GasPrice, Transaction, TxState
from remora.settle.accounting import effects
from tests.fakes.clearinghouse import CLEARINGHOUSE
from tests.fakes.clock import START_US
from tests.fakes.database import Database
from tests.fakes.specimens import CHAIN_ID, block, intent, leg, signal, wallet


class Steps:
    """One database, and the numbers that were not used in it yet. All is done by operator wallet 1."""

    def __init__(self, database: Database, *, first: int = 1_000) -> None:
        self._database = database
        self._numbers = count(first)

    async def pending(self, *policies: int, side: Side = Side.BUY) -> list[Intent]:
        """Decide a new signal for the policies."""
        of = signal(side, number=next(self._numbers))
        intents = [intent(number, of=of) for number in policies]
        await self._database.decided(of, intents)
        return intents

    async def ordered(self, intents: Sequence[Intent]) -> SignedOrder:
        """Record an order for intents that are pending or collected: each for 10 collateral or 20 shares."""
        first, number = intents[0], next(self._numbers)
        parts = [Part(intent_id=i.intent_id, follower=i.follower, budget=i.budget, shares=i.shares) for i in intents]
        terms = OrderTerms(
            salt=number,
            maker=wallet(1),
            signer=wallet(1),
            token_id=first.token_id,
            maker_amount=sum((i.budget.units + i.shares.units) for i in intents),
            taker_amount=1,
            side=first.side,
            timestamp_ms=START_US // 1000,
        )
        order = SignedOrder(order_hash=OrderHash(f"0x{number:064x}"), terms=terms, kind=OrderKind.FAK, signature=b"")
        of = block(first.side, str(first.limit), parts, deadline_us=first.deadline_us)
        await self._database.orders.record_order(order, of, neg_risk=False, sent_us=START_US)
        return order

    async def filled(self, *policies: int) -> list[Leg]:
        """End an order that bought each policy 20 shares for 10; return what is to be delivered."""
        intents = await self.pending(*policies)
        order = await self.ordered(intents)
        legs = [leg(SettlementStep.DELIVER, each) for each in intents]
        allocations = [
            Allocation(
                intent_id=each.intent_id,
                follower=each.follower,
                shares=each.shares,
                collateral=each.collateral,
                fee=Collateral(0),
            )
            for each in legs
        ]
        await self._database.orders.finish_order(
            order.order_hash, state=OrderState.DONE, allocations=allocations, failures={}, legs=legs, postings=[]
        )
        return legs

    async def collecting(self, *policies: int) -> tuple[list[Intent], list[Leg]]:
        """Start to collect 20 shares for an exit of each policy."""
        intents = await self.pending(*policies, side=Side.SELL)
        legs = [leg(SettlementStep.COLLECT, each, collateral=ZERO_COLLATERAL) for each in intents]
        await self._database.orders.start_collecting(legs)
        return intents, legs

    async def collected(self, *policies: int) -> list[Leg]:
        """Collect 20 shares for an exit of each policy."""
        _, legs = await self.collecting(*policies)
        await self.settled(legs)
        return legs

    async def delivered(self, *policies: int) -> None:
        """Give each policy a lot of 20 shares."""
        await self.settled(await self.filled(*policies))

    async def sold_at_a_loss(self, *policies: int) -> None:
        """Sell 20 shares of each policy for 1; that is not paid out."""
        collected = await self.collected(*policies)
        order = await self.ordered(await self._intents_of(collected))
        allocations = [
            Allocation(
                intent_id=each.intent_id,
                follower=each.follower,
                shares=each.shares,
                collateral=Collateral(1_000_000),
                fee=Collateral(0),
            )
            for each in collected
        ]
        await self._database.orders.finish_order(
            order.order_hash, state=OrderState.DONE, allocations=allocations, failures={}, legs=[], postings=[]
        )

    async def _intents_of(self, collected: Sequence[Leg]) -> list[Intent]:
        ids = {each.intent_id for each in collected}
        return [intent for _, intent in await self._database.orders.collected() if intent.intent_id in ids]

    async def owed(self, *policies: int) -> list[Leg]:
        """Let each policy's follower owe 10."""
        legs = await self.filled(*policies)
        await self.settled(legs, LegFailure.COLLATERAL_REFUSED)
        return legs

    async def settled(
        self, legs: Sequence[Leg], failure: LegFailure = LegFailure.NONE, *, block: BlockId | None = None
    ) -> None:
        """Put legs into a transaction that is mined; all of them settle, or all fail."""
        nonce = next(self._numbers)
        tx_hash = TxHash(f"0x{nonce:064x}")
        call = Call(to=CLEARINGHOUSE, data=b"[]", gas=1)
        gas_price = GasPrice(max_fee=Wei(1), priority_fee=Wei(1))
        transaction = Transaction(chain_id=CHAIN_ID, wallet=wallet(1), nonce=nonce, call=call, gas_price=gas_price)
        outcomes = [
            LegOutcome(
                settlement_id=each.settlement_id,
                settled=failure is LegFailure.NONE,
                failure=failure,
                tx_hash=tx_hash,
            )
            for each in legs
        ]
        store = self._database.settlements
        await store.record_transaction(transaction, tx_hash, purpose="test", legs=legs, sent_us=START_US)
        told = effects(legs, outcomes)
        await store.record_mined(tx_hash, state=TxState.MINED, effects=told, mined_us=START_US, block=block)
