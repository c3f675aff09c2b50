"""API keys: issued for a wallet's signature, proved by an HMAC that the SDK makes."""

from __future__ import annotations

from typing import Any

import pytest
from eth_account import Account
from polymarket import BuilderApiKey
from polymarket._internal.actions.relayer.auth import build_builder_key_headers
from polymarket._internal.hmac import build_hmac_signature
from polymarket._internal.l1_auth import sign_api_key_auth

from remora.devnet.clob.auth import ApiKey, BuilderKeys, Gatekeeper
from remora.devnet.clob.refusals import Refusal
from tests.unit.devnet.scene import Clock

TRADER = Account.from_key("0x" + "22" * 32)
CHAIN_ID = 31337


class Door:
    """A gatekeeper with a clock, and a wallet in front of it."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.keeper = Gatekeeper(CHAIN_ID, self.clock)

    def l1(self, *, nonce: int = 0, age_s: int = 0, **changes: Any) -> dict[str, str]:
        signed = sign_api_key_auth(TRADER, chain_id=CHAIN_ID, timestamp=self.clock.now_s - age_s, nonce=nonce)
        headers = {
            "POLY_ADDRESS": signed.address,
            "POLY_NONCE": str(signed.nonce),
            "POLY_SIGNATURE": signed.signature,
            "POLY_TIMESTAMP": str(signed.timestamp),
        }
        return {**headers, **changes}

    def l2(self, key: ApiKey, method: str, path: str, body: str | None = None, **changes: str) -> dict[str, str]:
        timestamp = self.clock.now_s
        signature = build_hmac_signature(secret=key.secret, timestamp=timestamp, method=method, path=path, body=body)
        headers = {
            "POLY_ADDRESS": TRADER.address,
            "POLY_API_KEY": key.key,
            "POLY_PASSPHRASE": key.passphrase,
            "POLY_TIMESTAMP": str(timestamp),
            "POLY_SIGNATURE": signature,
        }
        return {**headers, **changes}


@pytest.fixture
def door() -> Door:
    return Door()


def test_a_key_is_created_once_and_derived_ever_after(door: Door) -> None:
    created = door.keeper.create(door.l1())
    assert created.address == TRADER.address.lower()
    assert door.keeper.derive(door.l1(age_s=10)) == created
    with pytest.raises(Refusal, match="Could not create api key"):
        door.keeper.create(door.l1())


def test_every_nonce_has_a_key_of_its_own(door: Door) -> None:
    first, second = door.keeper.create(door.l1()), door.keeper.create(door.l1(nonce=1))
    assert first.key != second.key
    assert door.keeper.keys_of(TRADER.address.lower()) == [first.key, second.key]
    door.keeper.delete(first)
    assert door.keeper.keys_of(TRADER.address.lower()) == [second.key]
    with pytest.raises(Refusal, match="Could not derive api key"):
        door.keeper.derive(door.l1())


@pytest.mark.parametrize(
    "changes",
    [
        {"POLY_ADDRESS": "0x" + "33" * 20},
        {"POLY_NONCE": "1"},
        {"POLY_NONCE": "-1"},
        {"POLY_SIGNATURE": "0x" + "00" * 65},
        {"POLY_SIGNATURE": "0x12"},
        {"POLY_TIMESTAMP": "soon"},
        {"POLY_TIMESTAMP": ""},
    ],
)
def test_l1_headers_that_do_not_fit_together_get_no_key(door: Door, changes: dict[str, Any]) -> None:
    with pytest.raises(Refusal, match="Invalid L1 Request headers") as caught:
        door.keeper.create(door.l1(**changes))
    assert caught.value.status == 401


def test_an_old_signature_gets_no_key(door: Door) -> None:
    with pytest.raises(Refusal, match="Invalid L1 Request headers"):
        door.keeper.create(door.l1(age_s=301))


@pytest.mark.parametrize(("method", "body"), [("POST", '{"a":1}'), ("GET", None), ("DELETE", "[]")])
def test_a_request_that_the_sdk_signs_is_the_keys(door: Door, method: str, body: str | None) -> None:
    key = door.keeper.create(door.l1())
    headers = door.l2(key, method, "/order", body)
    assert door.keeper.authenticate(headers, method, "/order", (body or "").encode()) == key


@pytest.mark.parametrize(
    "changes",
    [
        {"POLY_ADDRESS": "0x" + "33" * 20},
        {"POLY_API_KEY": "none"},
        {"POLY_PASSPHRASE": "none"},
        {"POLY_SIGNATURE": "AAAA"},
        {"POLY_SIGNATURE": "é"},
        {"POLY_TIMESTAMP": "1"},
        {"POLY_TIMESTAMP": "٣"},
    ],
)
def test_l2_headers_that_do_not_fit_together_are_nobodys(door: Door, changes: dict[str, Any]) -> None:
    key = door.keeper.create(door.l1())
    with pytest.raises(Refusal, match="Unauthorized/Invalid api key") as caught:
        door.keeper.authenticate(door.l2(key, "GET", "/data/orders", **changes), "GET", "/data/orders", b"")
    assert caught.value.status == 401


def test_the_signature_covers_method_path_and_body(door: Door) -> None:
    key = door.keeper.create(door.l1())
    headers = door.l2(key, "POST", "/order", "{}")
    for method, path, body in (
        ("GET", "/order", b"{}"),
        ("POST", "/orders", b"{}"),
        ("POST", "/order", b"{ }"),
    ):
        with pytest.raises(Refusal):
            door.keeper.authenticate(headers, method, path, body)


def test_a_stream_is_opened_by_all_three_parts_of_the_key(door: Door) -> None:
    key = door.keeper.create(door.l1())
    credentials: dict[str, object] = {"apiKey": key.key, "secret": key.secret, "passphrase": key.passphrase}
    assert door.keeper.identify_by_secret(credentials) == key
    for part in credentials:
        with pytest.raises(Refusal):
            door.keeper.identify_by_secret({**credentials, part: "x"})
        with pytest.raises(Refusal):
            door.keeper.identify_by_secret({**credentials, part: None})


def test_a_builder_key_signs_what_the_sdk_sends_to_the_relayer(door: Door) -> None:
    keys = BuilderKeys(door.clock)
    issued, other = keys.create(TRADER.address.lower()), keys.create(TRADER.address.lower())
    creds = BuilderApiKey(key=issued.key, secret=issued.secret, passphrase=issued.passphrase)
    headers = build_builder_key_headers(creds=creds, method="POST", path="/submit", body="{}")
    door.clock.now_s = int(headers["POLY_BUILDER_TIMESTAMP"])
    assert keys.authenticate(headers, "POST", "/submit", b"{}") == issued
    forgeries = (
        {"POLY_BUILDER_API_KEY": other.key},
        {"POLY_BUILDER_PASSPHRASE": other.passphrase},
        {"POLY_BUILDER_SIGNATURE": "AAAA"},
        {"POLY_BUILDER_TIMESTAMP": "1"},
    )
    for forgery in forgeries:
        with pytest.raises(Refusal, match="Unauthorized"):
            keys.authenticate({**headers, **forgery}, "POST", "/submit", b"{}")
    with pytest.raises(Refusal, match="Unauthorized"):
        keys.authenticate(headers, "POST", "/submit", b"{ }")
    keys.delete(issued)
    assert keys.keys_of(TRADER.address.lower()) == [other.key]
    with pytest.raises(Refusal, match="Unauthorized"):
        keys.authenticate(headers, "POST", "/submit", b"{}")


def test_a_key_shows_no_secret(door: Door) -> None:
    key = door.keeper.create(door.l1())
    assert key.secret not in repr(key)
    assert key.passphrase not in repr(key)
