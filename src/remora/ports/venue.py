"""The seams to the venue: its order book, its catalogue, and what it tells anybody."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from remora.domain.history import PublicTrade
from remora.domain.ids import Address, OrderHash, TokenId
from remora.domain.market import Book, Listing, MarketInfo
from remora.domain.money import Collateral
from remora.domain.order import (
    Acknowledgement,
    OrderReport,
    SignedOrder,
)


class Venue(Protocol):
    """The order book."""

    async def authenticate(self, wallet: Address) -> None:
        """Make or find the wallet's API key. Must succeed before the wallet submits or asks for orders."""
        ...

    async def market(self, token_id: TokenId) -> MarketInfo | None:
        """Return what the venue knows of the token's market, None when it knows none."""
        ...

    async def book(self, token_id: TokenId) -> Book | None:
        """Return the order book, best prices first, None when the venue has none for the token."""
        ...

    async def books(self, token_ids: Collection[TokenId]) -> Mapping[TokenId, Book]:
        """Return the order books of many tokens; those that the venue has none of are left out."""
        ...

    async def submit(self, order: SignedOrder, *, wanted: Callable[[], bool] | None = None) -> Acknowledgement:
        """Post an order, once.

        It may stand in line for the venue's limits before. Whether it is still `wanted` is asked when its turn has
        come; if it is not, nothing is posted, and that is Retryable without a delay.

        Raises Refused with the venue's words, OutcomeUnknown when it may have been accepted (time-out, lost connection,
        5xx, an answer that cannot be read), Retryable when it provably was not looked at (429, 425, 503).
        """
        ...

    async def cancel(self, order_hash: OrderHash, wallet: Address) -> bool:
        """Take an order out of the book; False when it is not in there. What it matched before stays matched.

        Asking again is safe, and the only thing to do after Retryable: it may have been taken out all the same.
        """
        ...

    async def report(self, order_hash: OrderHash, wallet: Address) -> OrderReport | None:
        """Return what the venue knows of an order, None when it proves that it has none of this hash."""
        ...

    async def open_orders(self, wallet: Address) -> list[OrderHash]:
        """Return the orders of a wallet that rest in the book."""
        ...


class LiveBooks(Protocol):
    """Order books that the venue keeps us informed of, for tokens in play."""

    def follow(self, token_ids: Collection[TokenId]) -> None:
        """Count tokens as in play from now on; there is a bound, and those named longest ago go first."""
        ...

    def book(self, token_id: TokenId) -> Book | None:
        """Return a token's book if it was heard of lately, None otherwise: then it must be asked for."""
        ...


class Listings(Protocol):
    """How the venue describes its markets."""

    async def listing(self, token_id: TokenId) -> Listing | None:
        """Return the description of a token's market; None when the venue has none, or cannot tell it now."""
        ...


class PublicHistory(Protocol):
    """What the venue tells anybody of a wallet's trades, some seconds late."""

    async def trades(self, wallet: Address, since_s: int) -> list[PublicTrade]:
        """Return a wallet's trades since a time, as maker and as taker, oldest first."""
        ...

    async def has_traded(self, wallet: Address) -> bool:
        """Tell whether the wallet ever traded."""
        ...

    async def positions_value(self, wallet: Address) -> Collateral:
        """Return what a wallet's shares are worth at present prices, rounded down."""
        ...
