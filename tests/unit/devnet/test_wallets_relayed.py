"""What the relayer takes for a request, and which batches it carries."""

from __future__ import annotations

import contextlib
import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from polymarket._internal.actions.relayer.calls import (
    authorize_session_signer_call,
    encode_proxy_call,
    erc20_approval_call,
    erc20_transfer_call,
    erc1155_set_approval_for_all_call,
    revoke_session_signer_call,
)
from polymarket._internal.actions.relayer.gasless import (
    _resolve_safe_call,
    build_deposit_wallet_payload,
    build_proxy_payload,
    build_safe_payload,
)
from polymarket.types import EvmAddress

from remora.devnet.clob.refusals import Refusal
from remora.devnet.clob.sessions import Scope
from remora.devnet.deployment import RELAYER
from remora.devnet.relayer.batches import Batch, Call, Creation
from remora.devnet.relayer.policy import Policy
from remora.devnet.relayer.requests import parse_authorization, parse_revocation, parse_submission
from remora.devnet.wallets import deployment
from tests.unit.devnet.scene import CONTRACTS

NOW = 1_800_000_000
OWNER, WALLET, KEY = (EvmAddress("0x" + digit * 40) for digit in "abc")
FACTORY = CONTRACTS.deposit_wallet_factory
EXCHANGE, COLLATERAL = EvmAddress(CONTRACTS.exchange), EvmAddress(CONTRACTS.collateral)
SHARES = EvmAddress(CONTRACTS.conditional_tokens)
BY_OWNER, BY_SESSION = b"\x1b" * 65, b"\x1b" * 65 + bytes.fromhex("6492" * 16)
APPROVAL = erc20_approval_call(token_address=COLLATERAL, spender=EXCHANGE, amount=2**256 - 1)
SUBMISSION: dict[str, Any] = build_deposit_wallet_payload(
    signer_address=OWNER,
    deposit_wallet_factory=FACTORY,
    wallet=WALLET,
    calls=[APPROVAL],
    nonce="3",
    deadline=str(NOW),
    signature="0x" + BY_OWNER.hex(),
    metadata="",
)
AUTHORIZATION: dict[str, Any] = {
    "walletAddress": WALLET,
    "sessionSignerAddress": KEY,
    "scopes": ["CLOB"],
    "validUntil": str(NOW + 4_315 * 3600),
    "nonce": "3",
    "deadline": str(NOW),
    "signature": "0x" + BY_OWNER.hex(),
}


def call_of(sdk_call: Any) -> Call:
    return Call(target=sdk_call.to, value=sdk_call.value, data=bytes.fromhex(sdk_call.data[2:]))


def test_the_sdks_batch_is_parsed() -> None:
    batch = parse_submission(SUBMISSION, CONTRACTS)
    assert isinstance(batch, Batch)
    assert (batch.wallet, batch.nonce, batch.calls, batch.to) == (WALLET, 3, (call_of(APPROVAL),), FACTORY)
    assert not batch.by_session
    assert "1b1b" not in repr(batch)


def signed_by_owner(*calls: Any, kind: str) -> dict[str, Any]:
    """Return what the SDK submits for a wallet of an older kind."""
    signed: dict[str, Any] = {
        "wallet": WALLET,
        "nonce": "3",
        "signature": "0x" + BY_OWNER.hex(),
        "metadata": "",
        "signer_address": OWNER,
    }
    if kind == "PROXY":
        return build_proxy_payload(
            **signed,
            proxy_factory=CONTRACTS.proxy_factory,
            data=encode_proxy_call([*calls]),
            gas_limit="200000",
            relay=EvmAddress(RELAYER),
            relay_hub=CONTRACTS.relay_hub,
        )
    target, data, value, operation = _resolve_safe_call(CONTRACTS.safe_multisend, [*calls])
    return build_safe_payload(**signed, target=target, data=data, value=value, operation=operation)


@pytest.mark.parametrize("kind", ["SAFE", "PROXY"])
@pytest.mark.parametrize("count", [1, 2, 17])
def test_the_sdks_batches_of_older_wallets_are_the_calls_that_they_hold(kind: str, count: int) -> None:
    transfer = erc20_transfer_call(token_address=COLLATERAL, recipient=KEY, amount=1)
    calls = [APPROVAL, *[transfer] * (count - 1)]
    batch = parse_submission(signed_by_owner(*calls, kind=kind), CONTRACTS)
    assert isinstance(batch, Batch)
    assert batch.calls == tuple(map(call_of, calls))
    assert (batch.wallet, batch.nonce) == (WALLET, 3)


OLDER = ("SAFE", "PROXY")
UNFIT: dict[str, list[Any]] = {
    "data": ["0x", "0x8d80ff0a", "0x34ee9791" + "ff" * 64, "0x" + "00" * 20_000],
    "signature": ["0x1"],
    "signatureParams": [[]],
    "proxyWallet": [None],
    "nonce": [3],
    "to": ["0x"],
}


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        *((kind, path, value) for kind in OLDER for path, values in UNFIT.items() for value in values),
        ("SAFE", "operation", "2"),
        ("PROXY", "relay", WALLET),
    ],
)
def test_what_is_no_batch_of_an_older_wallet_is_refused(kind: str, path: str, value: object) -> None:
    body = signed_by_owner(APPROVAL, APPROVAL, kind=kind)
    (body["signatureParams"] if path in body["signatureParams"] else body)[path] = value
    with pytest.raises(Refusal, match="invalid request"):
        parse_submission(body, CONTRACTS)


