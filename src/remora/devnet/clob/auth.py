"""API keys, and the two ways to prove who calls: a wallet's signature (L1) and a key's HMAC (L2), polymarket.md 3.1.

Keys live in memory and are random per process: after a restart of the devnet clients create them anew.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from remora.devnet.clob import refusals
from remora.devnet.clob.signing import auth_digest, signed_by
from remora.devnet.remembering import Remembering

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_SIGNATURE = re.compile(r"0x[0-9a-fA-F]{130}")
_TIMESTAMP = re.compile(r"\d{1,12}", re.ASCII)
_NONCE = re.compile(r"\d{1,19}", re.ASCII)
#: A signed request is good for so long before and after its timestamp.
_TOLERANCE_S = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key with the wallet that it stands for; the secret is URL-safe base64."""

    address: str
    key: str
    secret: str = field(repr=False)
    passphrase: str = field(repr=False)


class Gatekeeper(Remembering):
    """Issues API keys and tells whose request is whose; `clocks` are those (in seconds) that clients may go by."""

    remembered = ("_by_key", "_by_wallet")

    def __init__(self, chain_id: int, *clocks: Callable[[], int]) -> None:
        self._chain_id = chain_id
        self._clocks = clocks
        self._by_key: dict[str, ApiKey] = {}
        self._by_wallet: dict[tuple[str, int], ApiKey] = {}

    def create(self, headers: Mapping[str, str]) -> ApiKey:
        """Issue a key to the wallet that signed the L1 headers; refuse when it has one of that nonce."""
        wallet = self._wallet(headers)
        if wallet in self._by_wallet:
            raise refusals.key_not_created()
        issued = _issued_to(wallet[0])
        self._by_wallet[wallet] = self._by_key[issued.key] = issued
        return issued

    def enrol(self, key: ApiKey) -> ApiKey:
        """Let a wallet have a key as if it had asked for it with nonce 0; return the one that it has already, if so."""
        issued = self._by_wallet.setdefault((key.address, 0), key)
        self._by_key[issued.key] = issued
        return issued

    def derive(self, headers: Mapping[str, str]) -> ApiKey:
        """Return the key that the wallet of the L1 headers created with the same nonce."""
        if (issued := self._by_wallet.get(self._wallet(headers))) is None:
            raise refusals.key_not_derived()
        return issued

    def keys_of(self, address: str) -> list[str]:
        """Return the ids of a wallet's keys."""
        return [issued.key for issued in self._by_key.values() if issued.address == address]

    def delete(self, issued: ApiKey) -> None:
        """Forget a key."""
        del self._by_key[issued.key]
        self._by_wallet = {wallet: kept for wallet, kept in self._by_wallet.items() if kept is not issued}

    def authenticate(self, headers: Mapping[str, str], method: str, path: str, body: bytes) -> ApiKey:
        """Return the key whose L2 headers sign this request; `path` is without the query."""
        issued = self.identify(headers.get("POLY_API_KEY"), headers.get("POLY_PASSPHRASE"))
        timestamp = headers.get("POLY_TIMESTAMP", "")
        message = f"{timestamp}{method}{path}".encode() + body
        if (
            headers.get("POLY_ADDRESS", "").lower() != issued.address
            or not _is_recent(timestamp, self._clocks)
            or not _signs(issued.secret, message, headers.get("POLY_SIGNATURE", ""))
        ):
            raise refusals.unauthorized()
        return issued

    def identify(self, key: object, passphrase: object) -> ApiKey:
        """Return the key of this id if the passphrase is its own."""
        issued = self._by_key.get(key) if isinstance(key, str) else None
        if issued is None or not isinstance(passphrase, str) or not _same(issued.passphrase, passphrase):
            raise refusals.unauthorized()
        return issued

    def identify_by_secret(self, credentials: Mapping[str, object]) -> ApiKey:
        """Return the key of the user channel's first frame, which carries all three parts in clear."""
        issued = self.identify(credentials.get("apiKey"), credentials.get("passphrase"))
        secret = credentials.get("secret")
        if not isinstance(secret, str) or not _same(issued.secret, secret):
            raise refusals.unauthorized()
        return issued

    def _wallet(self, headers: Mapping[str, str]) -> tuple[str, int]:
        address = headers.get("POLY_ADDRESS", "")
        signature = headers.get("POLY_SIGNATURE", "")
        timestamp = headers.get("POLY_TIMESTAMP", "")
        nonce = headers.get("POLY_NONCE", "0")
        if not (
            _ADDRESS.fullmatch(address)
            and _SIGNATURE.fullmatch(signature)
            and _NONCE.fullmatch(nonce)
            and _is_recent(timestamp, self._clocks)
        ):
            raise refusals.invalid_l1_headers()
        digest = auth_digest(self._chain_id, address, timestamp, int(nonce))
        if not signed_by(digest, bytes.fromhex(signature[2:]), address.lower()):
            raise refusals.invalid_l1_headers()
        return address.lower(), int(nonce)


