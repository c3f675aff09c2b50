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
class Approval:
    """The call by which a wallet lets a spender move all its shares in a ledger, or all its collateral (None)."""

    ledger: Address | None
    spender: Address
    call: Call


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

    @property
    def bound(self) -> Wei:
        """What it costs its wallet at most: a node takes none whose wallet holds less beside all that are pending."""
        return Wei(self.call.gas * self.gas_price.max_fee.units) + self.call.value


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedTransaction:
    """A signed transaction: its hash is known before it is broadcast."""

    tx_hash: TxHash
    raw: bytes = field(repr=False)


class TxState(StrEnum):
    """Where a transaction is: recorded before it is broadcast, until a block proves success or revert.

    Several may have one account nonce, each paying more than the one before it; a block takes one, which ends the
    nonce, and the others are replaced.
    """

    RECORDED = "recorded"
    MINED = "mined"
    REVERTED = "reverted"
    REPLACED = "replaced"
