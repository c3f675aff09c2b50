"""What became of one signal for one follower, from the leader's trade to the settlement, as it is told afterwards.

A story holds what was stored on the way and decides nothing. Times are microseconds of the wall clock (`…_us`), None
for what has not happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from remora.domain.ids import Address, OrderHash, PolicyId, TxHash
from remora.domain.money import ZERO_COLLATERAL, Collateral, Price, Shares, mul_div_nearest
from remora.domain.order import Intent, IntentState, Leg, LegFailure, LegState, OrderState, SettlementStep, Sized
from remora.domain.reasons import Because
from remora.domain.records import DebtSide
from remora.domain.signal import Side, Signal, SignalState

_WHOLE_BPS = 10_000


class Fate(StrEnum):
    """What became of a signal for a follower. undecided: none of the follower's policies was in force for it."""

    EXECUTED = "executed"
    PENDING = "pending"
    OWED = "owed"
    DENIED = "denied"
    FAILED = "failed"
    PAPER = "paper"
    WITHDRAWN = "withdrawn"
    UNDECIDED = "undecided"


FATES: Mapping[IntentState, Fate] = {
    IntentState.SETTLED: Fate.EXECUTED,
    IntentState.OWED: Fate.OWED,
    IntentState.FAILED: Fate.FAILED,
    IntentState.PAPER: Fate.PAPER,
    IntentState.WITHDRAWN: Fate.WITHDRAWN,
}
"""The fates that have an intent state of their own; an intent in any other state is pending."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A signal as it is stored. `mined_heard_us` is when we heard of its block."""

    signal: Signal
    state: SignalState
    stored_us: int
    mined_heard_us: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFill:
    """What an order traded in one transaction, for all its intents together."""

    tx_hash: TxHash
    shares: Shares
    collateral: Collateral
    fee: Collateral
    block_number: int
    heard_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderTold:
    """An order that an intent took part in, with so many `parts` in all; `rest_of` is the one whose rest it tries."""

    order_hash: OrderHash
    wallet: Address
    kind: str
    limit: Price
    state: OrderState
    parts: int
    sent_us: int
    acknowledged_us: int | None
    fills: tuple[OrderFill, ...]
    rest_of: OrderHash | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """What an intent got of its orders' fills."""

    shares: Shares
    collateral: Collateral
    fee: Collateral
    unsold: Shares

    @property
    def price(self) -> Price:
        """The average price without fee, to the nearest 10^-6."""
        return Price.of(self.collateral, self.shares)


@dataclass(frozen=True, slots=True, kw_only=True)
class LegTold:
    """A settlement leg, and the latest transaction that holds it."""

    leg: Leg
    state: LegState
    tx_hash: TxHash | None
    settled_us: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DebtTold:
    """A debt that a leg of the story left, open or not."""

    side: DebtSide
    cause: LegFailure
    due: Collateral
    collected: Collateral
    sold: Collateral
    written_off: Collateral
    opened_us: int
    recovered_us: int | None
    why: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Microseconds from one step to the next: since the block, from hearing to storing, sending, and so on."""

    heard: int | None
    decided: int | None
    sent: int | None
    acknowledged: int | None
    filled: int | None
    settled: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A signal and what became of it through one policy; without a policy, of a follower who had none for it.

    `because` is why it was denied, or why it failed. `sized` is what made the intent as large as it is.
    """

    heard: Heard
    policy_id: PolicyId | None
    because: Because | None = None
    intent: Intent | None = None
    intent_state: IntentState | None = None
    sized: Sized | None = None
    got: Got | None = None
    orders: tuple[OrderTold, ...] = ()
    legs: tuple[LegTold, ...] = ()
    debts: tuple[DebtTold, ...] = ()

    @property
    def fate(self) -> Fate:
        """What became of it, in a word."""
        if self.intent_state is not None:
            return FATES.get(self.intent_state, Fate.PENDING)
        return Fate.UNDECIDED if self.policy_id is None else Fate.DENIED

    @property
    def slippage_bps(self) -> int | None:
        """How much worse the price was than the leader's, in bps of it; negative where it was better.

        None where nothing was traded, or the leader's exit had no price.
        """
        if self.got is None or not self.got.shares or not self.heard.signal.shares:
            return None
        leaders, paid = self.heard.signal.price.units, self.got.price.units
        if not leaders:
            return None
        worse = paid - leaders if self.heard.signal.side is Side.BUY else leaders - paid
        return mul_div_nearest(worse, _WHOLE_BPS, leaders)

    @property
    def latency(self) -> Latency:
        """How long each step took, as far as the story has come."""
        signal = self.heard.signal
        stored = self.heard.stored_us if self.policy_id is not None else None
        sent = min((order.sent_us for order in self.orders), default=None)
        known = _latest(order.acknowledged_us for order in self.orders)
        filled = _latest(fill.heard_us for order in self.orders for fill in order.fills)
        settled = _latest(told.settled_us for told in self.legs if told.leg.step is not SettlementStep.COLLECT)
        return Latency(
            heard=_between(signal.block_us, signal.heard_us),
            decided=_between(signal.heard_us, stored),
            sent=_between(stored, sent),
            acknowledged=_between(sent, known),
            filled=_between(known if known is not None else sent, filled),
            settled=_between(filled, settled),
        )

    @property
    def total(self) -> Collateral:
        """What the follower paid with the fee, or received without it; nothing where nothing was traded."""
        if self.got is None:
            return ZERO_COLLATERAL
        bought = self.heard.signal.side is Side.BUY
        return self.got.collateral + self.got.fee if bought else self.got.collateral - self.got.fee


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPart:
    """What we did ourselves in a transaction: what we sent it for, and our orders that it filled."""

    purpose: str | None
    order_hashes: tuple[OrderHash, ...]


def _latest(times: Iterable[int | None]) -> int | None:
    return max((each for each in times if each is not None), default=None)


def _between(start_us: int | None, end_us: int | None) -> int | None:
    return None if start_us is None or end_us is None else end_us - start_us
