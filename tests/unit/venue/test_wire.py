"""What is written to the venue and what is read from it, field by field."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from remora.adapters.venue.wire import (
    cancel_body,
    error_words,
    loads,
    order_body,
    parse_condition,
    parse_market,
)
from remora.domain.errors import Malformed
from remora.domain.ids import ConditionId, TokenId
from remora.domain.market import MarketInfo
from remora.domain.money import Price, Shares
from remora.domain.order import OrderKind, SignedOrder

CONDITION = ConditionId("0x" + 64 * "c")
TOKEN = TokenId(71321)


def market(body: str) -> MarketInfo:
    return parse_market(loads(body.encode()), condition_id=CONDITION, token_id=TOKEN)


def test_order_body_is_compact_in_the_sdks_order_of_keys_with_checksummed_addresses(order: SignedOrder) -> None:
    zero_word = "0x" + 64 * "0"
    address = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    assert order_body(order, owner="key-1").decode() == (
        f'{{"deferExec":false,"order":{{"builder":"{zero_word}","expiration":"0","maker":"{address}",'
        f'"makerAmount":"5000000","metadata":"{zero_word}","salt":2046813772791508,"side":"BUY",'
        f'"signature":"0x{128 * "0"}1b","signatureType":0,"signer":"{address}","takerAmount":"10000000",'
        f'"timestamp":"1795368118133","tokenId":"{2**255 + 7}"}},"orderType":"FAK","owner":"key-1"}}'
    )


def test_an_order_that_rests_says_until_when(order: SignedOrder) -> None:
    body = json.loads(order_body(replace(order, kind=OrderKind.GTD, expiration_s=1_795_000_300), owner="key-1"))
    assert (body["orderType"], body["order"]["expiration"]) == ("GTD", "1795000300")
    assert cancel_body(order.order_hash) == f'{{"orderID":"{order.order_hash}"}}'.encode()


def test_the_key_id_cannot_break_out_of_the_body(order: SignedOrder) -> None:
    assert json.loads(order_body(order, owner='a"b\n'))["owner"] == 'a"b\n'


def test_market_reads_tick_minimum_neg_risk_and_fee_exactly() -> None:
    assert market('{"t":[],"mos":15.5,"mts":0.0001,"nr":true,"fd":{"r":0.07,"e":1,"to":true}}') == MarketInfo(
        condition_id=CONDITION,
        token_id=TOKEN,
        tick=Price(100),
        min_order_size=Shares(15_500_000),
        neg_risk=True,
        fee_rate_units=70_000,
    )


def test_market_defaults_are_five_shares_no_neg_risk_no_fee() -> None:
    found = market('{"mts":0.01,"fd":null}')
    assert (found.min_order_size, found.neg_risk, found.fee_rate_units) == (Shares(5_000_000), False, 0)


@pytest.mark.parametrize(
    "body",
    [
        "[]",
        "{}",
        '{"mts":null}',
        '{"mts":true}',
        '{"mts":0}',
        '{"mts":1}',
        '{"mts":-0.01}',
        '{"mts":NaN}',
        '{"mts":0.0000001}',
        '{"mts":0.01,"mos":"many"}',
        '{"mts":0.01,"fd":{"r":0.05}}',  # the exponent would be 0, the fee higher than our bound
        '{"mts":0.01,"fd":{"r":0.05,"e":0.5}}',
        '{"mts":0.01,"fd":[1]}',
    ],
)
def test_a_market_that_is_not_as_documented_is_malformed(body: str) -> None:
    with pytest.raises(Malformed):
        market(body)


def test_a_higher_fee_exponent_keeps_the_rate_as_an_upper_bound() -> None:
    assert market('{"mts":0.01,"fd":{"r":0.02,"e":2}}').fee_rate_units == 20_000


def test_condition_is_read_in_any_case() -> None:
    assert parse_condition({"condition_id": "0x" + 64 * "C"}) == CONDITION


@pytest.mark.parametrize("raw", [None, {}, {"condition_id": None}, {"condition_id": "0x12"}])
def test_a_condition_that_is_none_is_malformed(raw: Any) -> None:
    with pytest.raises(Malformed):
        parse_condition(raw)


def test_fractions_in_json_never_become_floats() -> None:
    assert loads(b'{"a":0.1,"b":1e-7,"c":3}') == {"a": "0.1", "b": "1e-7", "c": 3}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"error":" not enough "}', "not enough"),
        (b'{"errorMsg":"no"}', "no"),
        (b'{"error":"","errorMsg":"no"}', "no"),
        (b'{"error":{"code":1}}', ""),
        (b'"Bad Request"', ""),
        (b"<html>blocked</html>", ""),
        (b"\xff\xfe", ""),
        (b"", ""),
    ],
)
def test_error_words(body: bytes, words: str) -> None:
    assert error_words(body) == words
