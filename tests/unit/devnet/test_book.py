"""The order book: price, then time."""

from __future__ import annotations

import itertools

from remora.devnet.clob.book import Book, PlacedOrder
from remora.devnet.clob.orders import Side
from remora.devnet.clob.units import from_text
from tests.unit.devnet.scene import ALICE, NO, YES, limit, listing

_numbers = itertools.count(1)


def resting(side: Side, token: int, price: str, shares: str = "10") -> PlacedOrder:
    order = limit(ALICE, side, token, shares, price)
    number = next(_numbers)
    return PlacedOrder(
        id=hex(number),
        request=order,
        trader=ALICE,
        listing=listing(),
        price=from_text(price),
        sequence=number,
        created_s=0,
        making_left=order.order.maker_amount,
        shares_left=order.order.shares,
    )


def book_of(*orders: PlacedOrder) -> Book:
    book = Book()
    for order in orders:
        book.add(order)
    return book


def test_orders_for_no_stand_on_the_other_side_at_the_complement() -> None:
    book = book_of(resting(Side.BUY, NO, "0.45"), resting(Side.SELL, NO, "0.70"))
    assert (book.best_ask(is_yes=True), book.best_bid(is_yes=True)) == (550_000, 300_000)
    assert (book.best_bid(is_yes=False), book.best_ask(is_yes=False)) == (450_000, 700_000)


def test_a_level_sums_both_tokens_and_empties() -> None:
    yes, no = resting(Side.SELL, YES, "0.55", "7"), resting(Side.BUY, NO, "0.45", "3")
    book = book_of(yes, no)
    assert [(level.price, level.shares) for level in book.asks(is_yes=True)] == [(550_000, 10_000_000)]
    book.remove(yes)
    book.remove(no)
    assert book.asks(is_yes=True) == []
    assert book.level(is_bid=False, yes_price=550_000).shares == 0


def test_the_best_price_comes_first_and_then_the_oldest() -> None:
    first, second = resting(Side.SELL, YES, "0.55"), resting(Side.BUY, NO, "0.45")
    better, worse = resting(Side.SELL, YES, "0.54"), resting(Side.SELL, YES, "0.56")
    book = book_of(worse, second, first, better)
    assert list(book.against(is_bid=True)) == [better, first, second, worse]


def test_an_order_that_comes_back_takes_its_old_place() -> None:
    first, second, third = (resting(Side.BUY, YES, "0.40") for _ in range(3))
    book = book_of(first, second, third)
    book.remove(first)
    book.add(first)
    assert list(book.against(is_bid=False)) == [first, second, third]


def test_crossing_is_told_at_equal_prices() -> None:
    book = book_of(resting(Side.SELL, YES, "0.55"))
    assert book.would_cross(resting(Side.BUY, YES, "0.55"))
    assert book.would_cross(resting(Side.SELL, NO, "0.45"))
    assert not book.would_cross(resting(Side.BUY, YES, "0.54"))
    assert not book.would_cross(resting(Side.SELL, YES, "0.54"))
