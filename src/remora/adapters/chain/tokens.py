"""Calldata of the two token standards, as far as remora uses them: ERC-20 collateral and ERC-1155 shares.

Selectors are those of polymarket.md 1.5; arguments are 32-byte words put together by hand where all are static.
"""

from __future__ import annotations

from collections.abc import Sequence

from eth_abi.abi import encode

from remora.domain.ids import Address, TokenId

MAX_UINT256 = 2**256 - 1
"""An allowance without a limit; ERC-20 tokens do not count it down."""

_BALANCE_OF = bytes.fromhex("70a08231")
_ALLOWANCE = bytes.fromhex("dd62ed3e")
_APPROVE = bytes.fromhex("095ea7b3")
_IS_APPROVED_FOR_ALL = bytes.fromhex("e985e9c5")
_SET_APPROVAL_FOR_ALL = bytes.fromhex("a22cb465")
_BALANCE_OF_BATCH = bytes.fromhex("4e1273f4")


def balance_of(owner: Address) -> bytes:
    """Return the calldata of ERC-20 `balanceOf`."""
    return _BALANCE_OF + _word(owner)


def allowance(owner: Address, spender: Address) -> bytes:
    """Return the calldata of ERC-20 `allowance`."""
    return _ALLOWANCE + _word(owner) + _word(spender)


def approve(spender: Address, units: int) -> bytes:
    """Return the calldata of ERC-20 `approve`."""
    return _APPROVE + _word(spender) + units.to_bytes(32)


def is_approved_for_all(owner: Address, spender: Address) -> bytes:
    """Return the calldata of ERC-1155 `isApprovedForAll`."""
    return _IS_APPROVED_FOR_ALL + _word(owner) + _word(spender)


def approve_all(spender: Address) -> bytes:
    """Return the calldata of ERC-1155 `setApprovalForAll` with true."""
    return _SET_APPROVAL_FOR_ALL + _word(spender) + (1).to_bytes(32)


def balance_of_batch(holdings: Sequence[tuple[Address, TokenId]]) -> bytes:
    """Return the calldata of ERC-1155 `balanceOfBatch`."""
    owners = [owner for owner, _ in holdings]
    token_ids = [token_id for _, token_id in holdings]
    return _BALANCE_OF_BATCH + encode(["address[]", "uint256[]"], [owners, token_ids])


def _word(owner: Address) -> bytes:
    return bytes.fromhex(owner[2:]).rjust(32, b"\0")
