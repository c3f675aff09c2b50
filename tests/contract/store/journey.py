"""Takes intents from state to state, through the ports alone, as the stages would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import count

from remora.domain.ids import Address, TxHash
from remora.domain.money import Collateral, Wei
from remora.domain.order import (
    Decision,
    Intent,
    IntentState,
    Leg,
    OrderState,
    SettlementStep,
    SignedOrder,
)
from remora.domain.records import LegEffect
from remora.domain.signal import Side
from remora.domain.transaction import GasPrice, TxState
from remora.domain.usage import Taken, UsageQuestion
from tests.contract.store import samples
from tests.contract.store.implementations import Stores


class _LookedOnly(Exception):
    """Nothing is to be decided."""


async def taken(stores: Stores, means_as_of: Mapping[Address, int]) -> Taken:
    """Return what a decision would be given, and store nothing."""
    seen: list[Taken] = []

    def decide(found: Taken) -> Decision:
        seen.append(found)
        raise _LookedOnly

    asked = UsageQuestion(
        leader=samples.LEADER,
        token_id=samples.TOKEN,
        condition_id=None,
        now_us=samples.NOW_US,
        meters={},
        followers=frozenset(),
        means_as_of=means_as_of,
    )
    with suppress(_LookedOnly):
        of = samples.signal(9_999)
        await stores.signals.decide_and_record(of, asked, decide, stored_us=samples.NOW_US, state=IntentState.PENDING)
    return seen[0]


async def owed(stores: Stores) -> Mapping[Address, Collateral]:
    """Return what followers owe."""
    return (await taken(stores, {})).debts


class Journey:
    """One database and the numbers that were not used in it yet."""

    def __init__(self, stores: Stores) -> None:
        self.stores = stores
        self._numbers = count(100)
        self._nonces = count()

    async def decide(
        self, *policies: str, side: Side = Side.BUY, size: int = 10_000_000, state: IntentState = IntentState.PENDING
    ) -> list[Intent]:
        """Record a new signal with an intent per policy."""
        signal = samples.signal(next(self._numbers), side=side)
        intents = [samples.intent(signal, policy, size=size) for policy in policies or ("ann",)]
        await self.stores.signals.record_decision(signal, intents, [], stored_us=samples.NOW_US, state=state)
        return intents

    async def collecting(self, intents: Sequence[Intent]) -> list[Leg]:
        """Store the collect legs of exits."""
        legs = [samples.leg(each, SettlementStep.COLLECT, shares=each.shares.units) for each in intents]
        await self.stores.orders.start_collecting(legs)
        return legs

    async def collect(self, intents: Sequence[Intent]) -> list[Leg]:
        """Collect the shares of exits."""
        legs = await self.collecting(intents)
        await self.mine(legs, [samples.settled(leg, IntentState.COLLECTED) for leg in legs])
        return legs

    async def order(self, intents: Sequence[Intent]) -> SignedOrder:
        """Record an order for intents."""
        block = samples.block(intents)
        order = samples.order(next(self._numbers), block)
        await self.stores.orders.record_order(order, block, neg_risk=False, sent_us=samples.NOW_US + 1)
        return order

    async def finish(self, order: SignedOrder, intents: Sequence[Intent], *, shares: int, collateral: int) -> list[Leg]:
        """End an order; every intent gets, or sold, the same shares for the same collateral."""
        step = SettlementStep.DELIVER if order.terms.side is Side.BUY else SettlementStep.REMIT
        legs = [samples.leg(each, step, shares=shares, collateral=collateral) for each in intents]
        allocations = [samples.allocation(each, shares=shares, collateral=collateral) for each in intents]
        await self.stores.orders.finish_order(
            order.order_hash, state=OrderState.DONE, allocations=allocations, failures={}, legs=legs, postings=[]
        )
        return legs

    async def fill(
        self, intents: Sequence[Intent], *, shares: int = 20_000_000, collateral: int = 9_000_000
    ) -> list[Leg]:
        """Record an order for intents and end it."""
        return await self.finish(await self.order(intents), intents, shares=shares, collateral=collateral)

    async def send(self, legs: Sequence[Leg], *, nonce: int | None = None) -> TxHash:
        """Record a transaction with the legs."""
        transaction = samples.transaction(next(self._nonces) if nonce is None else nonce)
        tx_hash = TxHash(samples.word(next(self._numbers)))
        await self.stores.settlements.record_transaction(
            transaction, tx_hash, purpose="settle", legs=legs, sent_us=samples.NOW_US + 2
        )
        return tx_hash

    async def replace(self, nonce: int, *, max_fee: int = 40) -> TxHash:
        """Record one more transaction of an account nonce."""
        gas_price = GasPrice(max_fee=Wei(max_fee), priority_fee=Wei(1))
        transaction = replace(samples.transaction(nonce), gas_price=gas_price)
        tx_hash = TxHash(samples.word(next(self._numbers)))
        await self.stores.settlements.record_replacement(transaction, tx_hash, sent_us=samples.NOW_US + 2)
        return tx_hash

    async def mine(
        self, legs: Sequence[Leg], effects: Sequence[LegEffect], *, state: TxState = TxState.MINED
    ) -> TxHash:
        """Record a transaction with the legs and its end."""
        tx_hash = await self.send(legs)
        await self.stores.settlements.record_mined(tx_hash, state=state, effects=effects, mined_us=samples.NOW_US + 3)
        return tx_hash

    def state(self, intent: Intent) -> IntentState:
        """Return where the intent is, as the database says."""
        return self.stores.audit().intents[intent.intent_id][0]
