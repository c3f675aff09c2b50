"""What traders sign, hashed and checked as the exchange contract does it (polymarket.md 1.4, 3.1).

This is the server's own reading of the protocol, on purpose: an order that the clients' code and this code hash
differently is refused here, as it would be on chain.
"""

from __future__ import annotations

import coincurve
from sha3 import keccak_256

from remora.devnet.clob.orders import Side, SignedOrder

_SIGNATURE_BYTES = 65
_FIRST_RECOVERY_ID = 27


def keccak(data: bytes) -> bytes:
    digest: bytes = keccak_256(data).digest()
    return digest


_ORDER_TYPE = keccak(
    b"Order(uint256 salt,address maker,address signer,uint256 tokenId,uint256 makerAmount,uint256 takerAmount,"
    b"uint8 side,uint8 signatureType,uint256 timestamp,bytes32 metadata,bytes32 builder)"
)
_EXCHANGE_DOMAIN_TYPE = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
_EXCHANGE_NAME = keccak(b"Polymarket CTF Exchange")
#: Versions of the exchange's domain; the first one is of a generation that is closed.
EXCHANGE_VERSIONS = ("1", "2", "3")
_AUTH_DOMAIN_TYPE = keccak(b"EIP712Domain(string name,string version,uint256 chainId)")
_AUTH_NAME = keccak(b"ClobAuthDomain")
_AUTH_VERSION = keccak(b"1")
_AUTH_TYPE = keccak(b"ClobAuth(address address,string timestamp,uint256 nonce,string message)")
_AUTH_MESSAGE = keccak(b"This message attests that I control the given wallet")


def word(value: int) -> bytes:
    """Return a number as an ABI word."""
    return value.to_bytes(32, "big")


def address_word(address: str) -> bytes:
    """Return a hex address as an ABI word."""
    return bytes(12) + bytes.fromhex(address[2:])


def exchange_domain(chain_id: int, exchange: str, version: str) -> bytes:
    """Return the EIP-712 domain separator of an exchange."""
    hashed = keccak(version.encode())
    return keccak(_EXCHANGE_DOMAIN_TYPE + _EXCHANGE_NAME + hashed + word(chain_id) + address_word(exchange))


def order_words(order: SignedOrder) -> bytes:
    """Return the static fields of the struct, as they are both hashed and sent to the exchange."""
    return b"".join(
        (
            word(order.salt),
            address_word(order.maker),
            address_word(order.signer),
            word(order.token_id),
            word(order.maker_amount),
            word(order.taker_amount),
            word(0 if order.side is Side.BUY else 1),
            word(order.signature_type),
            word(order.timestamp_ms),
            order.metadata,
            order.builder,
        )
    )


def order_digest(order: SignedOrder, domain: bytes) -> bytes:
    """Return the EIP-712 digest of an order: what its maker signs, and the order's id."""
    return _digest(domain, keccak(_ORDER_TYPE + order_words(order)))


def auth_digest(chain_id: int, address: str, timestamp: str, nonce: int) -> bytes:
    """Return the EIP-712 digest that a wallet signs to get an API key."""
    domain = keccak(_AUTH_DOMAIN_TYPE + _AUTH_NAME + _AUTH_VERSION + word(chain_id))
    message = keccak(_AUTH_TYPE + address_word(address) + keccak(timestamp.encode()) + word(nonce) + _AUTH_MESSAGE)
    return _digest(domain, message)


def signed_by(digest: bytes, signature: bytes, address: str) -> bool:
    """Tell whether the 65-byte signature of the digest is the (lower-case) address's."""
    if len(signature) != _SIGNATURE_BYTES:
        return False
    recovery_id = signature[-1]
    if recovery_id >= _FIRST_RECOVERY_ID:
        recovery_id -= _FIRST_RECOVERY_ID
    try:
        key = coincurve.PublicKey.from_signature_and_message(
            signature[:-1] + bytes((recovery_id,)), digest, hasher=None
        )
    except ValueError:
        return False
    return address_of(key) == address


def address_of(key: coincurve.PublicKey) -> str:
    """Return the lower-case address of a public key."""
    return "0x" + keccak(key.format(compressed=False)[1:])[-20:].hex()


def _digest(domain: bytes, message: bytes) -> bytes:
    return keccak(b"\x19\x01" + domain + message)
