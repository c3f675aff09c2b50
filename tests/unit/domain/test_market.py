"""Ticks, steps and the bound of the fee."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora.domain.money import ONE, Collateral, Price, mul_div_ceil
from tests.fakes.specimens import collateral, market, price


@pytest.mark.parametrize(
    ("tick", "given_price", "floor", "ceil"),
    [
        ("0.01", "0.5", "0.5", "0.5"),  # on the tick
        ("0.01", "0.529999", "0.52", "0.53"),
        ("0.1", "0.55", "0.5", "0.6"),
        ("0.001", "0.9999", "0.999", "1"),  # nothing valid above 1 - tick
        ("0.01", "1", "0.99", "1"),
        ("0.01", "3", "0.99", "3"),
        ("0.0025", "0.0049", "0.0025", "0.005"),
        ("0.01", "0.004", "0", "0.01"),  # nothing valid below the tick
        ("0.01", "0", "0", "0.01"),
    ],
)
def test_ticks(tick: str, given_price: str, floor: str, ceil: str) -> None:
    assert str(market(tick).floor_to_tick(price(given_price))) == floor
    assert str(market(tick).ceil_to_tick(price(given_price))) == ceil


TICKS = ("0.1", "0.01", "0.005", "0.0025", "0.001", "0.0001")


@given(tick=st.sampled_from(TICKS), wanted=st.integers(0, 2 * ONE).map(Price))
def test_a_floor_is_a_valid_price_or_none(tick: str, wanted: Price) -> None:
    floor = market(tick).floor_to_tick(wanted)
    step = market(tick).tick.units
    assert floor <= wanted
    assert floor.units % step == 0
    assert 0 <= floor.units <= ONE - step
    assert wanted.units - floor.units < step or floor.units == ONE - step


@pytest.mark.parametrize(
    ("tick", "decimals"), [("0.1", 3), ("0.01", 4), ("0.005", 5), ("0.001", 5), ("0.0025", 6), ("0.0001", 6)]
)
def test_amounts_have_two_decimals_more_than_the_tick(tick: str, decimals: int) -> None:
    assert market(tick).amount_step == 10 ** (6 - decimals)


def test_worst_fee() -> None:
    # 10 x 0.05 at a price of nearly 0, and one step of the venue's rounding; without a fee there is nothing to round
    assert market(fee_rate_units=50_000).worst_taker_fee(collateral("10")) == collateral("0.50001")
    assert market().worst_taker_fee(collateral("10")) == collateral("0")


@given(rate=st.integers(0, 100_000), limit=st.integers(1, ONE - 1), spent=st.integers(0, 10**12))
def test_no_price_makes_a_fee_above_the_bound(rate: int, limit: int, spent: int) -> None:
    shares = mul_div_ceil(spent, ONE, limit)
    fee = mul_div_ceil(shares * rate, limit * (ONE - limit), ONE**3)
    assert Collateral(fee) <= market(fee_rate_units=rate).worst_taker_fee(Collateral(spent))