class BuilderKeys(Remembering):
    """Issues builder keys, which prove who asks the relayer, and tells whose request is whose."""

    remembered = ("_by_key",)

    def __init__(self, *clocks: Callable[[], int]) -> None:
        self._clocks = clocks
        self._by_key: dict[str, ApiKey] = {}

    def create(self, address: str) -> ApiKey:
        """Issue one more key to an account."""
        issued = _issued_to(address)
        self._by_key[issued.key] = issued
        return issued

    def keys_of(self, address: str) -> list[str]:
        """Return the ids of an account's keys."""
        return [issued.key for issued in self._by_key.values() if issued.address == address]

    def delete(self, issued: ApiKey) -> None:
        """Forget a key."""
        del self._by_key[issued.key]

    def authenticate(self, headers: Mapping[str, str], method: str, path: str, body: bytes) -> ApiKey:
        """Return the key whose builder headers sign this request; `path` is without the query."""
        issued = self._by_key.get(headers.get("POLY_BUILDER_API_KEY", ""))
        timestamp = headers.get("POLY_BUILDER_TIMESTAMP", "")
        message = f"{timestamp}{method}{path}".encode() + body
        if (
            issued is None
            or not _same(issued.passphrase, headers.get("POLY_BUILDER_PASSPHRASE", ""))
            or not _is_recent(timestamp, self._clocks)
            or not _signs(issued.secret, message, headers.get("POLY_BUILDER_SIGNATURE", ""))
        ):
            raise refusals.unauthorized()
        return issued


class RelayerKeys(Remembering):
    """Issues relayer keys: a word that an account shows to the relayer, beside its address and in clear."""

    remembered = ("_address_of",)

    def __init__(self) -> None:
        self._address_of: dict[str, str] = {}

    def create(self, address: str) -> str:
        """Issue one more key to an account."""
        key = str(uuid.uuid4())
        self._address_of[key] = address
        return key

    def knows(self, headers: Mapping[str, str]) -> bool:
        """Tell whether a request shows a key and its account; refuse one that shows another's."""
        if (key := headers.get("RELAYER_API_KEY")) is None:
            return False
        if self._address_of.get(key) != headers.get("RELAYER_API_KEY_ADDRESS", "").lower():
            raise refusals.unauthorized()
        return True


def _issued_to(address: str) -> ApiKey:
    return ApiKey(
        address=address,
        key=str(uuid.uuid4()),
        secret=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        passphrase=secrets.token_hex(32),
    )


def _is_recent(timestamp: str, clocks: Iterable[Callable[[], int]]) -> bool:
    """Tell whether it is about that time by one of the clocks: the venue's may have been moved, a client's not."""
    if not _TIMESTAMP.fullmatch(timestamp):
        return False
    return any(abs(int(timestamp) - now_s()) <= _TOLERANCE_S for now_s in clocks)


def _signs(secret: str, message: bytes, signature: str) -> bool:
    expected = hmac.new(base64.urlsafe_b64decode(secret), message, hashlib.sha256).digest()
    try:
        return hmac.compare_digest(expected, base64.urlsafe_b64decode(signature))
    except (binascii.Error, ValueError):
        return False


def _same(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.encode())
