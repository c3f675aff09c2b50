"""What a replacement offers, with the arithmetic beside each row."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora.domain.money import Wei
from remora.domain.transaction import GasPrice
from remora.settle.fees import bounded, raised

FEE = st.integers(min_value=0, max_value=10**13)


def fees(max_fee: int, priority_fee: int) -> GasPrice:
    return GasPrice(max_fee=Wei(max_fee), priority_fee=Wei(priority_fee))


def test_within_the_bound_the_market_is_paid() -> None:
    assert bounded(fees(100, 30), Wei(100)) == fees(100, 30)
    assert bounded(fees(101, 30), Wei(100)) == fees(100, 30)
    assert bounded(fees(101, 30), Wei(20)) == fees(20, 20)


@pytest.mark.parametrize(
    ("market", "most", "offered"),
    [
        (fees(100, 30), 1_000, fees(120, 36)),  # a fifth more of both
        (fees(121, 30), 1_000, fees(121, 36)),  # the market's, where it is higher
        (fees(100, 50), 1_000, fees(120, 50)),
        (fees(1, 1), 1_000, fees(120, 36)),
        (fees(100, 30), 120, fees(120, 36)),
        (fees(100, 30), 119, fees(119, 36)),  # the bound, since it is a tenth more
        (fees(100, 30), 110, fees(110, 36)),
        (fees(100, 30), 109, None),  # less than nodes ask of a replacement
        (fees(500, 30), 200, fees(200, 36)),
        (fees(100, 500), 115, fees(115, 115)),  # no tip above the whole
    ],
)
def test_a_replacement_pays_a_fifth_more_or_the_market(market: GasPrice, most: int, offered: GasPrice | None) -> None:
    assert raised(fees(100, 30), market, Wei(most)) == offered


def test_it_is_rounded_up() -> None:
    assert raised(fees(101, 31), fees(0, 0), Wei(1_000)) == fees(122, 38)  # 121.2 and 37.2


@given(present=st.builds(fees, FEE, FEE), market=st.builds(fees, FEE, FEE), most=FEE)
def test_nodes_take_what_is_offered_and_the_bound_holds(present: GasPrice, market: GasPrice, most: int) -> None:
    offered = raised(present, market, Wei(most))
    if offered is not None:
        assert offered.priority_fee <= offered.max_fee <= Wei(most)
        assert offered.max_fee.units * 10 >= present.max_fee.units * 11
        assert offered.priority_fee.units * 10 >= present.priority_fee.units * 11
