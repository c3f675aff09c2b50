"""The EIP-712 digest of the venue's orders: what a signer signs, the venue's order id, and topic 1 of an order's fills.

A digest is keccak(0x1901 | domain separator | struct hash). The struct is eleven 32-byte words, the same in a signed
order and in the calldata that matches it. Types and domains are facts of polymarket.md 1.4; the tests prove digests
equal to the official SDK's, and to those of orders that were settled on Polygon.
"""

from __future__ import annotations

from sha3 import keccak_256

from remora.domain.contracts import Generation
from remora.domain.errors import Malformed
from remora.domain.ids import Address
from remora.domain.order import OrderTerms
from remora.domain.signal import Side

ORDER_WORDS_BYTES = 352
"""Eleven words: every field of an order but its signature, which is not hashed."""

_WORD_BYTES = 32
_PREFIX = b"\x19\x01"


def keccak(data: bytes) -> bytes:
    """Return the keccak-256 hash, which is not SHA-3's."""
    digest: bytes = keccak_256(data).digest()
    return digest


_ORDER_TYPE_HASH = keccak(
    b"Order(uint256 salt,address maker,address signer,uint256 tokenId,uint256 makerAmount,uint256 takerAmount,"
    b"uint8 side,uint8 signatureType,uint256 timestamp,bytes32 metadata,bytes32 builder)"
)
_DOMAIN_TYPE_HASH = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
_EXCHANGE_NAME_HASH = keccak(b"Polymarket CTF Exchange")

_SIDES = {Side.BUY: bytes(_WORD_BYTES), Side.SELL: (1).to_bytes(_WORD_BYTES)}


def exchange_domain(chain_id: int, exchange: Address, generation: Generation = Generation.V2) -> bytes:
    """Return an exchange's domain separator: the same for all its orders."""
    version = keccak(generation.encode())
    return keccak(_DOMAIN_TYPE_HASH + _EXCHANGE_NAME_HASH + version + _uint(chain_id) + _address(exchange))


def order_digest(domain: bytes, terms: OrderTerms) -> bytes:
    """Return the hash that the order's signer signs.

    Raises Malformed when an amount does not fit into 256 bits or a word is not of 32 bytes.
    """
    try:
        words = b"".join(
            (
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
    if len(words) != ORDER_WORDS_BYTES:
        raise Malformed(f"expected an order of {ORDER_WORDS_BYTES} bytes, found {len(words)}")
    return digest_of_words(domain, words)


def digest_of_words(domain: bytes, words: bytes) -> bytes:
    """Return the hash of an order that is given as its `ORDER_WORDS_BYTES` bytes of ABI words."""
    return keccak(_PREFIX + domain + keccak(_ORDER_TYPE_HASH + words))


def _uint(value: int) -> bytes:
    return value.to_bytes(_WORD_BYTES)


def _address(address: Address) -> bytes:
    return bytes.fromhex(address[2:]).rjust(_WORD_BYTES, b"\0")
