"""Amounts as integer base units, one class per unit, so that adding collateral to shares neither type-checks nor runs.

Collateral and shares have 6 decimals, wei 18, a price is collateral base units per 10^6 share base units. Proportions
go through `mul_div_floor`, `mul_div_ceil` and `mul_div_nearest`: the direction of rounding is in the name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal, InvalidOperation
from typing import ClassVar, Self

from remora.domain.errors import Malformed

ONE = 1_000_000
"""Base units of one whole collateral token or one whole share."""

BPS = 10_000
"""Basis points of one whole."""


def mul_div_floor(a: int, b: int, divisor: int) -> int:
    """Return a x b / divisor rounded towards minus infinity. A divisor of zero raises ZeroDivisionError."""
    return a * b // divisor


def mul_div_ceil(a: int, b: int, divisor: int) -> int:
    """Return a x b / divisor rounded towards plus infinity. A divisor of zero raises ZeroDivisionError."""
    return -(-a * b // divisor)


def mul_div_nearest(a: int, b: int, divisor: int) -> int:
    """Return a x b / divisor rounded to the nearest, halves up. For figures that are shown, never for what is paid."""
    return (2 * a * b + divisor) // (2 * divisor)


def parse_units(text: str, decimals: int) -> int:
    """Return the base units of a decimal text such as "12.5".

    Raises Malformed when the text is no finite decimal or has more than `decimals` decimals: nothing is rounded away.
    """
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise Malformed(f"expected a decimal number, found {text!r}") from None
    if not value.is_finite():
        raise Malformed(f"expected a finite number, found {text!r}")
    if value.adjusted() >= _LARGEST_EXPONENT:
        raise Malformed(f"expected a number below 10^{_LARGEST_EXPONENT}, found {text!r}")
    scaled = value.scaleb(decimals, _EXACT)
    if scaled != scaled.to_integral_value():
        raise Malformed(f"expected at most {decimals} decimals, found {text!r}")
    return int(scaled)


_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)
"""Decimal's default context keeps 28 digits, and would round a longer text silently."""

_LARGEST_EXPONENT = 20
"""More than there is of any unit; a text such as 1e999999 must not become an integer that fills the memory."""


def format_units(units: int, decimals: int) -> str:
    """Return base units as a plain decimal text without trailing zeros: 2880000 with 6 decimals is "2.88"."""
    sign, digits = ("-", str(-units)) if units < 0 else ("", str(units))
    digits = digits.rjust(decimals + 1, "0")
    whole, fraction = digits[:-decimals], digits[-decimals:].rstrip("0")
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


@dataclass(frozen=True, slots=True, order=True, init=False)
class _Units:
    """A whole number of base units; only equal types add, subtract and compare."""

    units: int
    decimals: ClassVar[int] = 6

    def __init__(self, units: int) -> None:
        # Amounts are made by the hundred thousand: a frozen dataclass's own __init__ takes half as long again.
        _put_units(self, units)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a decimal text of whole units; Malformed when it is none or too precise."""
        return cls(parse_units(text, cls.decimals))

    def __add__(self, other: Self) -> Self:
        return type(self)(self.units + self._units_of(other))

    def __sub__(self, other: Self) -> Self:
        return type(self)(self.units - self._units_of(other))

    def __bool__(self) -> bool:
        return self.units != 0

    def __str__(self) -> str:
        return format_units(self.units, self.decimals)

    def _units_of(self, other: Self) -> int:
        if type(self) is not type(other):
            raise TypeError(f"expected {type(self).__name__}, found {type(other).__name__}")
        return other.units


_put_units: Callable[[_Units, int], None] = vars(_Units)["units"].__set__
"""Writes the slot once, past the lock of a frozen dataclass."""


class Collateral(_Units):
    """An amount of the venue's collateral token, in 10^-6. May be negative as a difference."""

    __slots__ = ()


class Shares(_Units):
    """A number of outcome shares, in 10^-6. May be negative as a difference."""

    __slots__ = ()


class Wei(_Units):
    """An amount of the chain's native coin, in 10^-18."""

    __slots__ = ()
    decimals: ClassVar[int] = 18


class Price(_Units):
    """Collateral base units per 10^6 share base units: 520000 is 0.52, between 0 and 1 for an outcome share."""

    __slots__ = ()

    @classmethod
    def of(cls, collateral: Collateral, shares: Shares) -> Self:
        """Return collateral / shares to the nearest 10^-6, a figure to show and compare; zero shares give price 0."""
        return cls(mul_div_nearest(collateral.units, ONE, shares.units) if shares else 0)

    def cost_floor(self, shares: Shares) -> Collateral:
        """Return what the shares cost at this price, rounded down."""
        return Collateral(mul_div_floor(shares.units, self.units, ONE))

    def shares_floor(self, collateral: Collateral) -> Shares:
        """Return the shares that the collateral buys at this price, rounded down."""
        return Shares(mul_div_floor(collateral.units, ONE, self.units))

    def complement(self) -> Price:
        """Return the price of the other outcome, 1 - p."""
        return Price(ONE - self.units)

    def __str__(self) -> str:
        return format_units(self.units, 6)


class Ratio(_Units):
    """A factor without a unit, in 10^-6: 250000 is 0.25."""

    __slots__ = ()

    def floor(self, units: int) -> int:
        """Return `units` x ratio, rounded down."""
        return mul_div_floor(units, self.units, ONE)

    def ceil(self, units: int) -> int:
        """Return `units` x ratio, rounded up."""
        return mul_div_ceil(units, self.units, ONE)


ZERO_COLLATERAL = Collateral(0)
ZERO_SHARES = Shares(0)
ZERO_WEI = Wei(0)
