"""Filters as JSON-RPC takes them."""

from __future__ import annotations

import json

import pytest

from remora.adapters.chain.filters import bounded, query
from remora.domain.chain import LogFilter
from remora.domain.errors import OperatorError
from remora.domain.ids import Address

EXCHANGE = Address("0x" + "e1" * 20)
NEG_RISK = Address("0x" + "e2" * 20)
FILLED = "0x" + "d5" * 32


def word(number: int) -> str:
    return f"0x{number:064x}"


def test_a_filter_keeps_its_positions() -> None:
    wanted = LogFilter(addresses=(EXCHANGE, NEG_RISK), topics=((FILLED,), None, (word(1), word(2))))
    assert json.loads(query(wanted)) == {
        "address": [EXCHANGE, NEG_RISK],
        "topics": [[FILLED], None, [word(1), word(2)]],
    }


def test_a_thousand_alternatives_pass() -> None:
    leaders = tuple(word(number) for number in range(1000))
    asked = query(LogFilter(addresses=(EXCHANGE,), topics=((FILLED,), None, leaders)))
    assert json.loads(asked)["topics"][2] == list(leaders)


def test_a_query_has_the_bounds_of_its_blocks() -> None:
    asked = query(LogFilter(addresses=(EXCHANGE,), topics=((FILLED,),)))
    assert json.loads(bounded(asked, {"fromBlock": "0x1", "toBlock": "0x2"})) == {
        "address": [EXCHANGE],
        "topics": [[FILLED]],
        "fromBlock": "0x1",
        "toBlock": "0x2",
    }


@pytest.mark.parametrize(
    ("addresses", "topics", "message"),
    [
        ((EXCHANGE,), ((FILLED,), None, tuple(word(n) for n in range(1001))), "1 to 1000 alternatives, .* has 1001"),
        ((EXCHANGE,), ((FILLED,), None, ()), "1 to 1000 alternatives, .* has 0"),
        ((), ((FILLED,),), "must name an address"),
        ((EXCHANGE,), (None, None, None, None, (FILLED,)), "at most 4 topics, .* asks for 5"),
    ],
    ids=["too many", "none, which a node takes for any", "no address, which a node takes for any", "five topics"],
)
def test_what_a_node_would_misread_is_refused(
    addresses: tuple[Address, ...], topics: tuple[tuple[str, ...] | None, ...], message: str
) -> None:
    with pytest.raises(OperatorError, match=message):
        query(LogFilter(addresses=addresses, topics=topics))
