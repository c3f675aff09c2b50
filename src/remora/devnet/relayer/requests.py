"""What the relayer is asked, parsed once and strictly (polymarket.md 3.2, 5).

A batch is a list of calls that one signature of a deposit wallet's owner covers; the wallet contract verifies it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from remora.devnet.abi import calldata
from remora.devnet.clob.refusals import Refusal
from remora.devnet.clob.sessions import Scope, Session

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_BYTES = re.compile(r"0x(?:[0-9a-fA-F]{2}){0,1024}")
_DIGITS = re.compile(r"\d{1,78}", re.ASCII)
_MAX_CALLS = 32
_UINT256 = 2**256
#: Sessions last 4315 hours, and the request may have been on its way for a while.
_LIFETIME_S = 4_315 * 3600
_TOLERANCE_S = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call that a wallet makes; `value` in wei."""

    target: str
    value: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Calls of one wallet, in order, good for one nonce and until a unix time."""

    wallet: str
    nonce: int
    deadline_s: int
    calls: tuple[Call, ...]
    signature: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Creation:
    """The wish of an account to have its deposit wallet."""

    owner: str


def parse_submission(payload: object, factory: str) -> Creation | Batch:
    """Parse the body of POST /submit; refuse types that need contracts which a devnet lacks."""
    body = _object(payload)
    if _address(body.get("to")) != factory:
        raise invalid("to")
    match body.get("type"):
        case "WALLET-CREATE":
            return Creation(owner=_address(body.get("from")))
        case "WALLET":
            params = _object(body.get("depositWalletParams"))
            calls = params.get("calls")
            if not isinstance(calls, list) or not 0 < len(calls) <= _MAX_CALLS:
                raise invalid("calls")
            return _batch({**body, **params}, params.get("depositWallet"), tuple(map(_call, calls)))
        case _:
            raise invalid("type")


def parse_authorization(payload: object, now_s: int) -> tuple[Session, Batch]:
    """Parse a request for a session key, and put together the batch that its signature covers."""
    body = _object(payload)
    session = Session(
        wallet=_address(body.get("walletAddress")),
        signer=_address(body.get("sessionSignerAddress")),
        scopes=_scopes(body.get("scopes")),
        valid_until_s=_number(body.get("validUntil")),
    )
    if abs(session.valid_until_s - now_s - _LIFETIME_S) > _TOLERANCE_S:
        raise invalid("validUntil")
    data = calldata("authorizeSessionSigner(address,uint256)", session.signer, session.valid_until_s)
    return session, _own_batch(body, session.wallet, data)


def parse_revocation(payload: object) -> tuple[str, Batch]:
    """Parse the end of a session key: the key's address, and the batch that the signature covers."""
    body = _object(payload)
    signer = _address(body.get("sessionSignerAddress"))
    return signer, _own_batch(body, body.get("walletAddress"), calldata("revokeSessionSigner(address)", signer))


def invalid(place: str) -> Refusal:
    """Return the refusal of a request for one of its fields."""
    return Refusal(f"invalid request: {place}")


def _own_batch(body: Mapping[str, Any], wallet: object, data: bytes) -> Batch:
    """Return the batch of one call of the wallet to itself."""
    return _batch(body, wallet, (Call(target=_address(wallet), value=0, data=data),))


def _batch(body: Mapping[str, Any], wallet: object, calls: tuple[Call, ...]) -> Batch:
    return Batch(
        wallet=_address(wallet),
        nonce=_number(body.get("nonce")),
        deadline_s=_number(body.get("deadline")),
        calls=calls,
        signature=_bytes(body.get("signature")),
    )


def _call(payload: object) -> Call:
    body = _object(payload)
    return Call(target=_address(body.get("target")), value=_number(body.get("value")), data=_bytes(body.get("data")))


def _scopes(value: object) -> frozenset[Scope]:
    if not isinstance(value, list) or not value or not all(scope in Scope.__members__ for scope in map(str, value)):
        raise invalid("scopes")
    scopes = frozenset(Scope(scope) for scope in value)
    if Scope.ALL in scopes and len(scopes) > 1:
        raise invalid("scopes")
    return scopes


def _object(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise invalid("expected an object")
    return value


def _matching(pattern: re.Pattern[str], value: object, what: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise invalid(f"expected {what}")
    return value


def _address(value: object) -> str:
    return _matching(_ADDRESS, value, "an address").lower()


def _bytes(value: object) -> bytes:
    return bytes.fromhex(_matching(_BYTES, value, "bytes")[2:])


def _number(value: object) -> int:
    number = int(_matching(_DIGITS, value, "digits"))
    if number >= _UINT256:
        raise invalid("expected 256 bits")
    return number
