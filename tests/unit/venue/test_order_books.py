"""Books as they arrive and as they are kept: best first, and changed place by place."""

from __future__ import annotations

from typing import Any

import pytest

from remora.adapters.venue.books import LiveBook, parse_book, parse_books
from remora.domain.errors import Malformed
from remora.domain.ids import TokenId
from remora.domain.market import Level
from remora.domain.money import Price, Shares

MS = 1_795_368_118_133


def level(price: str, shares: str) -> Level:
    return Level(price=Price.parse(price), shares=Shares.parse(shares))


def book(bids: list[tuple[str, str]], asks: list[tuple[str, str]]) -> dict[str, Any]:
    return {
        "asset_id": "7",
        "timestamp": "1795368118133",
        "bids": [{"price": price, "size": size} for price, size in bids],
        "asks": [{"price": price, "size": size} for price, size in asks],
    }


@pytest.mark.parametrize(
    ("raw", "bid", "ask"),
    [
        # Worst first, as the venue sends it: 0.51 / 0.52, not 0.01 / 0.99.
        (book([("0.01", "900"), ("0.5", "3"), ("0.51", "7")], [("0.99", "900"), ("0.53", "1"), ("0.52", "2")]), 51, 52),
        # Best first, should it ever change its mind.
        (book([("0.51", "7"), ("0.01", "900")], [("0.52", "2"), ("0.99", "900")]), 51, 52),
        # A level without size is nobody's offer.
        (book([("0.51", "7"), ("0.6", "0")], [("0.4", "0.000"), ("0.52", "2")]), 51, 52),
        (book([], [("0.52", "2")]), None, 52),
        (book([("0.51", "2")], []), 51, None),
        (book([], []), None, None),
    ],
)
def test_best_prices_do_not_depend_on_the_order_of_the_levels(
    raw: dict[str, Any], bid: int | None, ask: int | None
) -> None:
    found = parse_book(raw)
    assert found.best_bid == (None if bid is None else Price(bid * 10_000))
    assert found.best_ask == (None if ask is None else Price(ask * 10_000))


@pytest.mark.parametrize(
    "raw",
    [
        None,
        [],
        {"bids": []},
        {"bids": None, "asks": []},
        book([("x", "1")], []),
        {"bids": [[1, 2]], "asks": []},
        {**book([], []), "timestamp": None},
        {**book([], []), "timestamp": "1.5"},
    ],
)
def test_a_book_that_cannot_be_read_is_malformed_and_not_empty(raw: Any) -> None:
    with pytest.raises(Malformed):
        parse_book(raw)


def change(side: str, price: str, size: str, **more: str) -> dict[str, str]:
    return {"asset_id": "7", "side": side, "price": price, "size": size, **more}


def test_levels_are_best_first_with_all_their_shares() -> None:
    found = parse_book(book([("0.01", "900"), ("0.51", "7.5")], [("0.99", "900"), ("0.52", "2")]))
    assert found.bids == (level("0.51", "7.5"), level("0.01", "900"))
    assert found.asks == (level("0.52", "2"), level("0.99", "900"))
    assert found.as_of_us == MS * 1000


def test_books_are_told_apart_by_their_tokens() -> None:
    found = parse_books([book([], []), {**book([("0.4", "1")], []), "asset_id": str(2**255)}])
    assert found.keys() == {TokenId(7), TokenId(2**255)}
    assert found[TokenId(2**255)].best_bid == Price(400_000)


@pytest.mark.parametrize("raw", [None, {}, [None], [{**book([], []), "asset_id": "x"}]])
def test_books_that_cannot_be_read_are_malformed(raw: Any) -> None:
    with pytest.raises(Malformed):
        parse_books(raw)


@pytest.mark.parametrize(
    ("changes", "bids", "asks"),
    [
        # A place is what it is told to be, not more of what it was.
        ([change("BUY", "0.51", "9")], [("0.51", "9"), ("0.5", "3")], [("0.53", "1")]),
        ([change("BUY", "0.51", "9")] * 2, [("0.51", "9"), ("0.5", "3")], [("0.53", "1")]),
        ([change("BUY", "0.51", "0")], [("0.5", "3")], [("0.53", "1")]),
        ([change("SELL", "0.52", "4")], [("0.51", "7"), ("0.5", "3")], [("0.52", "4"), ("0.53", "1")]),
        ([change("SELL", "0.53", "0")], [("0.51", "7"), ("0.5", "3")], []),
        ([change("SELL", "0.9", "0")], [("0.51", "7"), ("0.5", "3")], [("0.53", "1")]),
    ],
)
def test_changes(changes: list[dict[str, str]], bids: list[tuple[str, str]], asks: list[tuple[str, str]]) -> None:
    live = LiveBook.of(book([("0.5", "3"), ("0.51", "7")], [("0.53", "1")]))
    for each in changes:
        live.change(each, 5)
    assert live.shown().bids == tuple(level(*each) for each in bids)
    assert live.shown().asks == tuple(level(*each) for each in asks)
    assert live.shown().as_of_us == 5


@pytest.mark.parametrize("raw", [None, change("HOLD", "0.5", "1"), change("BUY", "x", "1"), change("BUY", "0.5", "")])
def test_a_change_that_cannot_be_read_is_malformed(raw: Any) -> None:
    with pytest.raises(Malformed):
        LiveBook.of(book([], [])).change(raw, 5)


@pytest.mark.parametrize(
    ("best_bid", "best_ask", "agrees"),
    [("0.51", "0.53", True), ("0.510", "0.53", True), ("0.5", "0.53", False), ("0.51", "0.52", False)],
)
def test_a_book_that_missed_a_change_is_found_out(best_bid: str, best_ask: str, *, agrees: bool) -> None:
    live = LiveBook.of(book([("0.5", "3"), ("0.51", "7")], [("0.53", "1")]))
    assert live.agrees(change("BUY", "0.51", "7", best_bid=best_bid, best_ask=best_ask)) is agrees


def test_an_empty_side_is_0_or_1_in_a_change() -> None:
    assert LiveBook.of(book([], [])).agrees(change("BUY", "0.51", "0", best_bid="0", best_ask="1"))
    assert LiveBook.of(book([], [])).agrees(change("BUY", "0.51", "0"))
