"""Calldata that the real exchange took or refused: the fills that it announces are those of the receipt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import decode, encode

from remora.detect.calldata import Exchanges, NotAMatch, decode_calldata
from remora.detect.decode import exact_fills
from remora.domain.chain import parse_receipt
from remora.domain.contracts import GENERATIONS, Generation
from remora.domain.ids import Address, address
from remora.domain.signal import Fill

FIXTURES = Path(__file__).parents[2] / "fixtures/exchange_v2"
CASES, REVERTS, NON_TRADES = (
    {case["name"]: case for case in json.loads((FIXTURES / f"{kind}.json").read_text())}
    for kind in ("cases", "reverts", "non_trades")
)
DEPLOYMENT = json.loads((FIXTURES / "deployment.json").read_text())
STANDARD, NEG_RISK = (address(DEPLOYMENT[key]) for key in ("standard_exchange", "neg_risk_exchange"))
V3 = Address("0x" + 40 * "3")
EXCHANGES = Exchanges.of(137, [(STANDARD, Generation.V2), (NEG_RISK, Generation.V2), (V3, Generation.V3)])
STRANGER = Address("0x" + 40 * "5")

ORDER = "(uint256,address,address,uint256,uint256,uint256,uint8,uint8,uint256,bytes32,bytes32,bytes)"
MATCH_V2 = ["bytes32", ORDER, f"{ORDER}[]", "uint256", "uint256[]", "uint256", "uint256[]"]
MATCH_V3 = [ORDER, f"{ORDER}[]", "uint256[]", "uint256[]", "(uint256,uint256,uint256)"]


def calldata(case: dict[str, Any]) -> bytes:
    return bytes.fromhex(case["calldata"][2:])


def seen(data: bytes, to: Address | None) -> tuple[Fill, ...]:
    found = decode_calldata(data, to, EXCHANGES)
    assert not isinstance(found, NotAMatch), found
    return found


def nowhere(fill: Fill) -> Fill:
    """The fill without its place in the chain, which calldata does not know."""
    return fill._replace(tx_hash=None, block_number=None, log_index=None)


def mined(case: dict[str, Any]) -> tuple[Fill, ...]:
    logs = parse_receipt(case["receipt"]).logs
    return tuple(nowhere(fill) for fill in exact_fills(logs, [STANDARD, NEG_RISK], complete=True))


@pytest.mark.parametrize("name", CASES)
def test_calldata_announces_the_fills_of_the_receipt(name: str) -> None:
    case = CASES[name]
    fills = seen(calldata(case), address(case["to"]))
    assert fills == mined(case)
    assert {fill.order_hash for fill in fills} == set(case["order_status"])


def test_the_fills_name_their_transaction() -> None:
    case = CASES["c05_buy_vs_3_sells_fees_all"]
    tx_hash = parse_receipt(case["receipt"]).tx_hash
    fills = decode_calldata(calldata(case), address(case["to"]), EXCHANGES, tx_hash=tx_hash)
    assert not isinstance(fills, NotAMatch)
    assert {fill.tx_hash for fill in fills} == {tx_hash}


REFUSED_BY_FORM = {
    "no_makers": NotAMatch.NO_MAKERS,
    "array_len": NotAMatch.UNEQUAL_ARRAYS,
    "comp_other_token": NotAMatch.OTHER_TOKENS,
    "mint_same_token": NotAMatch.OTHER_TOKENS,
    "zero_maker": NotAMatch.ZERO_AMOUNT,
}


@pytest.mark.parametrize("name", REVERTS)
def test_what_the_exchange_refuses_is_seen_in_the_form_or_only_by_the_receipt(name: str) -> None:
    case = REVERTS[name]
    found = decode_calldata(calldata(case), address(case["to"]), EXCHANGES)
    if name in REFUSED_BY_FORM:
        assert found == REFUSED_BY_FORM[name]
    else:
        assert not isinstance(found, NotAMatch)
        assert len(found) == 2


@pytest.mark.parametrize("name", NON_TRADES)
def test_what_is_no_trade_announces_none(name: str) -> None:
    case = NON_TRADES[name]
    assert decode_calldata(calldata(case), address(case["to"]), EXCHANGES) is NotAMatch.NO_CALL


# Wrapped in other calls, as multicalls and safes do.


def multicall(*calls: tuple[Address, bytes]) -> bytes:
    return bytes.fromhex("82ad56cb") + encode(["(address,bool,bytes)[]"], [[(to, True, data) for to, data in calls]])


def safe_transaction(to: Address, data: bytes) -> bytes:
    head = ["address", "uint256", "bytes", "uint8", "uint256", "uint256", "uint256", "address", "address", "bytes"]
    zero = "0x" + 40 * "0"
    return bytes.fromhex("6a761202") + encode(head, [to, 0, data, 0, 0, 0, 0, zero, zero, b"s" * 65])


def packed(*calls: tuple[Address, bytes]) -> bytes:
    """The inner form of a safe's multiSend: nothing is padded."""
    return b"".join(b"\0" + bytes.fromhex(to[2:]) + bytes(32) + len(data).to_bytes(32) + data for to, data in calls)


