"""What the relayer is asked, parsed once and strictly (polymarket.md 3.2, 5).

A deposit wallet's batch is a list of calls that one signature covers until a deadline; so are the authorization and
the revocation of a session key, whose one call the relayer puts together itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eth_abi.abi import encode

from remora.devnet.abi import calldata
from remora.devnet.clob.sessions import Scope, Session
from remora.devnet.endpoints import Contracts
from remora.devnet.relayer import proxies, safes
from remora.devnet.relayer.batches import Batch, Call, Counter, Creation
from remora.devnet.relayer.fields import a_number, an_address, an_object, invalid, some_bytes
from remora.devnet.wallets import deployment

_MAX_CALLS = 32
#: proxy((address,uint256,uint256,(address,uint256,bytes)[])[],bytes[])
_PROXY = bytes.fromhex("0a3c4405")
_PROXY_TYPES = ("(address,uint256,uint256,(address,uint256,bytes)[])[]", "bytes[]")
#: A signature that ends like this is a session signer's.
_SESSION_MARK = bytes.fromhex("6492" * 16)
#: Sessions last 4315 hours, and the request may have been on its way for a while.
_LIFETIME_S = 4_315 * 3600
_TOLERANCE_S = 600


def parse_submission(payload: object, contracts: Contracts) -> Creation | Batch:
    """Parse the body of POST /submit."""
    body = an_object(payload)
    match body.get("type"):
        case "WALLET-CREATE":
            _check_factory(body, contracts)
            owner = an_address(body.get("from"))
            return Creation(to=contracts.deposit_wallet_factory, data=deployment([owner]))
        case "SAFE-CREATE":
            return safes.parse_creation(body, contracts)
        case "WALLET":
            _check_factory(body, contracts)
            return _deposit_wallet_batch(body, contracts)
        case "SAFE":
            return _of_length(safes.parse_batch(body, contracts))
        case "PROXY":
            return _of_length(proxies.parse_batch(body, contracts))
        case _:
            raise invalid("type")


def parse_authorization(payload: object, contracts: Contracts, *now_s: int) -> tuple[Session, Batch]:
    """Parse a request for a session key, and put together the batch that its signature covers.

    `now_s` is the time by each clock that a client may go by.
    """
    body = an_object(payload)
    session = Session(
        wallet=an_address(body.get("walletAddress")),
        signer=an_address(body.get("sessionSignerAddress")),
        scopes=_scopes(body.get("scopes")),
        valid_until_s=a_number(body.get("validUntil")),
    )
    if all(abs(session.valid_until_s - now - _LIFETIME_S) > _TOLERANCE_S for now in now_s):
        raise invalid("validUntil")
    data = calldata("authorizeSessionSigner(address,uint256)", session.signer, session.valid_until_s)
    return session, _own_batch(body, data, contracts)


def parse_revocation(payload: object, contracts: Contracts) -> tuple[str, Batch]:
    """Parse the end of a session key: the key's address, and the batch that the signature covers."""
    body = an_object(payload)
    signer = an_address(body.get("sessionSignerAddress"))
    return signer, _own_batch(body, calldata("revokeSessionSigner(address)", signer), contracts)


def _check_factory(body: Mapping[str, Any], contracts: Contracts) -> None:
    if an_address(body.get("to")) != contracts.deposit_wallet_factory:
        raise invalid("to")


def _of_length(batch: Batch) -> Batch:
    if not 0 < len(batch.calls) <= _MAX_CALLS:
        raise invalid("calls")
    return batch


def _deposit_wallet_batch(body: Mapping[str, Any], contracts: Contracts) -> Batch:
    params = an_object(body.get("depositWalletParams"))
    calls = params.get("calls")
    if not isinstance(calls, list) or not 0 < len(calls) <= _MAX_CALLS:
        raise invalid("calls")
    return _batch({**body, **params}, params.get("depositWallet"), tuple(map(_call, calls)), contracts)


def _own_batch(body: Mapping[str, Any], data: bytes, contracts: Contracts) -> Batch:
    """Return the batch of one call of the wallet to itself."""
    wallet = an_address(body.get("walletAddress"))
    return _batch(body, wallet, (Call(target=wallet, value=0, data=data),), contracts)


def _batch(body: Mapping[str, Any], named: object, calls: tuple[Call, ...], contracts: Contracts) -> Batch:
    wallet, nonce, deadline_s = an_address(named), a_number(body.get("nonce")), a_number(body.get("deadline"))
    signature = some_bytes(body.get("signature"))
    request = (wallet, nonce, deadline_s, [(call.target, call.value, call.data) for call in calls])
    return Batch(
        wallet=wallet,
        nonce=nonce,
        calls=calls,
        counter=Counter.of_wallet(wallet),
        to=contracts.deposit_wallet_factory,
        data=_PROXY + encode(_PROXY_TYPES, ([request], [signature])),
        by_session=signature.endswith(_SESSION_MARK),
    )


def _call(payload: object) -> Call:
    body = an_object(payload)
    return Call(
        target=an_address(body.get("target")), value=a_number(body.get("value")), data=some_bytes(body.get("data"))
    )


def _scopes(value: object) -> frozenset[Scope]:
    if not isinstance(value, list) or not value or not all(scope in Scope.__members__ for scope in map(str, value)):
        raise invalid("scopes")
    scopes = frozenset(Scope(scope) for scope in value)
    if Scope.ALL in scopes and len(scopes) > 1:
        raise invalid("scopes")
    return scopes
