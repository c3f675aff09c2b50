"""Which raw receipts are worth to be turned into objects: never fewer than the filters match."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora.adapters.chain.filters import Interest
from remora.domain.chain import LogFilter, parse_log
from remora.domain.ids import Address
from tests.fakes.chain import matches

ADDRESSES = tuple(Address("0x" + 40 * digit) for digit in "ab")
WORDS = tuple("0x" + 64 * digit for digit in "abc")

positions = st.one_of(st.none(), st.lists(st.sampled_from(WORDS), min_size=1, max_size=2).map(tuple))
filters = st.builds(
    LogFilter,
    addresses=st.lists(st.sampled_from(ADDRESSES), min_size=1, max_size=2).map(tuple),
    topics=st.lists(positions, max_size=4).map(tuple),
)
logs = st.fixed_dictionaries(
    {
        "address": st.sampled_from(ADDRESSES),
        "topics": st.lists(st.sampled_from(WORDS), max_size=4),
        "data": st.just("0x"),
    }
)


@given(asked=st.lists(filters, min_size=1, max_size=3), raw=logs)
def test_what_a_filter_matches_is_covered(asked: list[LogFilter], raw: dict[str, Any]) -> None:
    covered = Interest.of(asked).covers({"logs": [raw]})
    assert covered or not matches(asked, parse_log(raw))


@pytest.mark.parametrize(
    ("changes", "covered"),
    [
        ({}, True),
        ({"address": ADDRESSES[0].upper().replace("0X", "0x")}, True),
        ({"address": ADDRESSES[1]}, False),
        ({"topics": [WORDS[1], WORDS[0], WORDS[1]]}, False),
        ({"topics": [WORDS[0], WORDS[0], WORDS[2]]}, False),
        ({"topics": []}, False),
    ],
    ids=["all fits", "capitals", "another contract", "another event", "another wallet", "no topics"],
)
def test_a_log_concerns_us_by_contract_event_and_wallet(changes: dict[str, Any], covered: bool) -> None:
    interest = Interest.of([LogFilter(addresses=(ADDRESSES[0],), topics=((WORDS[0],), None, (WORDS[1],)))])
    raw = {"address": ADDRESSES[0], "topics": [WORDS[0], WORDS[2], WORDS[1]], "data": "0x"} | changes
    assert interest.covers({"logs": [raw]}) is covered


@pytest.mark.parametrize("raw", [None, 7, {}, {"logs": None}])
def test_what_is_no_receipt_is_looked_at(raw: Any) -> None:
    assert Interest.of([]).covers(raw)
