"""Reads captured trades of real wallets: activity and trades of the Data API, recorded sessions, decoded fills.

A file is a list of rows, or an object with the list under events, rows, fills or data. Numbers keep the digits that
they were written with. What is no trade, or no whole row, is left out and told.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from remora.devnet.traders.outcome import Outcome
from remora.domain.errors import Malformed
from remora.domain.ids import Address, address
from remora.domain.signal import Side

_LISTS = ("events", "rows", "fills", "data")
#: What venues call the second outcome of a pair.
_SECOND = frozenset({"no", "down"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """A trade as it was captured, with the number of its row, counted from 1.

    `market` is the condition, or the token where the file has no conditions; `outcome` is None where it does not say.
    """

    row: int
    wallet: Address
    market: str
    title: str
    token: str
    outcome: Outcome | None
    side: Side
    price: Decimal
    size: Decimal
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What was done to a row: it was left out, or made to fit."""

    row: int
    text: str

    def __str__(self) -> str:
        return f"row {self.row}: {self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """The trades of a file in its order, and the rows that were left out."""

    trades: tuple[Captured, ...]
    left_out: tuple[Note, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Format:
    """Where a kind of file has what; `time_ms` is how many milliseconds its unit of time has."""

    name: str
    wallet: str
    asset: str
    price: str
    size: str
    time: str = ""
    time_ms: int = 1000
    market: str = ""


_DECODED = _Format(
    name="decoded fills", wallet="orderWallet", asset="tokenId", price="makerAmountFilled", size="takerAmountFilled"
)
_FORMATS = (
    _Format(
        name="Data API activity or trades",
        wallet="proxyWallet", asset="asset", price="price", size="size", time="timestamp", market="conditionId",
    ),
    _Format(
        name="recorded session",
        wallet="trader", asset="token_id", price="price", size="size",
        time="source_ts_ms", time_ms=1, market="market_id",
    ),
    _Format(
        name="Data API trades beside the chain", wallet="wallet", asset="token", price="api_price", size="api_size"
    ),
    _DECODED,
)  # fmt: skip


def read_capture(path: Path) -> Capture:
    """Read a file; raise Malformed when it is missing, no JSON, or of no known format."""
    rows = _rows(path)
    known = [kind for kind in _FORMATS if isinstance(rows[0], dict) and {kind.wallet, kind.asset} <= rows[0].keys()]
    if not known:
        formats = ", ".join(f"{kind.name} ({kind.wallet}, {kind.asset}, ...)" for kind in _FORMATS)
        raise Malformed(f"expected a file of {formats}; found something else")
    trades: list[Captured] = []
    left_out: list[Note] = []
    for number, row in enumerate(rows, start=1):
        try:
            trades.append(_trade(row, number, known[0]))
        except Malformed as error:
            left_out.append(Note(row=number, text=f"left out, {error}"))
    return Capture(trades=tuple(trades), left_out=tuple(left_out))


def _rows(path: Path) -> Sequence[Any]:
    try:
        document = json.loads(path.read_text(), parse_float=Decimal)
    except OSError as error:
        raise Malformed(f"expected captured trades in {path}, found {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise Malformed(f"expected JSON in {path}, found {error}") from None
    if isinstance(document, dict):
        document = next((document[key] for key in _LISTS if key in document), None)
    if not isinstance(document, list) or not document:
        raise Malformed(f"expected a list of trades, or one under {', '.join(_LISTS)}; found none")
    return document


def _trade(row: Any, number: int, kind: _Format) -> Captured:
    if not isinstance(row, dict):
        raise Malformed("it is no object")
    if row.get("type", "TRADE") != "TRADE":
        raise Malformed(f"it is no trade but {row['type']}")
    side = _side(row)
    price, size = _price_and_size(row, side, kind)
    if not (0 < price < 1 and 0 < size < 10**9):
        raise Malformed(f"expected a price between 0 and 1 and a size above 0, found {price} and {size}")
    token = str(_of(row, kind.asset))
    return Captured(
        row=number,
        wallet=address(_of(row, kind.wallet)),
        market=str(_of(row, kind.market)) if kind.market else token,
        title=str(row.get("title", "")),
        token=token,
        outcome=_outcome(row),
        side=side,
        price=price,
        size=size,
        at_ms=int(_number(row, kind.time)) * kind.time_ms if kind.time else 0,
    )


def _side(row: Mapping[str, Any]) -> Side:
    word = str(row.get("side"))
    if word not in Side.__members__:
        raise Malformed(f"expected a side BUY or SELL, found {word!r}")
    return Side(word)


def _price_and_size(row: Mapping[str, Any], side: Side, kind: _Format) -> tuple[Decimal, Decimal]:
    """Return price and shares; a fill has base units of what its maker gave and got."""
    price, size = _number(row, kind.price), _number(row, kind.size)
    if kind is not _DECODED:
        return price, size
    collateral, shares = (price, size) if side is Side.BUY else (size, price)
    return (collateral / shares if shares else Decimal(0)), shares.scaleb(-6)


def _of(row: Mapping[str, Any], key: str) -> Any:
    if not row.get(key):
        raise Malformed(f"it has no {key}")
    return row[key]


def _number(row: Mapping[str, Any], key: str) -> Decimal:
    raw = row.get(key)
    try:
        number = Decimal(raw) if isinstance(raw, str | int | Decimal) else Decimal("nan")
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite():
        raise Malformed(f"expected a number in {key}, found {raw!r}")
    return number


def _outcome(row: Mapping[str, Any]) -> Outcome | None:
    if row.get("outcomeIndex") in (0, 1):
        return Outcome.NO if row["outcomeIndex"] else Outcome.YES
    word = row.get("outcome")
    if not word:
        return None
    return Outcome.NO if str(word).lower() in _SECOND else Outcome.YES
