"""The fields of the relayer's requests, each parsed strictly: what does not fit is refused by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from remora.devnet.clob.refusals import Refusal

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_BYTES = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
_DIGITS = re.compile(r"\d{1,78}", re.ASCII)
_UINT256 = 2**256
#: What one call of a batch, or a signature, may be long.
SHORT = 1024
#: What all calls of a safe or a proxy wallet together may be long.
LONG = 16_384


def invalid(place: str) -> Refusal:
    """Return the refusal of a request for one of its fields."""
    return Refusal(f"invalid request: {place}")


def an_object(value: object) -> Mapping[str, Any]:
    """Return a JSON object."""
    if not isinstance(value, dict):
        raise invalid("expected an object")
    return value


def an_address(value: object) -> str:
    """Return an address in lower case."""
    return _matching(_ADDRESS, value, "an address").lower()


def some_bytes(value: object, most: int = SHORT) -> bytes:
    """Return up to `most` bytes from hex with 0x."""
    if isinstance(value, str) and len(value) > 2 + 2 * most:
        raise invalid(f"expected at most {most} bytes")
    return bytes.fromhex(_matching(_BYTES, value, "bytes")[2:])


def a_number(value: object) -> int:
    """Return a number of at most 256 bits from decimal digits."""
    number = int(_matching(_DIGITS, value, "digits"))
    if number >= _UINT256:
        raise invalid("expected 256 bits")
    return number


def _matching(pattern: re.Pattern[str], value: object, what: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise invalid(f"expected {what}")
    return value
