"""The bounds of the fleet's float: all three or none, and apart, so that float does not go to and fro."""

from __future__ import annotations

import pytest

from remora.domain.errors import Malformed
from remora.domain.floats import FloatBounds
from remora.domain.money import Collateral
from remora.settings.environment import FloatSettings, Settings, load
from tests.unit.settings.conftest import Environment

NAMES = ("REMORA_FLOAT_FLOOR", "REMORA_FLOAT_TARGET", "REMORA_FLOAT_CEILING")


def test_float_moves_on_request_only_unless_bounds_are_set(environment: Environment) -> None:
    environment(**dict.fromkeys(NAMES, ""))
    assert load(Settings).float_bounds is None
    assert load(Settings).treasury_reserve == Collateral(0)


def test_the_bounds_are_read_without_keys(environment: Environment) -> None:
    environment(**dict(zip(NAMES, ("40", "100.5", "150"), strict=True)), REMORA_TREASURY_RESERVE="7")
    expected = FloatBounds(
        floor=Collateral(40_000_000), target=Collateral(100_500_000), ceiling=Collateral(150_000_000)
    )
    assert load(FloatSettings).float_bounds == load(Settings).float_bounds == expected
    assert load(FloatSettings).treasury_reserve == Collateral(7_000_000)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (("40", "", "150"), "40, none, 150"),
        (("", "100", ""), "none, 100, none"),
        (("100", "100", "150"), "100, 100, 150"),
        (("40", "150", "150"), "40, 150, 150"),
        (("150", "100", "40"), "150, 100, 40"),
    ],
)
def test_bounds_that_are_not_apart_are_refused(
    environment: Environment, given: tuple[str, str, str], shown: str
) -> None:
    environment(**dict(zip(NAMES, given, strict=True)))
    with pytest.raises(Malformed, match=f"expected none of them, or each above the one before, found {shown}$"):
        load(Settings)


@pytest.mark.parametrize("wrong", ["-1", "much"])
def test_what_is_no_amount_is_refused(environment: Environment, wrong: str) -> None:
    environment(REMORA_FLOAT_TARGET=wrong)
    with pytest.raises(Malformed, match="REMORA_FLOAT_TARGET: expected"):
        load(Settings)
