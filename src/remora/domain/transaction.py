"""Account transactions: what a wallet signs, in the order of its account nonce."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from remora.domain.ids import Address, TxHash
from remora.domain.money import Wei


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a transaction does: calldata for a contract, with native coin attached, and a bound for its gas."""

    to: Address
    data: bytes
    value: Wei = Wei(0)
    gas: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GasPrice:
    """EIP-1559 fees in wei per gas."""

    max_fee: Wei
    priority_fee: Wei


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """A call bound to a wallet and an account nonce. Signing it again gives the same hash (RFC 6979)."""

    chain_id: int
    wallet: Address
    nonce: int
    call: Call
    gas_price: GasPrice


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedTransaction:
    """A signed transaction: its hash is known before it is broadcast."""

    tx_hash: TxHash
    raw: bytes = field(repr=False)


class TxState(StrEnum):
    """Where a transaction is: recorded before it is broadcast, until a block proves success or revert."""

    RECORDED = "recorded"
    MINED = "mined"
    REVERTED = "reverted"
