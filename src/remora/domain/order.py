"""Intents, block orders, their fills and what each follower gets of them, with the states they pass through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import NamedTuple

from remora.domain.ids import (
    Address,
    ConditionId,
    IntentId,
    OrderHash,
    PolicyId,
    SettlementId,
    SignalId,
    TokenId,
    TxHash,
)
from remora.domain.money import ZERO_COLLATERAL, Collateral, Price, Shares
from remora.domain.reasons import Because
from remora.domain.signal import Side, Signal


class OrderKind(StrEnum):
    """How long an order may rest: FAK fills what it can at once and kills the rest, FOK fills all of it or nothing.

    GTC rests until it is cancelled, GTD until a time.
    """

    FAK = "FAK"
    FOK = "FOK"
    GTC = "GTC"
    GTD = "GTD"


class Intent(NamedTuple):
    """What one policy wants of one signal: buy for at most `budget`, or sell `shares`, at worst at `limit`.

    A BUY has a budget and no shares, a SELL shares and no budget. After `deadline_us` nothing is sent any more.
    `fee_bound` is the most that the fee of a BUY may add to its budget, `condition_id` the market, if that was known.
    `kind` is how its order waits for a counterpart; a GTD one rests in the book for `rest_s`.
    """

    intent_id: IntentId
    signal_id: SignalId
    policy_id: PolicyId
    follower: Address
    side: Side
    token_id: TokenId
    limit: Price
    budget: Collateral
    shares: Shares
    deadline_us: int
    fee_bound: Collateral = ZERO_COLLATERAL
    condition_id: ConditionId | None = None
    kind: OrderKind = OrderKind.FAK
    rest_s: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Denial:
    """We decided not to copy a signal for a policy, and why."""

    signal_id: SignalId
    policy_id: PolicyId
    follower: Address
    because: Because


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """What something left of an entry's size, and what that was."""

    left: Collateral
    because: Because


class Sized(NamedTuple):
    """What made an intent as large as it is: `facts` to be told, and what cut it afterwards, one after the other.

    It is a tuple, since thousands are made for one signal.
    """

    facts: Mapping[str, str]
    cuts: tuple[Cut, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One signal, decided: each policy is in exactly one of intents and denials.

    `carried` is what policies keep from now on, for the token, of copies that were too small; 0 is nothing any more.
    `sized` is what made the intents as large as they are.
    """

    signal: Signal
    intents: tuple[Intent, ...]
    denials: tuple[Denial, ...]
    carried: Mapping[PolicyId, Collateral] = field(default_factory=dict)
    sized: Mapping[PolicyId, Sized] = field(default_factory=dict)


class IntentState(StrEnum):
    """Where an intent is.

    pending → (SELL: collecting → collected →) ordered → filled → settled; `owed` between filled and settled while a
    debt is open; `failed` when nothing was copied, `paper` when nothing was to be sent; `withdrawn` when the leader's
    trade left the chain before anything was sent.
    """

    PENDING = "pending"
    COLLECTING = "collecting"
    COLLECTED = "collected"
    ORDERED = "ordered"
    FILLED = "filled"
    SETTLED = "settled"
    OWED = "owed"
    FAILED = "failed"
    PAPER = "paper"
    WITHDRAWN = "withdrawn"


class OrderState(StrEnum):
    """Where an order is: recorded before the POST, unresolved until the venue or the chain proves more."""

    RECORDED = "recorded"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderTerms:
    """An order as it is signed (polymarket.md 1.4), without its signature.

    Amounts are base units: for a BUY `maker_amount` is collateral and `taker_amount` shares, for a SELL reversed.
    """

    salt: int
    maker: Address
    signer: Address
    token_id: TokenId
    maker_amount: int
    taker_amount: int
    side: Side
    timestamp_ms: int
    signature_type: int = 0
    metadata: str = "0x" + 64 * "0"
    builder: str = "0x" + 64 * "0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One intent's part in a block order: its budget (BUY) or its shares (SELL)."""

    intent_id: IntentId
    follower: Address
    budget: Collateral
    shares: Shares


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockOrder:
    """Intents of one signal that want the same, joined into one order on one operator wallet."""

    token_id: TokenId
    side: Side
    limit: Price
    parts: tuple[Part, ...]
    deadline_us: int
    kind: OrderKind = OrderKind.FAK
    rest_s: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """The venue's answer to an accepted order: what it matched, provisionally, in base units."""

    order_hash: OrderHash
    status: str
    making: int
    taking: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderReport:
    """What the venue knows of an order.

    `matched` counts what did not fail, `failed` what did; `tx_hashes` are the transactions of the former. `pending` is
    true until the venue's words are final: while the order is open, or a match of it may still reach a block or fail.
    """

    order_hash: OrderHash
    status: str
    matched: Shares
    failed: Shares
    tx_hashes: tuple[TxHash, ...]
    pending: bool


class Allocation(NamedTuple):
    """What one intent got of its block order: shares bought or sold, collateral paid or received, its part of the fee.

    A BUY owes collateral + fee; a SELL is owed collateral - fee. `unsold` are collected shares that go back.
    """

    intent_id: IntentId
    follower: Address
    shares: Shares
    collateral: Collateral
    fee: Collateral
    unsold: Shares = Shares(0)


class SettlementStep(StrEnum):
    """The Clearinghouse's three legs."""

    DELIVER = "deliver"
    COLLECT = "collect"
    REMIT = "remit"


class LegState(StrEnum):
    """Where a leg is: pending until it is in a transaction, sent until that is mined, then settled or failed.

    A failed one is sent again until it settles, unless it was split, so that other legs stand for it, its shares are
    being sold, or it was dropped, since they were sold or its debt was written off.
    """

    PENDING = "pending"
    SENT = "sent"
    SETTLED = "settled"
    FAILED = "failed"
    SPLIT = "split"
    SELLING = "selling"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One follower's part in a settlement transaction.

    deliver: `shares` to the follower, `collateral` to the operator. collect: `shares` to the operator. remit: `shares`
    were sold for `collateral`, which goes to the follower with the `returned` shares.
    """

    settlement_id: SettlementId
    intent_id: IntentId
    step: SettlementStep
    wallet: Address
    follower: Address
    token_id: TokenId
    shares: Shares
    collateral: Collateral
    returned: Shares = Shares(0)


class LegFailure(IntEnum):
    """Why the Clearinghouse refused a leg, as its `LegFailed` events number it."""

    NONE = 0
    ALREADY_SETTLED = 1
    NOT_JOINED = 2
    EXPIRED = 3
    PAUSED = 4
    DAILY_LIMIT = 5
    PRICE_ABOVE_ONE = 6
    COLLATERAL_REFUSED = 7
    SHARES_REFUSED = 8
    NOT_OUTSTANDING = 9
    EMPTY_LEG = 10
    NO_LOT = 11


@dataclass(frozen=True, slots=True, kw_only=True)
class LegOutcome:
    """What the chain did with a leg. A replayed leg counts as settled: it was, before."""

    settlement_id: SettlementId
    settled: bool
    failure: LegFailure
    tx_hash: TxHash


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedOrder:
    """An order ready for the venue. The signature is a bearer token: it is neither shown nor stored.

    `expiration_s` is when the venue drops a GTD order by itself, in seconds since the epoch; it is not signed.
    """

    order_hash: OrderHash
    terms: OrderTerms
    kind: OrderKind
    signature: bytes = field(repr=False)
    expiration_s: int = 0
