"""Amounts on the wire and in base units."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora.devnet.clob.units import ceil_div, from_text, has_places, to_text


@pytest.mark.parametrize(
    ("units", "text"),
    [(0, "0"), (1, "0.000001"), (10, "0.00001"), (1_500_000, "1.5"), (20_000_000, "20"), (550_000, "0.55")],
)
def test_base_units_have_one_shortest_text(units: int, text: str) -> None:
    assert to_text(units) == text
    assert from_text(text) == units


@pytest.mark.parametrize("text", ["", ".5", "1.", "-1", "1e3", "0.0000001", "1,5", " 1", "٣"])
def test_what_is_no_decimal_of_six_places_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="decimal"):
        from_text(text)


@given(st.integers(0, 10**24))
def test_text_and_back_is_the_same(units: int) -> None:
    assert from_text(to_text(units)) == units


@pytest.mark.parametrize(("units", "places"), [(1_000_000, 0), (1_500_000, 1), (1_230_000, 2), (1, 6)])
def test_places_are_counted_from_the_point(units: int, places: int) -> None:
    assert has_places(units, places)
    assert places == 0 or not has_places(units, places - 1)


@given(st.integers(0, 10**30), st.integers(1, 10**12))
def test_ceil_div_is_the_least_that_covers(numerator: int, denominator: int) -> None:
    quotient = ceil_div(numerator, denominator)
    assert quotient * denominator >= numerator > (quotient - 1) * denominator
