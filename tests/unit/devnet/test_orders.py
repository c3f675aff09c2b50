"""Bodies of POST /order: the SDK's own, and everything else."""

from __future__ import annotations

import contextlib
import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora.devnet.clob.orders import OrderType, Side, parse_request
from remora.devnet.clob.refusals import Refusal

ZEROS = "0x" + "00" * 32
#: As the SDK sends it (polymarket.md 3.3).
BODY: dict[str, Any] = {
    "deferExec": False,
    "order": {
        "builder": ZEROS,
        "expiration": "0",
        "maker": "0x" + "Ab" * 20,
        "makerAmount": "5000000",
        "metadata": ZEROS,
        "salt": 2046813772791508,
        "side": "BUY",
        "signature": "0x" + "1b" * 65,
        "signatureType": 0,
        "signer": "0x" + "aB" * 20,
        "takerAmount": "10000000",
        "timestamp": "1795368118133",
        "tokenId": str(2**255),
    },
    "orderType": "GTC",
    "owner": "8f1bdee1-6a1f-4a57-9f0b-5b2fc1b6a1c3",
}


def changed(path: str, value: object) -> dict[str, Any]:
    body = copy.deepcopy(BODY)
    target = body["order"] if path in body["order"] else body
    target[path] = value
    return body


def test_the_sdks_body_is_parsed() -> None:
    request = parse_request(BODY)
    order = request.order
    assert (request.type, request.post_only, request.expiration_s) == (OrderType.GTC, False, 0)
    assert order.maker == order.signer == "0x" + "ab" * 20
    assert (order.side, order.shares, order.collateral) == (Side.BUY, 10_000_000, 5_000_000)


def test_neither_signature_nor_api_key_is_shown() -> None:
    assert "1b1b" not in repr(parse_request(BODY))
    assert BODY["owner"] not in repr(parse_request(BODY))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("order", None),
        ("order", []),
        ("side", "buy"),
        ("side", 0),
        ("salt", "1"),
        ("salt", -1),
        ("salt", True),
        ("salt", 2**256),
        ("makerAmount", 5000000),
        ("makerAmount", "0"),
        ("makerAmount", "-5"),
        ("makerAmount", "5e6"),
        ("makerAmount", "9" * 78),
        ("takerAmount", "1.5"),
        ("tokenId", "0x12"),
        ("tokenId", "1" * 79),
        ("maker", "0x12"),
        ("signer", "0x" + "cd" * 20),
        ("signature", "0x" + "1b" * 64),
        ("signatureType", 3),
        ("signatureType", "0"),
        ("timestamp", "٣"),
        ("metadata", "0x"),
        ("expiration", None),
        ("orderType", "IOC"),
        ("owner", None),
    ],
)
def test_a_field_that_is_not_as_it_should_be_refuses_the_order(path: str, value: object) -> None:
    with pytest.raises(Refusal, match="Invalid order payload"):
        parse_request(changed(path, value))


@pytest.mark.parametrize(
    ("signature_type", "signer", "signature_bytes", "is_order"),
    [
        (0, "ab", 65, True),
        (0, "ab", 317, False),
        (1, "cd", 65, True),
        (2, "cd", 65, True),
        (2, "cd", 66, False),
        (3, "ab", 317, True),
        (3, "ab", 480, True),
        (3, "ab", 1024, True),
        (3, "ab", 1025, False),
        (3, "ab", 65, False),
        (3, "cd", 317, False),
        (4, "ab", 65, False),
    ],
)
def test_maker_signer_and_signature_fit_the_wallet(
    signature_type: int, signer: str, signature_bytes: int, is_order: bool
) -> None:
    order = {"signatureType": signature_type, "signer": "0x" + signer * 20, "signature": "0x" + "1b" * signature_bytes}
    body = {**BODY, "order": {**BODY["order"], **order}}
    if is_order:
        assert parse_request(body).order.signature_type == signature_type
    else:
        with pytest.raises(Refusal, match="Invalid order payload"):
            parse_request(body)


@pytest.mark.parametrize("kind", ["FAK", "FOK"])
def test_post_only_is_for_orders_that_rest(kind: str) -> None:
    with pytest.raises(Refusal, match="Invalid order payload"):
        parse_request({**BODY, "orderType": kind, "postOnly": True})
    assert parse_request({**BODY, "postOnly": True}).post_only


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_no_body_breaks_the_parser(body: object) -> None:
    with pytest.raises(Refusal):
        parse_request(body)


@given(st.sampled_from([*BODY, *BODY["order"]]), JSON)
def test_no_field_breaks_the_parser(path: str, value: object) -> None:
    with contextlib.suppress(Refusal):
        parse_request(changed(path, value))
