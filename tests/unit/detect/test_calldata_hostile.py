"""Calldata that is none: whatever is cut, bent or made up is answered with a reason, soon, and never with an error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora.detect.calldata import MAX_BYTES, MAX_MAKERS, SENTENCES, Exchanges, NotAMatch, decode_calldata
from remora.domain.contracts import Generation
from remora.domain.ids import Address, address

FIXTURES = Path(__file__).parents[2] / "fixtures/exchange_v2"
CASES = {case["name"]: case for case in json.loads((FIXTURES / "cases.json").read_text())}
CASE = CASES["c05_buy_vs_3_sells_fees_all"]
EXCHANGE = address(CASE["to"])
EXCHANGES = Exchanges.of(137, [(EXCHANGE, Generation.V2)])
DATA = bytes.fromhex(CASE["calldata"][2:])
WRAPPER = Address("0x" + 40 * "5")
SELECTORS = [bytes.fromhex(selector) for selector in ("3c2b4399", "0fb25ba4", "e75cf6e5")]

TAKER, MAKERS, FILLS, FEES = 1, 2, 4, 6
"""Words of the head that hold offsets."""


def at_word(number: int) -> int:
    return 4 + 32 * number


def word(number: int) -> int:
    return int.from_bytes(DATA[at_word(number) : at_word(number + 1)])


def changed(place: int, value: int) -> bytes:
    return DATA[:place] + value.to_bytes(32) + DATA[place + 32 :]


def seen(data: bytes, to: Address = EXCHANGE) -> Any:
    return decode_calldata(data, to, EXCHANGES)


ORDER = 4 + word(TAKER)
LENGTH_OF_MAKERS = 4 + word(MAKERS)
LENGTH_OF_SIGNATURE = ORDER + 12 * 32
FIRST_MAKER = int.from_bytes(DATA[LENGTH_OF_MAKERS + 32 : LENGTH_OF_MAKERS + 64])


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", NotAMatch.NO_CALL),
        (DATA[:3], NotAMatch.NO_CALL),
        (DATA[:4], NotAMatch.TRUNCATED),
        (DATA[:-64], NotAMatch.TRUNCATED),
        (DATA + bytes(MAX_BYTES), NotAMatch.TOO_LONG),
        *((changed(at_word(number), 2**256 - 1), NotAMatch.TRUNCATED) for number in (TAKER, MAKERS, FILLS, FEES)),
        (changed(at_word(TAKER), word(MAKERS) + 32 + FIRST_MAKER), NotAMatch.OVERLAPPING),
        (changed(at_word(FEES), word(FILLS)), NotAMatch.OVERLAPPING),
        (changed(LENGTH_OF_MAKERS, 2**256 - 1), NotAMatch.TOO_MANY_MAKERS),
        (changed(LENGTH_OF_MAKERS, MAX_MAKERS + 1), NotAMatch.TOO_MANY_MAKERS),
        (changed(LENGTH_OF_MAKERS, MAX_MAKERS), NotAMatch.TRUNCATED),
        (changed(LENGTH_OF_MAKERS, 2), NotAMatch.UNEQUAL_ARRAYS),
        (changed(LENGTH_OF_MAKERS, 0), NotAMatch.NO_MAKERS),
        (changed(LENGTH_OF_MAKERS + 32, word(MAKERS)), NotAMatch.TRUNCATED),
        (changed(LENGTH_OF_SIGNATURE, 2**255), NotAMatch.TRUNCATED),
        (changed(LENGTH_OF_SIGNATURE, 200), NotAMatch.OVERLAPPING),
        (changed(ORDER + 11 * 32, 0), NotAMatch.OVERLAPPING),
        (changed(ORDER + 32, 2**160), NotAMatch.MALFORMED_ORDER),
        (changed(ORDER + 2 * 32, 2**255), NotAMatch.MALFORMED_ORDER),
        (changed(ORDER + 4 * 32, 0), NotAMatch.ZERO_AMOUNT),
        (changed(ORDER + 6 * 32, 2), NotAMatch.MALFORMED_ORDER),
        (changed(ORDER + 7 * 32, 4), NotAMatch.MALFORMED_ORDER),
        (changed(ORDER + 3 * 32, 7), NotAMatch.OTHER_TOKENS),
    ],
)
def test_what_is_no_match_has_a_reason(data: bytes, why: NotAMatch) -> None:
    assert seen(data) is why


def test_the_same_order_at_one_place_twice_is_an_overlap() -> None:
    assert seen(changed(LENGTH_OF_MAKERS + 64, FIRST_MAKER)) is NotAMatch.OVERLAPPING


def test_every_reason_has_a_sentence() -> None:
    assert set(SENTENCES) == set(NotAMatch)


@pytest.mark.parametrize("selector", SELECTORS)
def test_thousands_of_calls_in_one_are_not_all_tried(selector: bytes) -> None:
    unit = bytes.fromhex(EXCHANGE[2:]) + (60).to_bytes(32) + selector + DATA[4:40]
    assert isinstance(seen(bytes(4) + unit * (MAX_BYTES // len(unit) - 1), WRAPPER), NotAMatch)
    assert seen(bytes(36) + selector * (MAX_BYTES // 4 - 9), WRAPPER) is NotAMatch.NO_CALL


@given(cut=st.integers(0, len(DATA)))
def test_every_cut_is_answered(cut: int) -> None:
    # The last bytes pad a number's word: nothing of the calldata can be left out.
    assert isinstance(seen(DATA[:cut]), NotAMatch if cut < len(DATA) else tuple)


@given(
    changes=st.lists(
        st.tuples(st.integers(0, len(DATA) - 32), st.one_of(st.integers(0, 4096), st.integers(0, 2**256 - 1))),
        min_size=1,
        max_size=6,
    )
)
def test_every_change_is_answered(changes: list[tuple[int, int]]) -> None:
    data = DATA
    for place, value in changes:
        data = data[:place] + value.to_bytes(32) + data[place + 32 :]
    found = seen(data)
    assert isinstance(found, NotAMatch) or all(fill.exchange == EXCHANGE for fill in found)


@given(selector=st.sampled_from([*SELECTORS, b""]), noise=st.binary(max_size=2000), wrapped=st.booleans())
def test_noise_is_answered(*, selector: bytes, noise: bytes, wrapped: bool) -> None:
    call = selector + noise
    data = bytes.fromhex(EXCHANGE[2:]) + len(call).to_bytes(32) + call if wrapped else call
    assert isinstance(seen(data, WRAPPER if wrapped else EXCHANGE), NotAMatch)
