"""The neighbours of detection and dispatch, in memory: a store that keeps what is decided and when, and a venue.

Nothing here takes time worth measuring: what is left is what the detector and the dispatcher do themselves.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence

from bench.blocks import Traded
from remora.domain.history import TradeKey
from remora.domain.ids import Address, ConditionId, IntentId, OrderHash, PolicyId, SignalId, TokenId
from remora.domain.market import Book, Level, MarketInfo
from remora.domain.means import Holding
from remora.domain.money import Collateral, Price, Shares
from remora.domain.order import Acknowledgement, Decision, Denial, Intent, IntentState, OrderReport, SignedOrder
from remora.domain.records import KnownSignal, LostSignal
from remora.domain.signal import Signal
from remora.domain.usage import Taken, UsageQuestion

_TICK = Price(10_000)
_SIZE, _LEAST = Shares.parse("1000"), Shares.parse("5")
_BOOK = Book(
    bids=(Level(price=Price(490_000), shares=_SIZE),), asks=(Level(price=Price(500_000), shares=_SIZE),), as_of_us=0
)


class MemoryStore:
    """A SignalStore. `decided_ns` is when each leader's order came with its decision, on the monotonic clock.

    `heard_us` is when the order was heard first, `mined_us` when a block brought it again, `traded` what it traded.
    """

    def __init__(self) -> None:
        self.decided_ns: dict[OrderHash, int] = {}
        self.intents = 0
        self.traded: dict[OrderHash, Traded] = {}
        self.heard_us: dict[OrderHash, int] = {}
        self.mined_us: dict[OrderHash, int] = {}
        self.started = asyncio.Event()
        self._cursor: int | None = None
        self._signals: set[SignalId] = set()
        self._changed = asyncio.Event()

    async def all_decided(self, orders: Collection[OrderHash]) -> None:
        """Wait until each of the orders is decided."""
        while not self.decided_ns.keys() >= set(orders):
            self._changed.clear()
            await self._changed.wait()

    async def cursor(self) -> int | None:
        return self._cursor

    async def save_cursor(self, block_number: int) -> None:
        self._cursor = block_number
        self.started.set()

    async def record_decision(
        self,
        signal: Signal,
        intents: Sequence[Intent],
        denials: Sequence[Denial],
        *,
        stored_us: int,
        state: IntentState,
    ) -> bool:
        if await self.confirm(signal):
            return False
        self._signals.add(signal.signal_id)
        self.decided_ns[signal.order_hash] = time.monotonic_ns()
        self.heard_us[signal.order_hash] = signal.heard_us
        self.traded[signal.order_hash] = signal.shares.units, signal.collateral.units
        self.intents += len(intents)
        self._changed.set()
        return True

    async def decide_and_record(
        self,
        signal: Signal,
        question: UsageQuestion,
        decide: Callable[[Taken], Decision],
        *,
        stored_us: int,
        state: IntentState,
    ) -> Decision | None:
        made = decide(Taken())
        known = not await self.record_decision(signal, made.intents, made.denials, stored_us=stored_us, state=state)
        return None if known else made

    async def confirm(self, signal: Signal) -> bool:
        if signal.signal_id not in self._signals:
            return False
        if signal.block_number is not None:
            self.mined_us.setdefault(signal.order_hash, signal.heard_us)
        return True

    async def known_signals(self, since_block: int) -> list[KnownSignal]:
        return []

    async def mined_trades(self, trades: Collection[TradeKey]) -> frozenset[TradeKey]:
        return frozenset()

    async def withdraw(self, block_hashes: Collection[str]) -> list[LostSignal]:
        raise AssertionError(f"expected a chain without reorganisations, found {len(block_hashes)} orphaned blocks")

    async def pending_signals(self, heard_before_us: int) -> list[KnownSignal]:
        return []

    async def mark_vanished(self, signal_id: SignalId) -> LostSignal | None:
        raise AssertionError(f"expected every pending signal to be mined, found {signal_id} to vanish")

    async def holdings(self) -> list[Holding]:
        return []

    async def entries_in_flight(self, token_id: TokenId, policies: Collection[PolicyId]) -> set[IntentId]:
        return set()

    async def held_through_others(
        self,
        token_id: TokenId,
        policies: Collection[PolicyId],
    ) -> Mapping[Address, Shares]:
        return {}

    async def carried(self, token_id: TokenId) -> Mapping[PolicyId, Collateral]:
        return {}

    async def stop_resting(self, token_id: TokenId, policies: Collection[PolicyId], at_us: int) -> None:
        raise AssertionError(f"expected no order that rests, found {token_id} of {policies} at {at_us}")

    async def lots(self, token_id: TokenId) -> Mapping[PolicyId, Shares]:
        return {}


class CalmVenue:
    """A Venue that knows every market, has one book, and takes no orders."""

    async def authenticate(self, wallet: Address) -> None:
        """Let everybody in."""

    async def market(self, token_id: TokenId) -> MarketInfo:
        return MarketInfo(
            condition_id=ConditionId("0x" + 64 * "0"),
            token_id=token_id,
            tick=_TICK,
            min_order_size=_LEAST,
            neg_risk=False,
            fee_rate_units=0,
        )

    async def book(self, token_id: TokenId) -> Book:
        return _BOOK

    async def books(self, token_ids: Collection[TokenId]) -> Mapping[TokenId, Book]:
        return dict.fromkeys(token_ids, _BOOK)

    async def submit(self, order: SignedOrder, *, wanted: Callable[[], bool] | None = None) -> Acknowledgement:
        raise AssertionError(f"expected no order, found {order.order_hash}")

    async def cancel(self, order_hash: OrderHash, wallet: Address) -> bool:
        raise AssertionError(f"expected no cancellation, found one of {wallet} of {order_hash}")

    async def report(self, order_hash: OrderHash, wallet: Address) -> OrderReport | None:
        raise AssertionError(f"expected no question about orders, found one of {wallet} about {order_hash}")

    async def open_orders(self, wallet: Address) -> list[OrderHash]:
        raise AssertionError(f"expected no question about orders, found one of {wallet}")
