"""Fills and signals: what a wallet traded, and what we make of a leader's trade or other exit."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from remora.domain.ids import ZERO_ADDRESS, Address, OrderHash, SignalId, TokenId, TxHash
from remora.domain.money import Collateral, Price, Shares


class Side(StrEnum):
    """The direction of an order, as the venue writes it."""

    BUY = "BUY"
    SELL = "SELL"


class Role(StrEnum):
    """Whether an order rested in the book (maker) or hit it (taker)."""

    MAKER = "maker"
    TAKER = "taker"


class Source(StrEnum):
    """From where we heard first of a trade; `operator` is remora's own word, to sell what is held."""

    CHAIN = "chain"
    BACKFILL = "backfill"
    MEMPOOL = "mempool"
    POLLING = "polling"
    OPERATOR = "operator"


class SignalKind(StrEnum):
    """What brought a leader shares, or took them.

    trade: an order of the leader's. All others are exits of their own: merge, a set of both outcomes became collateral;
    conversion, shares became shares of the event's other questions; redemption, shares of a resolved market were paid
    out; transfer, shares went to another account.
    """

    TRADE = "trade"
    MERGE = "merge"
    CONVERSION = "conversion"
    REDEMPTION = "redemption"
    TRANSFER = "transfer"


class SignalState(StrEnum):
    """Where a signal's transaction is.

    pending: heard of, in no block yet. mined: in a block. vanished: it was pending and will be in none. When a
    reorganisation takes its block out, it is withdrawn if nothing had been sent for it, and reorged if something had.
    Whatever comes back into a block is mined again. own: remora's word, which no block confirms or takes back.
    """

    PENDING = "pending"
    MINED = "mined"
    VANISHED = "vanished"
    WITHDRAWN = "withdrawn"
    REORGED = "reorged"
    OWN = "own"


class Fill(NamedTuple):
    """One order's part in one match, exact: what was really bought or sold.

    `collateral` excludes the fee: a buyer paid collateral + fee, a seller received collateral - fee. `counterparty` is
    the taker's wallet for a maker, the exchange for a taker. Fields that a bare log lacks are None.
    """

    wallet: Address
    counterparty: Address
    role: Role
    side: Side
    token_id: TokenId
    shares: Shares
    collateral: Collateral
    fee: Collateral
    order_hash: OrderHash
    exchange: Address
    tx_hash: TxHash | None
    block_number: int | None
    log_index: int | None

    @property
    def price(self) -> Price:
        """The average price without fee, to the nearest 10^-6."""
        return Price.of(self.collateral, self.shares)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One leader order in one transaction, all its fills summed; or shares that left a leader otherwise in one.

    `heard_us` is when its source told us of it, in microseconds of the wall clock, `block_us` when it was mined, by the
    chain's. A pending one is in no block: block, index and `block_us` are None.

    A polled one, which only the public history told, is pending too, but its `block_us` is the time that the history
    gives. It may be of several orders, whose hashes and fees are unknown: its exchange is the zero address, and its id
    stands in for the order hash.

    An exit of another kind than a trade is a SELL without an order: its exchange is the ledger that kept the shares,
    kind, leader and token stand in for the order hash, and its collateral is nothing. `held_before` is what the leader
    held of the token right before; None where it is unknown, and for a BUY.

    One of the operator, to sell what is held through a leader, is no trade: it has no exchange, and its id stands in
    for both hashes.
    """

    signal_id: SignalId
    chain_id: int
    exchange: Address
    order_hash: OrderHash
    tx_hash: TxHash
    leader: Address
    role: Role
    side: Side
    token_id: TokenId
    shares: Shares
    collateral: Collateral
    fee: Collateral
    block_number: int | None
    log_index: int | None
    heard_us: int
    block_us: int | None
    block_hash: str | None = None
    source: Source = Source.CHAIN
    kind: SignalKind = SignalKind.TRADE
    held_before: Shares | None = None

    @property
    def is_polled(self) -> bool:
        """Whether only the public history told of it."""
        return self.exchange == ZERO_ADDRESS and self.source is not Source.OPERATOR

    @property
    def state(self) -> SignalState:
        """The state in which it is heard."""
        if self.source is Source.OPERATOR:
            return SignalState.OWN
        return SignalState.PENDING if self.block_number is None else SignalState.MINED

    @property
    def since_us(self) -> int:
        """Since when the trade is known to the world: a trade that was missed is old, however late it was heard."""
        return self.heard_us if self.block_us is None else min(self.heard_us, self.block_us)

    @property
    def price(self) -> Price:
        """The average price without fee, to the nearest 10^-6."""
        return Price.of(self.collateral, self.shares)
