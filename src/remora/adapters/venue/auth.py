"""The venue's two authentications (polymarket.md 3.1): L1 proves a key by an EIP-712 signature, L2 a request by HMAC.

An API key is a secret of its own: it lives in memory only and its repr shows nothing.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from remora.adapters.keys.eip712 import clob_auth_digest
from remora.adapters.venue.wire import Request, checksummed, text_of
from remora.domain.errors import Malformed
from remora.domain.ids import Address


class DigestSigner(Protocol):
    """Keys that sign a 32-byte digest."""

    def sign_digest(self, wallet: Address, digest: bytes) -> bytes:
        """Return the 65-byte signature r || s || v of a wallet's key."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """An API key as the venue issued it, its secret decoded."""

    key_id: str = field(repr=False)
    secret: bytes = field(repr=False)
    passphrase: str = field(repr=False)


class Account:
    """A wallet with its API key; what all its headers have in common is made once."""

    def __init__(self, wallet: Address, api_key: ApiKey) -> None:
        self.owner = api_key.key_id
        self._secret = api_key.secret
        self._constant = {
            "POLY_ADDRESS": checksummed(wallet),
            "POLY_API_KEY": api_key.key_id,
            "POLY_PASSPHRASE": api_key.passphrase,
        }

    def sign(
        self,
        method: str,
        path: str,
        *,
        timestamp_s: int,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Request:
        """Return the request with its L2 headers: the HMAC covers the path without its query, and the body as sent."""
        message = f"{timestamp_s}{method}{path}".encode() + (body or b"")
        mac = base64.urlsafe_b64encode(hmac.digest(self._secret, message, "sha256")).decode()
        headers = {**self._constant, "POLY_TIMESTAMP": str(timestamp_s), "POLY_SIGNATURE": mac}
        if body is not None:
            headers["Content-Type"] = "application/json"
        return Request(method=method, path=path, query=query, headers=headers, body=body)


def l1_headers(signer: DigestSigner, wallet: Address, *, chain_id: int, timestamp_s: int) -> dict[str, str]:
    """Return the L1 headers by which the wallet asks for its API key, the one of nonce 0."""
    signature = signer.sign_digest(wallet, clob_auth_digest(chain_id, wallet, timestamp_s, 0))
    return {
        "POLY_ADDRESS": checksummed(wallet),
        "POLY_NONCE": "0",
        "POLY_SIGNATURE": "0x" + signature.hex(),
        "POLY_TIMESTAMP": str(timestamp_s),
    }


def parse_api_key(raw: Any) -> ApiKey:
    """Read {"apiKey", "secret", "passphrase"}; Malformed, without showing the secret, when it is not that."""
    secret = text_of(raw, "secret")
    try:
        decoded = base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4))
    except binascii.Error:
        raise Malformed("expected the API secret in URL-safe base64") from None
    return ApiKey(key_id=text_of(raw, "apiKey"), secret=decoded, passphrase=text_of(raw, "passphrase"))
