"""Fills and signals: what a wallet traded, and what we make of a leader's trade."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from remora.domain.ids import Address, OrderHash, SignalId, TokenId, TxHash
from remora.domain.money import Collateral, Price, Shares


class Side(StrEnum):
    """The direction of an order, as the venue writes it."""

    BUY = "BUY"
    SELL = "SELL"


class Role(StrEnum):
    """Whether an order rested in the book (maker) or hit it (taker)."""

    MAKER = "maker"
    TAKER = "taker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
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
    """One leader order in one transaction: all its fills summed.

    `heard_us` is when we first heard of it, in microseconds of the wall clock, `block_us` when it was mined, by the
    chain's.
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
    block_number: int
    log_index: int
    heard_us: int
    block_us: int

    @property
    def since_us(self) -> int:
        """Since when the trade is known to the world: a trade that was missed is old, however late it was heard."""
        return min(self.heard_us, self.block_us)

    @property
    def price(self) -> Price:
        """The average price without fee, to the nearest 10^-6."""
        return Price.of(self.collateral, self.shares)