def multi_send(*calls: tuple[Address, bytes]) -> bytes:
    return bytes.fromhex("8d80ff0a") + encode(["bytes"], [packed(*calls)])


FIRST, SECOND = CASES["x05_mixed_buy_4_makers_partial_fees"], CASES["n05_negrisk_mixed_buy_fees"]
BOTH = tuple((address(case["to"]), calldata(case)) for case in (FIRST, SECOND))


@pytest.mark.parametrize(
    "data",
    [
        multicall(*BOTH),
        multi_send(*BOTH),
        safe_transaction(STRANGER, multi_send(*BOTH)),
        multicall((STRANGER, b"\x12\x34\x56\x78" + bytes(32)), *BOTH, (STRANGER, b"")),
    ],
)
def test_wrapped_matches_are_found_with_their_exchanges(data: bytes) -> None:
    assert seen(data, STRANGER) == mined(FIRST) + mined(SECOND)


def test_a_wrapper_that_names_no_exchange_is_none() -> None:
    data = bytes.fromhex("12345678") + encode(["bytes"], [calldata(FIRST)])
    assert decode_calldata(data, STRANGER, EXCHANGES) is NotAMatch.UNKNOWN_EXCHANGE


def test_an_exchange_wraps_nothing_itself() -> None:
    """Its other calls carry bytes that traders write, such as the signature of an order to be preapproved."""
    assert decode_calldata(multicall(*BOTH), STANDARD, EXCHANGES) is NotAMatch.NO_CALL


def test_a_match_on_an_unknown_exchange_is_none() -> None:
    assert decode_calldata(calldata(FIRST), STRANGER, EXCHANGES) is NotAMatch.UNKNOWN_EXCHANGE
    assert decode_calldata(calldata(FIRST), None, EXCHANGES) is NotAMatch.UNKNOWN_EXCHANGE
    assert decode_calldata(calldata(FIRST), V3, EXCHANGES) is NotAMatch.UNKNOWN_EXCHANGE


def with_signature(case: dict[str, Any], signature: bytes) -> bytes:
    condition, taker, *rest = decode(MATCH_V2, calldata(case)[4:])
    return bytes.fromhex("3c2b4399") + encode(MATCH_V2, [condition, (*taker[:-1], signature), *rest])


def test_a_match_inside_of_a_signature_is_none() -> None:
    """A trader writes their own signature, and must not announce other people's trades by it."""
    to, forged = address(FIRST["to"]), multi_send(*BOTH)
    data = with_signature(FIRST, forged)
    assert seen(data, to) == mined(FIRST)
    assert seen(multicall((to, data)), STRANGER) == mined(FIRST)


def test_a_match_inside_of_another_that_is_none_is_none() -> None:
    condition, taker, _, *rest = decode(MATCH_V2, with_signature(FIRST, multi_send(*BOTH))[4:])
    data = bytes.fromhex("3c2b4399") + encode(MATCH_V2, [condition, taker, [], *rest])
    assert decode_calldata(multicall((address(FIRST["to"]), data)), STRANGER, EXCHANGES) is NotAMatch.NO_MAKERS


# The third generation: other selectors and another order of arguments, the same orders and formulas.


def as_v3(case: dict[str, Any], legs: list[int] | None = None) -> bytes:
    _, taker, makers, fill, fills, fee, fees = decode(MATCH_V2, calldata(case)[4:])
    arguments = [taker, makers, fills, fees, (fill, 0, fee)]
    if legs is None:
        return bytes.fromhex("0fb25ba4") + encode(MATCH_V3, arguments)
    return bytes.fromhex("e75cf6e5") + encode([*MATCH_V3, "uint256[]"], [*arguments, legs])


@pytest.mark.parametrize("legs", [None, [], [7, 8, 9]])
@pytest.mark.parametrize("name", CASES)
def test_the_third_generation_differs_in_hashes_and_exchange_only(name: str, legs: list[int] | None) -> None:
    fills = seen(as_v3(CASES[name], legs), V3)
    assert {fill.exchange for fill in fills} == {V3}
    assert not {fill.order_hash for fill in fills} & set(CASES[name]["order_status"])
    relabelled = [
        fill._replace(exchange=V3, order_hash=was.order_hash)
        for fill, was in zip(fills, mined(CASES[name]), strict=True)
    ]
    expected = [
        fill._replace(exchange=V3, counterparty=V3 if fill.counterparty == fill.exchange else fill.counterparty)
        for fill in mined(CASES[name])
    ]
    assert relabelled == expected


def test_an_exchange_takes_its_own_generation_only() -> None:
    assert decode_calldata(as_v3(FIRST), STANDARD, EXCHANGES) is NotAMatch.UNKNOWN_EXCHANGE
    assert decode_calldata(as_v3(FIRST, []), STANDARD, EXCHANGES) is NotAMatch.UNKNOWN_EXCHANGE


def test_polygons_exchanges_are_known() -> None:
    polygon = Exchanges.of(137, GENERATIONS.items())
    assert {generation for generation, _ in polygon.domains} == set(Generation)
    assert len(set(polygon.domains.values())) == 3
