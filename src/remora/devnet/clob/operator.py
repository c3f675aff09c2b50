"""The operator's signature under its transactions, which are all of the legacy type (EIP-155).

A library's signer takes a millisecond and more for each, which was the largest part of what a match costs the server;
this takes a tenth of that, and the tests hold it to the library's own bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

import coincurve
import rlp

from remora.devnet.clob.signing import address_of, keccak

_EIP155_OFFSET = 35


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedCall:
    """A transaction as a node takes it, and its hash; both hex with 0x."""

    raw: str
    hash: str


class Operator:
    """Signs contract calls of one key on one chain."""

    def __init__(self, private_key: bytes, chain_id: int) -> None:
        self._key = coincurve.PrivateKey(private_key)
        self._chain_id = chain_id
        self.address = address_of(self._key.public_key)

    def __repr__(self) -> str:
        return f"Operator({self.address})"

    def sign(self, *, nonce: int, gas_price: int, gas: int, to: str, data: bytes) -> SignedCall:
        """Sign a call without value; the price of gas is in wei."""
        fields = [nonce, gas_price, gas, bytes.fromhex(to[2:]), 0, data]
        digest = keccak(rlp.encode([*fields, self._chain_id, 0, 0]))
        signature = self._key.sign_recoverable(digest, hasher=None)
        r, s = (int.from_bytes(signature[start : start + 32]) for start in (0, 32))
        raw = rlp.encode([*fields, signature[-1] + _EIP155_OFFSET + 2 * self._chain_id, r, s])
        return SignedCall(raw="0x" + raw.hex(), hash="0x" + keccak(raw).hex())
