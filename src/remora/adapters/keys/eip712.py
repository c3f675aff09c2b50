"""The EIP-712 digest of a log-in to the venue, put together from precomputed parts.

A digest is keccak(0x1901 | domain separator | struct hash). Types and domain are facts of polymarket.md 3; the tests
prove every digest equal to the official SDK's.
"""

from __future__ import annotations

from remora.domain.ids import Address
from remora.domain.order_hash import keccak

_WORD_BYTES = 32
_PREFIX = b"\x19\x01"
_AUTH_TYPE_HASH = keccak(b"ClobAuth(address address,string timestamp,uint256 nonce,string message)")
_AUTH_DOMAIN_TYPE_HASH = keccak(b"EIP712Domain(string name,string version,uint256 chainId)")
_AUTH_NAME_HASH = keccak(b"ClobAuthDomain")
_AUTH_VERSION_HASH = keccak(b"1")
_AUTH_MESSAGE_HASH = keccak(b"This message attests that I control the given wallet")


def clob_auth_digest(chain_id: int, address: Address, timestamp: int, nonce: int) -> bytes:
    """Return the hash that a wallet signs to get its API key; `timestamp` is in seconds (polymarket.md 3, L1)."""
    domain = keccak(_AUTH_DOMAIN_TYPE_HASH + _AUTH_NAME_HASH + _AUTH_VERSION_HASH + _uint(chain_id))
    struct = keccak(
        _AUTH_TYPE_HASH + _address(address) + keccak(str(timestamp).encode()) + _uint(nonce) + _AUTH_MESSAGE_HASH
    )
    return keccak(_PREFIX + domain + struct)


def _uint(value: int) -> bytes:
    return value.to_bytes(_WORD_BYTES)


def _address(address: Address) -> bytes:
    return bytes.fromhex(address[2:]).rjust(_WORD_BYTES, b"\0")
