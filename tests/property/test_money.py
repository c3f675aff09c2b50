"""Laws of amounts: text and back is the same, rounding goes where its name says, and units never mix."""

from __future__ import annotations

import operator
from collections.abc import Callable
from fractions import Fraction
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora.domain.errors import Malformed
from remora.domain.money import (
    ONE,
    Collateral,
    Price,
    Shares,
    Wei,
    format_units,
    mul_div_ceil,
    mul_div_floor,
    mul_div_nearest,
    parse_units,
)

UNITS = (Collateral, Shares, Wei, Price)
PAIRS = tuple(permutations(UNITS, 2))
integers = st.integers(-(2**130), 2**130)
divisors = st.integers(1, 2**80)
amounts = st.integers(0, 10**15)
outcome_prices = st.integers(1, ONE).map(Price)


@given(whole=st.integers(0, 10**19), fraction=st.integers(0, 10**18 - 1), negative=st.booleans())
def test_wei_as_text_and_back_is_the_same(*, whole: int, fraction: int, negative: bool) -> None:
    wei = Wei((whole * 10**18 + fraction) * (-1 if negative else 1))
    assert Wei.parse(str(wei)) == wei


@given(units=st.integers(-(10**25), 10**25), decimals=st.sampled_from([6, 18]))
def test_units_as_text_are_exact_and_short(units: int, decimals: int) -> None:
    text = format_units(units, decimals)
    assert Fraction(text) == Fraction(units, 10**decimals)
    assert not ("." in text and text.endswith("0"))
    assert parse_units(text, decimals) == units


@given(units=st.integers(1, 10**9), superfluous=st.integers(1, 40), digit=st.integers(1, 9))
def test_a_decimal_too_many_is_refused_however_small(units: int, superfluous: int, digit: int) -> None:
    text = f"{units // ONE}.{units % ONE:06}" + "0" * (superfluous - 1) + str(digit)
    with pytest.raises(Malformed, match="at most 6 decimals"):
        Collateral.parse(text)


@given(a=integers, b=integers, divisor=divisors)
def test_floor_exact_ceil(a: int, b: int, divisor: int) -> None:
    exact = Fraction(a * b, divisor)
    floor, ceil = mul_div_floor(a, b, divisor), mul_div_ceil(a, b, divisor)
    assert exact - 1 < floor <= exact <= ceil < exact + 1


@given(a=integers, b=integers, divisor=divisors)
def test_nearest_is_at_most_half_away_and_half_goes_up(a: int, b: int, divisor: int) -> None:
    exact = Fraction(a * b, divisor)
    assert exact - Fraction(1, 2) < mul_div_nearest(a, b, divisor) <= exact + Fraction(1, 2)


@given(price=outcome_prices, shares=amounts.map(Shares))
def test_cost_is_exact_to_one_unit(price: Price, shares: Shares) -> None:
    exact = Fraction(price.units * shares.units, ONE)
    assert exact - 1 < price.cost_floor(shares).units <= exact


@given(price=outcome_prices, spent=amounts.map(Collateral))
def test_what_is_bought_costs_no_more_than_was_spent(price: Price, spent: Collateral) -> None:
    bought = price.shares_floor(spent)
    assert price.cost_floor(bought) <= spent
    assert price.cost_floor(bought + Shares(2)) >= spent or price.units < ONE // 2


@given(collateral=amounts, shares=st.integers(1, 10**15))
def test_average_price_is_within_half_a_unit(collateral: int, shares: int) -> None:
    price = Price.of(Collateral(collateral), Shares(shares))
    assert abs(price.units - Fraction(collateral * ONE, shares)) <= Fraction(1, 2)


@given(price=outcome_prices)
def test_both_outcomes_cost_one(price: Price) -> None:
    assert price + price.complement() == Price(ONE)
    assert price.complement().complement() == price


@pytest.mark.parametrize(("left", "right"), PAIRS)
@pytest.mark.parametrize(
    "operation", [operator.add, operator.sub, operator.lt, operator.le, operator.gt, operator.ge, min, max]
)
def test_units_do_not_mix(left: Any, right: Any, operation: Callable[[Any, Any], Any]) -> None:
    with pytest.raises(TypeError):
        operation(left(1), right(1))


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("operation", [operator.add, operator.sub, operator.mul, operator.truediv, operator.lt])
def test_units_do_not_mix_with_numbers(unit: Any, operation: Callable[[Any, Any], Any]) -> None:
    for number in (1, 1.0):
        with pytest.raises(TypeError):
            operation(unit(1), number)
        with pytest.raises(TypeError):
            operation(number, unit(1))


@pytest.mark.parametrize(("left", "right"), PAIRS)
def test_equal_numbers_of_different_units_are_different_things(left: Any, right: Any) -> None:
    assert left(1) != right(1)
    assert len({left(1), right(1)}) == 2
