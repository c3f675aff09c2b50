"""Transactions that the gate accepted and keeps from the chain: pending for everybody who asks, mined never.

They are what a pool full of better paying transactions does to one of low gas price. One of the same sender and nonce
that pays at least a tenth more takes its place and goes through, as with a node's pool.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import rlp
from eth_account import Account
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from eth_utils.crypto import keccak
from hexbytes import HexBytes
from rlp.exceptions import RLPException

from remora.devnet.remembering import Remembering

_LEGACY_FIELDS = ("nonce", "gasPrice", "gas", "to", "value", "data", "v", "r", "s")
_BYTES = frozenset({"to", "data"})
_FIRST_LIST = b"\xc0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A signed transaction, as far as a pool looks at it; prices in wei."""

    raw: str
    hash: str
    sender: str
    nonce: int
    gas_price: int
    shown: dict[str, Any]

    @classmethod
    def of(cls, raw: str) -> Signed | None:
        """Read a raw transaction of any type that pays for gas alone; None for what is none."""
        try:
            fields = _fields(HexBytes(raw))
            sender = str(Account.recover_transaction(raw)).lower()
        except (ValueError, TypeError, RLPException):
            return None
        hash_ = "0x" + keccak(HexBytes(raw)).hex()
        return cls(
            raw=raw,
            hash=hash_,
            sender=sender,
            nonce=fields["nonce"],
            gas_price=fields.get("maxFeePerGas", fields.get("gasPrice", 0)),
            shown=_pending(hash_, sender, fields),
        )


class StuckPool(Remembering):
    """The transactions that are kept, one per sender and nonce."""

    remembered = ("_kept",)

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int], Signed] = {}

    @property
    def is_empty(self) -> bool:
        """Whether nothing is kept."""
        return not self._kept

    def keep(self, signed: Signed) -> None:
        """Keep a transaction from the chain."""
        self._kept[signed.sender, signed.nonce] = signed

    def rival(self, signed: Signed) -> Signed | None:
        """Return what is kept of the same sender and nonce, if it is another transaction."""
        kept = self._kept.get((signed.sender, signed.nonce))
        return kept if kept is not None and kept.hash != signed.hash else None

    def give_way(self, signed: Signed) -> bool:
        """Forget the rival of a transaction that pays a tenth more; tell whether it does."""
        rival = self.rival(signed)
        if rival is not None and signed.gas_price * 10 < rival.gas_price * 11:
            return False
        self._kept.pop((signed.sender, signed.nonce), None)
        return True

    def find(self, tx_hash: str) -> dict[str, Any] | None:
        """Return a kept transaction as a node shows a pending one."""
        return next((kept.shown for kept in self._kept.values() if kept.hash == tx_hash), None)

    def next_nonce(self, wallet: str, known: int) -> int:
        """Return the nonce after those that the chain knows of and those kept in sequence."""
        while (wallet.lower(), known) in self._kept:
            known += 1
        return known

    def release(self) -> list[str]:
        """Forget everything kept, and return it raw, lowest nonce first."""
        released = sorted(self._kept.values(), key=lambda kept: kept.nonce)
        self._kept.clear()
        return [kept.raw for kept in released]


def _fields(raw: bytes) -> dict[str, Any]:
    """Return a transaction's fields by the names that nodes give them; one of the legacy type begins as an RLP list."""
    if raw[:1] < _FIRST_LIST:
        fields: dict[str, Any] = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
        return fields
    texts = dict(zip(_LEGACY_FIELDS, rlp.decode(raw), strict=True))
    return {"type": 0, **{name: text if name in _BYTES else int.from_bytes(text) for name, text in texts.items()}}


def _pending(tx_hash: str, sender: str, fields: dict[str, Any]) -> dict[str, Any]:
    nowhere = dict.fromkeys(("blockHash", "blockNumber", "transactionIndex"))
    return {"hash": tx_hash, "from": sender, **nowhere, **{name: _shown(value) for name, value in fields.items()}}


def _shown(value: Any) -> Any:
    if isinstance(value, int):
        return hex(value)
    return "0x" + value.hex().removeprefix("0x") if isinstance(value, bytes) else value
