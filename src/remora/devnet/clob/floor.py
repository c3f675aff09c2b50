"""Where resting orders stand: the books, who has which orders in them, and what orders and trades hold of purses."""

from __future__ import annotations

from collections import Counter, defaultdict

from remora.devnet.clob.audience import Audience, OrderEvent, Spot
from remora.devnet.clob.book import Book, OrderStatus, PlacedOrder
from remora.devnet.clob.funds import Funds, purse_of
from remora.devnet.clob.listings import Listing
from remora.devnet.clob.trades import Trade
from remora.devnet.remembering import Remembering


class Floor(Remembering):
    """All books, and the claims of what stands in them; the audience hears of a book's changes when it is told to."""

    remembered = ("volumes", "_books", "_live")

    def __init__(self, *, funds: Funds, audience: Audience) -> None:
        self.funds = funds
        self.audience = audience
        self.volumes: Counter[str] = Counter()
        self._books: defaultdict[str, Book] = defaultdict(Book)
        self._live: defaultdict[str, dict[str, PlacedOrder]] = defaultdict(dict)
        self._spots: dict[Spot, None] = {}

    def book(self, listing: Listing) -> Book:
        """Return a market's book."""
        return self._books[listing.market.condition_id]

    def live_orders(self, address: str) -> list[PlacedOrder]:
        """Return the resting orders that an address made, or placed for its wallet."""
        return list(self._live[address].values())

    def cancel(self, order: PlacedOrder, status: OrderStatus) -> None:
        """Take a live order off the book, and tell of it."""
        self.leave(order, status)
        self.audience.order_changed(order, OrderEvent.CANCELLATION)
        self.tell_of_book(order.listing)

    def enter(self, order: PlacedOrder) -> None:
        """Rest an order; it holds what it may still give."""
        self.book(order.listing).add(order)
        for address in {order.maker, order.trader}:
            self._live[address][order.id] = order
        self.funds.active[purse_of(order)] += order.making_left
        self.touch(order)

    def leave(self, order: PlacedOrder, status: OrderStatus) -> None:
        """Take an order off the book, with what it held."""
        self.book(order.listing).remove(order)
        for address in {order.maker, order.trader}:
            del self._live[address][order.id]
        self.funds.active[purse_of(order)] -= order.making_left
        order.making_left = order.shares_left = 0
        order.status = status
        self.touch(order)

    def claim(self, trade: Trade, sign: int) -> None:
        """Hold what a trade moves until the chain tells of it, or (-1) no longer."""
        self.funds.matched[purse_of(trade.taker)] += sign * trade.claim
        for fill in trade.fills:
            self.funds.matched[purse_of(fill.maker)] += sign * fill.making

    def touch(self, order: PlacedOrder) -> None:
        """Note that an order's place in its book has changed."""
        self._spots[Spot(order.is_bid, order.yes_price)] = None

    def tell_of_book(self, listing: Listing) -> None:
        """Tell of the places that have changed since."""
        if self._spots:
            spots, self._spots = self._spots, {}
            self.audience.book_changed(listing, self.book(listing), spots)
