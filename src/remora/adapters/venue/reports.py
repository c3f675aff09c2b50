"""What the venue says of a placed order and of its trades, put together to one report (polymarket.md 3.2, 3.6).

Pure. A trade here is one match: our order is its taker or one of its makers. A trade is final when it is CONFIRMED or
FAILED; a failed one moved nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from remora.adapters.venue.wire import mapping, number, sequence, text_of
from remora.domain.ids import OrderHash, TxHash, word
from remora.domain.money import ZERO_SHARES, Shares
from remora.domain.order import OrderReport

END_CURSOR = "LTE="
"""The venue's cursor after the last page."""

_FINAL = frozenset({"CONFIRMED", "FAILED"})
_CLOSED = frozenset({"MATCHED", "UNMATCHED", "INVALID"})
_CANCELED = "CANCELED"
"""Every kind of cancellation starts with this word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedOrder:
    """An order as GET /data/order/{hash} lists it; `trade_ids` are the matches it is part of."""

    status: str
    matched: Shares
    trade_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TradePart:
    """Our order's part in one trade."""

    trade_id: str
    status: str
    shares: Shares
    tx_hash: TxHash | None


def parse_listed_order(raw: Any) -> ListedOrder | None:
    """Read GET /data/order/{hash}; null, and an empty object, mean that the venue lists no such order."""
    if not raw:
        return None
    return ListedOrder(
        status=_plain(text_of(raw, "status"), "ORDER_STATUS_"),
        matched=_shares(mapping(raw).get("size_matched")),
        trade_ids=tuple(str(trade_id) for trade_id in mapping(raw).get("associate_trades") or ()),
    )


def parse_trades(raw: Any, order_hash: OrderHash) -> tuple[list[TradePart], str | None]:
    """Read a page of GET /data/trades: the order's parts in its trades, and the cursor of the next page if any."""
    return [part for trade in sequence(raw, "data") if (part := _part(trade, order_hash)) is not None], _cursor(raw)


def parse_open_orders(raw: Any) -> tuple[list[OrderHash], str | None]:
    """Read a page of GET /data/orders: the hashes of resting orders, and the cursor of the next page if any."""
    return [OrderHash(word(text_of(order, "id"))) for order in sequence(raw, "data")], _cursor(raw)


def _cursor(raw: Any) -> str | None:
    cursor = mapping(raw).get("next_cursor")
    return text_of(raw, "next_cursor") if cursor not in {None, "", END_CURSOR} else None


def order_report(order_hash: OrderHash, listed: ListedOrder | None, parts: Sequence[TradePart]) -> OrderReport | None:
    """Return what listing and trades say together; None when there is neither.

    The order is pending unless its status is known to be a final one, and then while a trade is not final or has no
    transaction, while the listing speaks of more than the trades seen, and while it is matched and no trade is seen.
    """
    if listed is None and not parts:
        return None
    status, claimed = (listed.status, listed.matched) if listed else ("MATCHED", ZERO_SHARES)
    seen = _total(parts)
    moved = [part for part in parts if part.status != "FAILED"]
    unsure = any(part.status not in _FINAL for part in parts) or any(part.tx_hash is None for part in moved)
    untold = seen < claimed or (status == "MATCHED" and not seen)
    return OrderReport(
        order_hash=order_hash,
        status=status,
        matched=_total(moved),
        failed=seen - _total(moved),
        tx_hashes=tuple(dict.fromkeys(part.tx_hash for part in moved if part.tx_hash is not None)),
        pending=not _is_closed(status) or unsure or untold,
    )


def _is_closed(status: str) -> bool:
    return status in _CLOSED or status.startswith(_CANCELED)


def _part(trade: Any, order_hash: OrderHash) -> TradePart | None:
    shares = _shares_of_order(trade, order_hash)
    if shares is None:
        return None
    return TradePart(
        trade_id=text_of(trade, "id"),
        status=_plain(text_of(trade, "status"), "TRADE_STATUS_"),
        shares=shares,
        tx_hash=_tx_hash(trade.get("transaction_hash")),
    )


def _tx_hash(raw: Any) -> TxHash | None:
    """Read a transaction hash; a trade that is not broadcast yet has none, or an empty one."""
    return TxHash(word(raw)) if raw else None


def _shares_of_order(trade: Any, order_hash: OrderHash) -> Shares | None:
    if text_of(trade, "taker_order_id").lower() == order_hash:
        return _shares(trade.get("size"))
    made = [maker for maker in trade.get("maker_orders") or () if text_of(maker, "order_id").lower() == order_hash]
    return sum((_shares(maker.get("matched_amount")) for maker in made), start=ZERO_SHARES) if made else None


def _total(parts: Sequence[TradePart]) -> Shares:
    return sum((part.shares for part in parts), start=ZERO_SHARES)


def _shares(raw: Any) -> Shares:
    return Shares.parse(number(raw) or "0")


def _plain(status: str, prefix: str) -> str:
    """REST writes some statuses with a prefix, the stream without."""
    return status.upper().removeprefix(prefix)
