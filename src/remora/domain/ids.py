"""Identities: what makes a thing the same thing, across sources, restarts and replays.

Hex is canonical lower case with 0x; it is parsed once at the edge and compared as text. Derived ids are pure functions
of what they identify, so that a replay finds the row that it wrote before.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from functools import lru_cache
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
    try:
        return _address(text)
    except TypeError:
        raise _no_text(text) from None


def word(text: str) -> str:
    """Return the canonical form of a 32-byte hex word; Malformed when it is none."""
    try:
        return _word(text)
    except TypeError:
        raise _no_text(text) from None


def words(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the canonical forms of 32-byte hex words; Malformed when one of them is none."""
    try:
        return tuple(map(_word, texts))
    except TypeError:
        raise _no_text(texts) from None


# A block's logs repeat its hash, and those of their transactions, events and wallets; leaders' logs come several times.
@lru_cache(maxsize=32_768)
def _word(text: str) -> str:
    return _canonical(text, _WORD, "0x and 64 hex digits")


@lru_cache(maxsize=8192)
def _address(text: str) -> Address:
    return Address(_canonical(text, _ADDRESS, "an address of 0x and 40 hex digits"))


def _canonical(text: str, form: re.Pattern[str], expected: str) -> str:
    lowered = text.lower() if isinstance(text, str) else ""
    if not form.fullmatch(lowered):
        raise Malformed(f"expected {expected}, found {text!r}")
    return lowered


def _no_text(found: object) -> Malformed:
    """Return the error for what is so far from text that it cannot be looked up in a cache: a list, an object."""
    return Malformed(f"expected hex text, found {found!r}")


def signal_id(chain_id: int, exchange: Address, order_hash: OrderHash, tx_hash: TxHash) -> SignalId:
    """Return the id of a leader fill: one order in one transaction on one exchange, however many logs it left."""
    return SignalId(_digest("signal", str(chain_id), exchange, order_hash, tx_hash))


def pending_signal_id(chain_id: int, exchange: Address, order_hash: OrderHash, tx_hash: TxHash) -> SignalId:
    """Return the id of a leader fill that was heard of before a block had it; it is kept when one does."""
    return SignalId(_digest("pending signal", str(chain_id), exchange, order_hash, tx_hash))


def polled_signal_id(chain_id: int, leader: Address, token_id: TokenId, side: str, tx_hash: TxHash) -> SignalId:
    """Return the id of a trade that only the public history told: it names no orders, so all of the kind are one."""
    return SignalId(_digest("polled signal", str(chain_id), leader, str(token_id), side, tx_hash))


def exit_hash(kind: str, leader: Address, token_id: TokenId) -> OrderHash:
    """Return what stands in for the order hash of an exit that is no trade, in the id of its signal."""
    return OrderHash(_digest("exit", kind, leader, str(token_id)))


def sale_id(switch: str, leader: Address, token_id: TokenId, number: int) -> SignalId:
    """Return the id of a try to sell what a switch says, named by whom it concerns and since when."""
    return SignalId(_digest("sale", switch, leader, str(token_id), str(number)))


def intent_id(signal: SignalId, policy: PolicyId) -> IntentId:
    """Return the id of what a policy wants of a signal: at most one intent exists for the pair."""
    return IntentId(_digest("intent", signal, policy))


def settlement_id(step: str, intent: IntentId) -> SettlementId:
    """Return the 32-byte id under which the Clearinghouse settles one step ("deliver", "collect", "remit") once."""
    return SettlementId(_digest("settlement", step, intent))


def late_id(of: SettlementId, tx_hash: TxHash) -> SettlementId:
    """Return the id of the leg that settles what a fill brought an intent after its order had ended."""
    return SettlementId(_digest("late", of, tx_hash))


def part_id(of: SettlementId, part: str) -> SettlementId:
    """Return the id of a part ("paid", "rest"; "unsold") of a leg that is settled, or sold, in parts: each once."""
    return SettlementId(_digest("part", part, of))


def _digest(*parts: str) -> str:
    return "0x" + hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
