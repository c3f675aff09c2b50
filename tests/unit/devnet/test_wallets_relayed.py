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
    erc20_approval_call,
    erc20_transfer_call,
    erc1155_set_approval_for_all_call,
    revoke_session_signer_call,
)
from polymarket._internal.actions.relayer.gasless import build_deposit_wallet_payload
from polymarket.types import EvmAddress, HexString

from remora.devnet.clob.refusals import Refusal
from remora.devnet.clob.sessions import Scope
from remora.devnet.relayer.policy import Policy
from remora.devnet.relayer.requests import (
    Batch,
    Call,
    Creation,
    parse_authorization,
    parse_revocation,
    parse_submission,
)
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
    batch = parse_submission(SUBMISSION, FACTORY)
    assert batch == Batch(wallet=WALLET, nonce=3, deadline_s=NOW, calls=(call_of(APPROVAL),), signature=BY_OWNER)
    assert "1b1b" not in repr(batch)


def test_a_wallet_is_made_for_who_asks() -> None:
    wish = {"type": "WALLET-CREATE", "from": OWNER, "to": FACTORY, "metadata": ""}
    assert parse_submission(wish, FACTORY) == Creation(owner=OWNER)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("to", WALLET),
        ("type", "SAFE"),
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
        parse_submission(body, FACTORY)


@given(st.sampled_from([*AUTHORIZATION]), st.none() | st.text() | st.integers() | st.lists(st.text()))
def test_no_field_breaks_the_parser(field: str, value: object) -> None:
    with contextlib.suppress(Refusal):
        parse_authorization({**AUTHORIZATION, field: value}, NOW)


def test_a_sessions_batch_is_the_call_that_the_sdk_signs() -> None:
    session, batch = parse_authorization(AUTHORIZATION, NOW)
    assert (session.wallet, session.signer, session.scopes) == (WALLET, KEY, frozenset((Scope.CLOB,)))
    until = session.valid_until_s
    signed = authorize_session_signer_call(wallet_address=WALLET, session_signer=KEY, valid_until=until)
    assert batch.calls == (call_of(signed),)
    signer, batch = parse_revocation(AUTHORIZATION)
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
        parse_authorization({**AUTHORIZATION, field: value}, NOW)


@pytest.mark.parametrize(
    ("call", "by_owner", "by_session"),
    [
        (APPROVAL, True, True),
        (erc1155_set_approval_for_all_call(token_address=SHARES, operator=EXCHANGE), True, True),
        (erc20_approval_call(token_address=COLLATERAL, spender=KEY, amount=1), False, False),
        (erc1155_set_approval_for_all_call(token_address=SHARES, operator=KEY), False, False),
        (erc20_transfer_call(token_address=COLLATERAL, recipient=KEY, amount=1), True, False),
        (erc20_transfer_call(token_address=KEY, recipient=KEY, amount=1), False, False),
        (revoke_session_signer_call(wallet_address=WALLET, session_signer=KEY), False, False),
    ],
)
def test_the_relayer_carries_what_cannot_be_stolen(call: Any, by_owner: bool, by_session: bool) -> None:
    policy = Policy(CONTRACTS)
    for signature, is_carried in ((BY_OWNER, by_owner), (BY_SESSION, by_session)):
        batch = Batch(wallet=WALLET, nonce=0, deadline_s=NOW, calls=(call_of(call),), signature=signature)
        assert policy.allows(batch) is is_carried


def test_the_relayer_carries_no_coins() -> None:
    call = Call(target=COLLATERAL, value=1, data=bytes.fromhex(HexString(APPROVAL.data)[2:]))
    batch = Batch(wallet=WALLET, nonce=0, deadline_s=NOW, calls=(call,), signature=BY_OWNER)
    assert not Policy(CONTRACTS).allows(batch)
