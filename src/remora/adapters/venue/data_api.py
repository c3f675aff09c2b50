"""The venue's public history of trades (the Data API, polymarket.md 3.2): late, without order hashes, of everybody.

Rows come newest first in pages; sizes and prices are JSON numbers, read as text.
"""

from __future__ import annotations

from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal, InvalidOperation
from types import TracebackType
from typing import Any, Self

from remora.adapters.venue.outcome import content
from remora.adapters.venue.transport import Timeouts, Transport
from remora.adapters.venue.wire import Request, mapping, number, sequence, text_of
from remora.domain.errors import Malformed, Retryable
from remora.domain.history import PublicTrade
from remora.domain.ids import Address, TokenId, TxHash, address, word
from remora.domain.money import Collateral, Price, Shares
from remora.domain.signal import Side
from remora.ports import Clock

_ROWS_PER_PAGE = 500
_MOST_PAGES = 20
"""Ten thousand trades of one wallet since one asked last: more is not a wallet that can be copied."""


class DataApi:
    """A PublicHistory. Made inside a running event loop; an async context manager."""

    def __init__(self, *, data_url: str, clock: Clock, timeouts: Timeouts | None = None) -> None:
        self._clock = clock
        self._transport = Transport(data_url, timeouts or Timeouts())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transport.close()

    async def trades(self, wallet: Address, since_s: int) -> list[PublicTrade]:
        """Return a wallet's trades since a time, as maker and as taker, oldest first.

        Raises Retryable when the venue cannot be reached or is busy, Malformed for rows that are not as documented.
        """
        query = {
            "user": wallet,
            "taker_only": "false",
            "start": str(since_s),
            "limit": str(_ROWS_PER_PAGE),
        }
        found: list[PublicTrade] = []
        for _ in range(_MOST_PAGES):
            document = mapping(await self._read(query))
            found += [_trade(row) for row in sequence(document, "data")]
            cursor = mapping(document.get("pagination")).get("next_cursor")
            if not cursor:
                break
            query["cursor"] = str(cursor)
        return found[::-1]

    async def has_traded(self, wallet: Address) -> bool:
        """Tell whether the history has any trade of a wallet."""
        return bool(sequence(await self._read({"user": wallet, "taker_only": "false", "limit": "1"}), "data"))

    async def positions_value(self, wallet: Address) -> Collateral:
        """Return what a wallet's shares are worth at present prices, rounded down; it learns of trades seconds late."""
        document = mapping(await self._read({"user": wallet}, path="/v2/value"))
        return Collateral(_units(document.get("data"), "value", rounding=ROUND_FLOOR))

    async def _read(self, query: dict[str, str], path: str = "/v2/trades") -> Any:
        answer = await self._transport.ask(Request(method="GET", path=path, query=query))
        found = content(answer, now_s=self._clock.now_us() // 1_000_000)
        if found is None:
            raise Retryable("the venue has no public history at this address")
        return found


def _trade(row: Any) -> PublicTrade:
    return PublicTrade(
        wallet=address(text_of(row, "proxy_wallet")),
        side=_side(text_of(row, "side")),
        token_id=TokenId(_whole(row, "token_id")),
        shares=Shares(_nearest_units(row, "size")),
        price=Price(_nearest_units(row, "price")),
        tx_hash=TxHash(word(text_of(row, "transaction_hash"))),
        traded_s=_whole(row, "timestamp"),
    )


def _side(text: str) -> Side:
    try:
        return Side(text)
    except ValueError:
        raise Malformed(f"expected a side BUY or SELL, found {text!r}") from None


def _whole(row: Any, key: str) -> int:
    text = number(mapping(row).get(key))
    if not text.isdecimal():
        raise Malformed(f"expected a whole number {key!r}, found {text!r}")
    return int(text)


def _nearest_units(row: Any, key: str) -> int:
    """Return a number in units of 10^-6, to the nearest: the history's figures come from floats."""
    return _units(row, key, rounding=ROUND_HALF_EVEN)


def _units(row: Any, key: str, *, rounding: str) -> int:
    text = number(mapping(row).get(key))
    try:
        return int(Decimal(text).scaleb(6).to_integral_value(rounding))
    except (InvalidOperation, ValueError, OverflowError):
        raise Malformed(f"expected a decimal number {key!r}, found {text!r}") from None
