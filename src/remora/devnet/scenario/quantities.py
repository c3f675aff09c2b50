"""The quantities of a scenario file: text in, whole base units out, and nothing is rounded away.

Durations are written in seconds and kept in milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from remora.domain.errors import Malformed
from remora.domain.ids import Address, address
from remora.domain.money import ONE, Price, Shares, parse_units

_LONGEST_MS = 366 * 86_400_000
_MOST_SHARES = Shares(10_000_000 * ONE)
#: The venue takes shares in hundredths (polymarket.md 3.3).
SHARE_STEP_UNITS = 10_000


def _read(parse: Callable[[str], Any]) -> Callable[[Any], Any]:
    """Return a validator that reads a file's text, and tells what `parse` says against it."""

    def read(raw: Any) -> Any:
        if isinstance(raw, list | dict):
            raise ValueError("expected a single value")  # noqa: TRY004 - pydantic collects ValueErrors
        try:
            return parse(raw) if isinstance(raw, str) else raw
        except Malformed as error:
            raise ValueError(str(error).partition(", found")[0]) from None

    return read


def _ms(text: str) -> int:
    return parse_units(text, 3)


def _not_negative(ms: int) -> int:
    if not 0 <= ms <= _LONGEST_MS:
        raise ValueError("expected seconds from 0 to a year's")
    return ms


def _positive(ms: int) -> int:
    if not 0 < ms <= _LONGEST_MS:
        raise ValueError("expected seconds above 0, at most a year's")
    return ms


def _price(price: Price) -> Price:
    if not 0 < price.units < ONE:
        raise ValueError("expected a price between 0 and 1")
    return price


def _width(width: Price) -> Price:
    if not 0 < width.units < ONE:
        raise ValueError("expected a difference of prices above 0 and below 1")
    return width


def _swing(swing: Price) -> Price:
    if not 0 <= swing.units < ONE:
        raise ValueError("expected a change of price of at least 0 and below 1")
    return swing


def _order_size(shares: Shares) -> Shares:
    if not 0 < shares.units <= _MOST_SHARES.units:
        raise ValueError(f"expected shares above 0, at most {_MOST_SHARES}")
    if shares.units % SHARE_STEP_UNITS:
        raise ValueError("expected shares with at most 2 decimals, as the venue takes them")
    return shares


#: When something happens after the start, and how long something takes.
Moment = Annotated[int, AfterValidator(_not_negative), BeforeValidator(_read(_ms))]
Duration = Annotated[int, AfterValidator(_positive), BeforeValidator(_read(_ms))]
PriceField = Annotated[Price, AfterValidator(_price), BeforeValidator(_read(Price.parse))]
Width = Annotated[Price, AfterValidator(_width), BeforeValidator(_read(Price.parse))]
Swing = Annotated[Price, AfterValidator(_swing), BeforeValidator(_read(Price.parse))]
OrderSize = Annotated[Shares, AfterValidator(_order_size), BeforeValidator(_read(Shares.parse))]
AddressField = Annotated[Address, BeforeValidator(_read(address))]
