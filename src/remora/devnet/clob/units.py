"""Base units and their decimal text: the venue's API speaks decimal strings, everything behind it integers.

Collateral and shares both have six decimals, so one number, ONE, is a unit of collateral, a share, and the price 1.
"""

from __future__ import annotations

import re

#: One unit of collateral, one share, and a price of 1.
ONE = 1_000_000
_DECIMALS = 6
_DECIMAL_TEXT = re.compile(r"(\d{1,60})(?:\.(\d{1,6}))?", re.ASCII)


def to_text(units: int) -> str:
    """Return base units as the shortest decimal text: 1_500_000 is "1.5", 0 is "0"."""
    whole, fraction = divmod(units, ONE)
    return f"{whole}.{fraction:0{_DECIMALS}d}".rstrip("0").rstrip(".")


def from_text(text: str) -> int:
    """Return the base units of a decimal text; ValueError when it is none, or finer than 10^-6."""
    parts = _DECIMAL_TEXT.fullmatch(text)
    if parts is None:
        raise ValueError(f"expected a decimal of at most {_DECIMALS} places, found {text!r}")
    return int(parts[1]) * ONE + int((parts[2] or "").ljust(_DECIMALS, "0"))


def has_places(units: int, places: int) -> bool:
    """Tell whether the amount needs no more than `places` decimals."""
    return units % int(10 ** (_DECIMALS - places)) == 0


def ceil_div(numerator: int, denominator: int) -> int:
    """Divide rounding up."""
    return -(-numerator // denominator)
