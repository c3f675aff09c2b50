"""EIP-712 digests of the venue's orders and log-ins, put together from precomputed parts.

A digest is keccak(0x1901 | domain separator | struct hash). Types and domains are facts of polymarket.md 1.4 and 3;
the tests prove every digest equal to the official SDK's, and to orders that were settled on Polygon.
"""

from __future__ import annotations

from sha3 import keccak_256

from remora.domain.errors import Malformed
from remora.domain.ids import Address
from remora.domain.order import OrderTerms
from remora.domain.signal import Side

EXCHANGE_V2 = "2"
"""The domain version of the exchanges over ConditionalTokens; "3" is the one over PositionManager."""

_WORD_BYTES = 32
_ORDER_WORDS = 12
_PREFIX = b"\x19\x01"


def _keccak(data: bytes) -> bytes:
    digest: bytes = keccak_256(data).digest()
    return digest


_ORDER_TYPE_HASH = _keccak(
    b"Order(uint256 salt,address maker,address signer,uint256 tokenId,uint256 makerAmount,uint256 takerAmount,"
    b"uint8 side,uint8 signatureType,uint256 timestamp,bytes32 metadata,bytes32 builder)"
)
_DOMAIN_TYPE_HASH = _keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
_EXCHANGE_NAME_HASH = _keccak(b"Polymarket CTF Exchange")

_AUTH_TYPE_HASH = _keccak(b"ClobAuth(address address,string timestamp,uint256 nonce,string message)")
_AUTH_DOMAIN_TYPE_HASH = _keccak(b"EIP712Domain(string name,string version,uint256 chainId)")
_AUTH_NAME_HASH = _keccak(b"ClobAuthDomain")
_AUTH_VERSION_HASH = _keccak(b"1")
_AUTH_MESSAGE_HASH = _keccak(b"This message attests that I control the given wallet")

_SIDES = {Side.BUY: bytes(_WORD_BYTES), Side.SELL: (1).to_bytes(_WORD_BYTES)}


def exchange_domain(chain_id: int, exchange: Address, version: str = EXCHANGE_V2) -> bytes:
    """Return an exchange's domain separator: the same for all its orders."""
    return _keccak(
        _DOMAIN_TYPE_HASH + _EXCHANGE_NAME_HASH + _keccak(version.encode()) + _uint(chain_id) + _address(exchange)
    )


def order_digest(domain: bytes, terms: OrderTerms) -> bytes:
    """Return the hash that the order's signer signs: the venue's order id, and topic 1 of the order's fills.

    Raises Malformed when an amount does not fit into 256 bits or a word is not of 32 bytes.
    """
    try:
        encoded = b"".join(
            (
                _ORDER_TYPE_HASH,
                _uint(terms.salt),
                _address(terms.maker),
                _address(terms.signer),
                _uint(terms.token_id),
                _uint(terms.maker_amount),
                _uint(terms.taker_amount),
                _SIDES[terms.side],
                _uint(terms.signature_type),
                _uint(terms.timestamp_ms),
                bytes.fromhex(terms.metadata[2:]),
                bytes.fromhex(terms.builder[2:]),
            )
        )
    except (OverflowError, ValueError) as error:
        raise Malformed(f"expected an order of 32-byte words, found one where {error}") from None
    if len(encoded) != _ORDER_WORDS * _WORD_BYTES:
        raise Malformed(f"expected an order of {_ORDER_WORDS} words, found {len(encoded)} bytes")
    return _keccak(_PREFIX + domain + _keccak(encoded))


def clob_auth_digest(chain_id: int, address: Address, timestamp: int, nonce: int) -> bytes:
    """Return the hash that a wallet signs to get its API key; `timestamp` is in seconds (polymarket.md 3, L1)."""
    domain = _keccak(_AUTH_DOMAIN_TYPE_HASH + _AUTH_NAME_HASH + _AUTH_VERSION_HASH + _uint(chain_id))
    struct = _keccak(
        _AUTH_TYPE_HASH + _address(address) + _keccak(str(timestamp).encode()) + _uint(nonce) + _AUTH_MESSAGE_HASH
    )
    return _keccak(_PREFIX + domain + struct)


def _uint(value: int) -> bytes:
    return value.to_bytes(_WORD_BYTES)


def _address(address: Address) -> bytes:
    return bytes.fromhex(address[2:]).rjust(_WORD_BYTES, b"\0")
