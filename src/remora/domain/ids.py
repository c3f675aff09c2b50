"""Identities: what makes a thing the same thing, across sources, restarts and replays.

Hex is canonical lower case with 0x; it is parsed once at the edge and compared as text. Derived ids are pure functions
of what they identify, so that a replay finds the row that it wrote before.
"""

from __future__ import annotations

import hashlib
import re
from typing import NewType

from remora.domain.errors import Malformed

Address = NewType("Address", str)
"""A 20-byte account or contract address."""

TxHash = NewType("TxHash", str)
"""A 32-byte transaction hash."""

OrderHash = NewType("OrderHash", str)
"""The 32-byte EIP-712 digest of an order: the venue's order id and topic 1 of its fills."""

ConditionId = NewType("ConditionId", str)
"""The 32-byte id of a market's condition."""

TokenId = NewType("TokenId", int)
"""The ERC-1155 id of one outcome's shares, up to 256 bits: stored as text."""

SignalId = NewType("SignalId", str)
IntentId = NewType("IntentId", str)
SettlementId = NewType("SettlementId", str)
PolicyId = NewType("PolicyId", str)

ZERO_ADDRESS = Address("0x" + 40 * "0")

_ADDRESS = re.compile(r"0x[0-9a-f]{40}")
_WORD = re.compile(r"0x[0-9a-f]{64}")


def address(text: str) -> Address:
    """Return the canonical form of an address in any case; Malformed when it is none."""
    lowered = text.lower() if isinstance(text, str) else ""
    if not _ADDRESS.fullmatch(lowered):
        raise Malformed(f"expected an address of 0x and 40 hex digits, found {text!r}")
    return Address(lowered)


def word(text: str) -> str:
    """Return the canonical form of a 32-byte hex word; Malformed when it is none."""
    lowered = text.lower() if isinstance(text, str) else ""
    if not _WORD.fullmatch(lowered):
        raise Malformed(f"expected 0x and 64 hex digits, found {text!r}")
    return lowered


def signal_id(chain_id: int, exchange: Address, order_hash: OrderHash, tx_hash: TxHash) -> SignalId:
    """Return the id of a leader fill: one order in one transaction on one exchange, however many logs it left."""
    return SignalId(_digest("signal", str(chain_id), exchange, order_hash, tx_hash))


def intent_id(signal: SignalId, policy: PolicyId) -> IntentId:
    """Return the id of what a policy wants of a signal: at most one intent exists for the pair."""
    return IntentId(_digest("intent", signal, policy))


def settlement_id(step: str, intent: IntentId) -> SettlementId:
    """Return the 32-byte id under which the Clearinghouse settles one step ("deliver", "collect", "remit") once."""
    return SettlementId(_digest("settlement", step, intent))


def _digest(*parts: str) -> str:
    return "0x" + hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
