"""Amounts as people write and read them, and what is refused."""

from __future__ import annotations

import pytest

from remora.domain.errors import Malformed
from remora.domain.money import (
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


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("0", 0),
        ("1", 1_000_000),
        ("12.5", 12_500_000),
        ("0.000001", 1),
        ("-2.88", -2_880_000),
        ("007.10", 7_100_000),
        (".5", 500_000),
        ("1e3", 1_000_000_000),
        ("0.1000000000000000000000000000000000", 100_000),  # zeros are no decimals
        ("99999999999999999999.999999", 99_999_999_999_999_999_999_999_999),
    ],
)
def test_text_is_read_exactly(text: str, units: int) -> None:
    assert Collateral.parse(text) == Collateral(units)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "a decimal number"),
        ("ten", "a decimal number"),
        ("1,5", "a decimal number"),
        ("0x10", "a decimal number"),
        ("1.5 USDC", "a decimal number"),
        ("NaN", "a finite number"),
        ("Infinity", "a finite number"),
        ("-Infinity", "a finite number"),
        ("0.0000001", "at most 6 decimals"),
        ("1.0000000000000000000000000000001", "at most 6 decimals"),  # more digits than Decimal's context keeps
        ("100000000000000000000.0000000001", "a number below 10.20"),
        ("1e20", "a number below 10.20"),
        ("1e999999", "a number below 10.20"),
    ],
)
def test_what_is_no_amount_is_refused_with_what_was_expected(text: str, expected: str) -> None:
    with pytest.raises(Malformed, match=f"expected {expected}.*found ") as refused:
        Collateral.parse(text)
    assert repr(text) in str(refused.value)


def test_wei_have_18_decimals_and_keep_them_all() -> None:
    text = "12345678901.123456789012345678"  # 29 digits
    assert Wei.parse(text) == Wei(12_345_678_901_123_456_789_012_345_678)
    assert str(Wei.parse(text)) == text


@pytest.mark.parametrize(
    ("units", "decimals", "text"),
    [
        (2_880_000, 6, "2.88"),
        (0, 6, "0"),
        (1, 6, "0.000001"),
        (-1, 6, "-0.000001"),
        (-1_500_000, 6, "-1.5"),
        (10**18, 18, "1"),
        (1, 18, "0.000000000000000001"),
        (120_000_000, 6, "120"),
    ],
)
def test_units_are_written_without_trailing_zeros(units: int, decimals: int, text: str) -> None:
    assert format_units(units, decimals) == text
    assert parse_units(text, decimals) == units


@pytest.mark.parametrize(
    ("a", "b", "divisor", "floor", "nearest", "ceil"),
    [
        (7, 1, 2, 3, 4, 4),  # 3.5: halves go up
        (10, 10, 3, 33, 33, 34),  # 33.33
        (11, 10, 3, 36, 37, 37),  # 36.67
        (6, 4, 8, 3, 3, 3),  # exact
        (-7, 1, 2, -4, -3, -3),  # -3.5
        (0, 5, 9, 0, 0, 0),
        (2**200, 3, 2**199, 6, 6, 6),  # no float on the way
    ],
)
def test_the_name_says_the_direction(*, a: int, b: int, divisor: int, floor: int, nearest: int, ceil: int) -> None:
    assert mul_div_floor(a, b, divisor) == floor
    assert mul_div_nearest(a, b, divisor) == nearest
    assert mul_div_ceil(a, b, divisor) == ceil


def test_a_proportion_of_nothing_is_an_error() -> None:
    for proportion in (mul_div_floor, mul_div_ceil, mul_div_nearest):
        with pytest.raises(ZeroDivisionError):
            proportion(1, 1, 0)


@pytest.mark.parametrize(
    ("collateral", "shares", "price"),
    [
        ("52", "100", "0.52"),
        ("1", "3", "0.333333"),  # 0.333333 33
        ("2", "3", "0.666667"),  # 0.666666 67
        ("0.000001", "2", "0.000001"),  # half a unit goes up
        ("5", "0", "0"),
    ],
)
def test_average_price(collateral: str, shares: str, price: str) -> None:
    assert str(Price.of(Collateral.parse(collateral), Shares.parse(shares))) == price


def test_cost_and_what_it_buys() -> None:
    price = Price.parse("0.333333")
    assert str(price.cost_floor(Shares.parse("10"))) == "3.33333"  # 10 x 0.333333
    assert str(price.cost_floor(Shares.parse("0.5"))) == "0.166666"  # 0.1666665
    assert str(price.shares_floor(Collateral.parse("1"))) == "3.000003"  # 1 / 0.333333 = 3.000003 000003
    assert str(price.complement()) == "0.666667"


def test_only_zero_is_nothing() -> None:
    assert not Collateral(0)
    assert Collateral(1)
    assert Collateral(-1)
    assert Collateral(3) - Collateral(5) == Collateral(-2)
    assert sorted([Shares(3), Shares(1), Shares(2)]) == [Shares(1), Shares(2), Shares(3)]
