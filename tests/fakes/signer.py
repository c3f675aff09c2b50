"""Keys that are none: hashes are digests of what is signed, so the same thing has the same hash."""

from __future__ import annotations

import hashlib

from remora.domain.ids import Address, OrderHash, TxHash
from remora.domain.order import OrderKind, OrderTerms, SignedOrder
from remora.domain.transaction import SignedTransaction, Transaction


class FakeSigner:
    """A Signer. A signed transaction's bytes are its wallet and its calldata."""

    def __init__(self, fleet: tuple[Address, ...], treasury: Address) -> None:
        self._fleet = fleet
        self._treasury = treasury

    @property
    def fleet(self) -> tuple[Address, ...]:
        return self._fleet

    @property
    def treasury(self) -> Address:
        return self._treasury

    def grow(self, size: int) -> None:
        """Add wallets that count on from the first."""
        first = int(self._fleet[0], 16)
        self._fleet += tuple(Address(f"0x{first + n:040x}") for n in range(len(self._fleet), size))

    def sign_order(self, terms: OrderTerms, kind: OrderKind, *, neg_risk: bool) -> SignedOrder:
        return SignedOrder(
            order_hash=OrderHash(_digest(f"{terms}{neg_risk}")), terms=terms, kind=kind, signature=bytes(65)
        )

    def sign_transaction(self, transaction: Transaction) -> SignedTransaction:
        raw = f"{transaction.wallet} ".encode() + transaction.call.data
        return SignedTransaction(tx_hash=TxHash(_digest(str(transaction))), raw=raw)


def _digest(text: str) -> str:
    return "0x" + hashlib.sha256(text.encode()).hexdigest()