@given(st.sampled_from(OLDER), st.binary(max_size=400))
def test_no_calldata_breaks_the_parser(kind: str, data: bytes) -> None:
    body = signed_by_owner(APPROVAL, APPROVAL, kind=kind)
    selector = body["data"][:10]
    with contextlib.suppress(Refusal):
        parse_submission({**body, "data": selector + data.hex()}, CONTRACTS)


def test_a_wallet_is_made_for_who_asks() -> None:
    wish = {"type": "WALLET-CREATE", "from": OWNER, "to": FACTORY, "metadata": ""}
    assert parse_submission(wish, CONTRACTS) == Creation(to=FACTORY, data=deployment([OWNER]))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("to", WALLET),
        ("type", "PROXY-CREATE"),
        ("type", None),
        ("nonce", 3),
        ("nonce", "-1"),
        ("nonce", str(2**256)),
        ("signature", "0x1"),
        ("depositWalletParams", []),
        ("calls", []),
        ("calls", [None]),
        ("calls", [{}] * 33),
        ("depositWallet", "0x"),
        ("deadline", "soon"),
    ],
)
def test_what_is_no_batch_is_refused(path: str, value: object) -> None:
    body = copy.deepcopy(SUBMISSION)
    (body if path in body else body["depositWalletParams"])[path] = value
    with pytest.raises(Refusal, match="invalid request"):
        parse_submission(body, CONTRACTS)


@given(st.sampled_from([*AUTHORIZATION]), st.none() | st.text() | st.integers() | st.lists(st.text()))
def test_no_field_breaks_the_parser(field: str, value: object) -> None:
    with contextlib.suppress(Refusal):
        parse_authorization({**AUTHORIZATION, field: value}, CONTRACTS, NOW)


def test_a_sessions_batch_is_the_call_that_the_sdk_signs() -> None:
    session, batch = parse_authorization(AUTHORIZATION, CONTRACTS, NOW)
    assert (session.wallet, session.signer, session.scopes) == (WALLET, KEY, frozenset((Scope.CLOB,)))
    until = session.valid_until_s
    signed = authorize_session_signer_call(wallet_address=WALLET, session_signer=KEY, valid_until=until)
    assert batch.calls == (call_of(signed),)
    signer, batch = parse_revocation(AUTHORIZATION, CONTRACTS)
    assert signer == KEY
    assert batch.calls == (call_of(revoke_session_signer_call(wallet_address=WALLET, session_signer=KEY)),)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("scopes", []),
        ("scopes", ["ALL", "CLOB"]),
        ("scopes", ["PERPS"]),
        ("scopes", [None]),
        ("validUntil", str(NOW + 86_400)),
        ("validUntil", str(NOW + 4_316 * 3600)),
    ],
)
def test_a_session_on_other_terms_is_refused(field: str, value: object) -> None:
    with pytest.raises(Refusal, match=f"invalid request: {field}"):
        parse_authorization({**AUTHORIZATION, field: value}, CONTRACTS, NOW)


@pytest.mark.parametrize(
    ("call", "by_owner", "by_session"),
    [
        (APPROVAL, True, True),
        (erc1155_set_approval_for_all_call(token_address=SHARES, operator=EXCHANGE), True, True),
        (erc20_approval_call(token_address=COLLATERAL, spender=EXCHANGE, amount=1), False, False),
        (erc20_approval_call(token_address=COLLATERAL, spender=KEY, amount=2**256 - 1), False, False),
        (erc1155_set_approval_for_all_call(token_address=SHARES, operator=KEY), False, False),
        (erc20_transfer_call(token_address=COLLATERAL, recipient=KEY, amount=1), True, False),
        (erc20_transfer_call(token_address=KEY, recipient=KEY, amount=1), False, False),
        (revoke_session_signer_call(wallet_address=WALLET, session_signer=KEY), False, False),
    ],
)
def test_the_relayer_carries_what_cannot_be_stolen(call: Any, by_owner: bool, by_session: bool) -> None:
    payload = copy.deepcopy(SUBMISSION)
    payload["depositWalletParams"]["calls"] = [{"target": call.to, "value": "0", "data": call.data}]
    for signature, is_carried in ((BY_OWNER, by_owner), (BY_SESSION, by_session)):
        batch = parse_submission({**payload, "signature": "0x" + signature.hex()}, CONTRACTS)
        assert isinstance(batch, Batch)
        assert (Policy(CONTRACTS).objection(batch) is None) is is_carried


def test_the_relayer_carries_no_coins() -> None:
    payload = copy.deepcopy(SUBMISSION)
    payload["depositWalletParams"]["calls"][0]["value"] = "1"
    batch = parse_submission(payload, CONTRACTS)
    assert isinstance(batch, Batch)
    assert Policy(CONTRACTS).objection(batch) == "value is not relayed"
