"""What the order book tells of its changes, and to whom."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from remora.devnet.clob.book import Book, PlacedOrder
from remora.devnet.clob.listings import Listing
from remora.devnet.clob.trades import Trade


class OrderEvent(StrEnum):
    """What the user channel calls a change of an order."""

    PLACEMENT = "PLACEMENT"
    UPDATE = "UPDATE"
    CANCELLATION = "CANCELLATION"


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in a book whose shares changed."""

    is_bid: bool
    yes_price: int


class Audience(Protocol):
    """Who hears of changes; told after the fact, must not call back."""

    def order_changed(self, order: PlacedOrder, event: OrderEvent) -> None: ...

    def trade_changed(self, trade: Trade) -> None: ...

    def book_changed(self, listing: Listing, book: Book, spots: Iterable[Spot]) -> None: ...
