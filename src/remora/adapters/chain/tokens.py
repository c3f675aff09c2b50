"""Calldata of the two token standards, ERC-20 for collateral and ERC-1155 for shares, and of the collateral's price.

Selectors are those of polymarket.md 1.5; arguments are 32-byte words put together by hand where all are static.
"""

from __future__ import annotations

from collections.abc import Sequence

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from remora.domain.ids import Address, ConditionId, TokenId
from remora.domain.money import Shares

MAX_UINT256 = 2**256 - 1
"""An allowance without a limit; ERC-20 tokens do not count it down."""

_BALANCE_OF = bytes.fromhex("70a08231")
_ALLOWANCE = bytes.fromhex("dd62ed3e")
_TRANSFER = bytes.fromhex("a9059cbb")
_APPROVE = bytes.fromhex("095ea7b3")
_IS_APPROVED_FOR_ALL = bytes.fromhex("e985e9c5")
_SET_APPROVAL_FOR_ALL = bytes.fromhex("a22cb465")
_BALANCE_OF_BATCH = bytes.fromhex("4e1273f4")
_PAUSED = bytes.fromhex("5c975abb")
_LATEST_ROUND_DATA = bytes.fromhex("feaf968c")
_DECIMALS = bytes.fromhex("313ce567")
_PAYOUT_DENOMINATOR = bytes.fromhex("dd34de67")
_PAYOUT_NUMERATORS = bytes.fromhex("0504c814")
_GET_COLLECTION_ID = bytes.fromhex("856296f7")
_GET_PAYOUT = bytes.fromhex("4c619e4c")


def account(wallet: Address) -> bytes:
    """Return an address as the 32-byte word of an argument."""
    return bytes.fromhex(wallet[2:]).rjust(32, b"\0")


def balance_of(owner: Address) -> bytes:
    """Return the calldata of ERC-20 `balanceOf`."""
    return _BALANCE_OF + account(owner)


def allowance(owner: Address, spender: Address) -> bytes:
    """Return the calldata of ERC-20 `allowance`."""
    return _ALLOWANCE + account(owner) + account(spender)


def approve(spender: Address, units: int) -> bytes:
    """Return the calldata of ERC-20 `approve`."""
    return _APPROVE + account(spender) + units.to_bytes(32)


def transfer(receiver: Address, units: int) -> bytes:
    """Return the calldata of ERC-20 `transfer`."""
    return _TRANSFER + account(receiver) + units.to_bytes(32)


def is_approved_for_all(owner: Address, spender: Address) -> bytes:
    """Return the calldata of ERC-1155 `isApprovedForAll`."""
    return _IS_APPROVED_FOR_ALL + account(owner) + account(spender)


def approve_all(spender: Address) -> bytes:
    """Return the calldata of ERC-1155 `setApprovalForAll` with true."""
    return _SET_APPROVAL_FOR_ALL + account(spender) + (1).to_bytes(32)


def balance_of_batch(holdings: Sequence[tuple[Address, TokenId]]) -> bytes:
    """Return the calldata of ERC-1155 `balanceOfBatch`."""
    owners = [owner for owner, _ in holdings]
    token_ids = [token_id for _, token_id in holdings]
    return _BALANCE_OF_BATCH + encode(["address[]", "uint256[]"], [owners, token_ids])


def paused() -> bytes:
    """Return the calldata of `paused`, which tokens have that their owner can stop."""
    return _PAUSED


def latest_round_data() -> bytes:
    """Return the calldata by which price feeds of Chainlink's kind are asked."""
    return _LATEST_ROUND_DATA


def decimals() -> bytes:
    """Return the calldata of `decimals`, which tokens and price feeds have."""
    return _DECIMALS


def payout_denominator(condition_id: ConditionId) -> bytes:
    """Return the calldata of ConditionalTokens' `payoutDenominator`: 0 before the condition is resolved."""
    return _PAYOUT_DENOMINATOR + bytes.fromhex(condition_id[2:])


def payout_numerators(condition_id: ConditionId, outcome: int) -> bytes:
    """Return the calldata of ConditionalTokens' `payoutNumerators`: an outcome's part of the denominator."""
    return _PAYOUT_NUMERATORS + bytes.fromhex(condition_id[2:]) + outcome.to_bytes(32)


def get_collection_id(condition_id: ConditionId, outcome: int) -> bytes:
    """Return the calldata of ConditionalTokens' `getCollectionId` for one outcome of a condition by itself."""
    return _GET_COLLECTION_ID + bytes(32) + bytes.fromhex(condition_id[2:]) + (1 << outcome).to_bytes(32)


def position_id(collateral: Address, collection_id: int) -> TokenId:
    """Return the id of ConditionalTokens' shares of a collection that a collateral is held for."""
    return TokenId(int.from_bytes(keccak(bytes.fromhex(collateral[2:]) + collection_id.to_bytes(32))))


def get_payout(position_id: TokenId, shares: Shares) -> bytes:
    """Return the calldata of the PositionManager's `getPayout`: what so many shares are worth."""
    return _GET_PAYOUT + position_id.to_bytes(32) + shares.units.to_bytes(32)
