"""What listing and trades say together of one order."""

from __future__ import annotations

from typing import Any

import pytest

from remora.adapters.venue.reports import (
    ListedOrder,
    TradePart,
    order_report,
    parse_listed_order,
    parse_open_orders,
    parse_trades,
)
from remora.domain.errors import Malformed
from remora.domain.ids import OrderHash, TxHash
from remora.domain.money import Shares

OURS = OrderHash("0x" + 64 * "a")
OTHER = "0x" + 64 * "b"
TX = TxHash("0x" + 64 * "c")


def listed(status: str, matched: int, trades: int = 1) -> ListedOrder:
    return ListedOrder(status=status, matched=Shares(matched), trade_ids=tuple(str(i) for i in range(trades)))


def part(status: str, shares: int) -> TradePart:
    return TradePart(trade_id="t", status=status, shares=Shares(shares), tx_hash=TX)


def unsent(status: str, shares: int) -> TradePart:
    return TradePart(trade_id="t", status=status, shares=Shares(shares), tx_hash=None)


@pytest.mark.parametrize(
    ("listing", "parts", "status", "matched", "pending"),
    [
        (listed("LIVE", 0), [], "LIVE", 0, True),
        (listed("DELAYED", 0), [], "DELAYED", 0, True),
        (listed("CANCELED", 0), [], "CANCELED", 0, False),
        (listed("MATCHED", 5), [part("CONFIRMED", 5)], "MATCHED", 5, False),
        (listed("MATCHED", 5), [part("MATCHED", 5)], "MATCHED", 5, True),
        (listed("MATCHED", 5), [part("MATCHED_NOT_BROADCASTED", 5)], "MATCHED", 5, True),
        (listed("MATCHED", 5), [part("MINED", 5)], "MATCHED", 5, True),
        (listed("MATCHED", 5), [part("RETRYING", 5)], "MATCHED", 5, True),
        (listed("MATCHED", 5), [part("FAILED", 5)], "MATCHED", 0, False),
        # A ghost fill beside a real one: 3 + 2 matched, 2 failed, 3 remain.
        (listed("CANCELED", 5, 2), [part("CONFIRMED", 3), part("FAILED", 2)], "CANCELED", 3, False),
        (listed("LIVE", 5), [part("CONFIRMED", 5)], "LIVE", 5, True),
        # The listing speaks of 5, of which the trades show 3 so far.
        (listed("MATCHED", 5, 2), [part("CONFIRMED", 3)], "MATCHED", 3, True),
        (listed("MATCHED", 5, 0), [], "MATCHED", 0, True),
        # Words that are not known to be final prove nothing.
        (listed("MATCHED", 0), [], "MATCHED", 0, True),
        (listed("", 0), [], "", 0, True),
        (listed("SOMETHING_NEW", 0), [], "SOMETHING_NEW", 0, True),
        (listed("CANCELED_MARKET_RESOLVED", 0), [], "CANCELED_MARKET_RESOLVED", 0, False),
        (listed("MATCHED", 5), [unsent("CONFIRMED", 5)], "MATCHED", 5, True),
        # Not listed any more, but traded.
        (None, [part("CONFIRMED", 3), part("CONFIRMED", 4)], "MATCHED", 7, False),
        (None, [part("CONFIRMED", 3), part("MINED", 4)], "MATCHED", 7, True),
    ],
)
def test_report(
    listing: ListedOrder | None, parts: list[TradePart], status: str, matched: int, *, pending: bool
) -> None:
    report = order_report(OURS, listing, parts)
    assert report is not None
    assert (report.order_hash, report.status, report.matched, report.pending) == (
        OURS,
        status,
        Shares(matched),
        pending,
    )


def test_report_tells_failed_shares_and_the_transactions_of_the_others() -> None:
    report = order_report(OURS, listed("MATCHED", 5, 2), [part("CONFIRMED", 3), unsent("FAILED", 2)])
    assert report is not None
    assert (report.matched, report.failed, report.tx_hashes, report.pending) == (Shares(3), Shares(2), (TX,), False)


def test_neither_listed_nor_traded_is_none() -> None:
    assert order_report(OURS, None, []) is None


@pytest.mark.parametrize("raw", [None, {}, ""])
def test_an_empty_listing_is_none(raw: Any) -> None:
    assert parse_listed_order(raw) is None


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (
            {"status": "LIVE", "size_matched": "0", "associate_trades": []},
            ListedOrder(status="LIVE", matched=Shares(0), trade_ids=()),
        ),
        (
            {"status": "ORDER_STATUS_MATCHED", "size_matched": "14.925372", "associate_trades": ["t1", "t2"]},
            ListedOrder(status="MATCHED", matched=Shares(14_925_372), trade_ids=("t1", "t2")),
        ),
        (
            {"status": "matched", "size_matched": "", "associate_trades": None},
            ListedOrder(status="MATCHED", matched=Shares(0), trade_ids=()),
        ),
    ],
)
def test_listing(raw: dict[str, Any], expected: ListedOrder) -> None:
    assert parse_listed_order(raw) == expected


@pytest.mark.parametrize(
    "raw", [{"id": "x"}, {"status": "LIVE"}, {"status": "LIVE", "size_matched": "lots"}, [1], "order"]
)
def test_a_listing_that_cannot_be_read_is_malformed_and_not_none(raw: Any) -> None:
    with pytest.raises(Malformed):
        parse_listed_order(raw)


def trade(**changes: Any) -> dict[str, Any]:
    base = {"id": "t", "status": "TRADE_STATUS_CONFIRMED", "taker_order_id": OTHER, "size": "100", "maker_orders": []}
    return {**base, **changes}


def maker(order_id: str, matched: str) -> dict[str, str]:
    return {"order_id": order_id, "matched_amount": matched}


@pytest.mark.parametrize(
    ("raw", "shares"),
    [
        (trade(taker_order_id=OURS), [100_000_000]),
        (trade(taker_order_id=OURS.upper().replace("0X", "0x")), [100_000_000]),
        (trade(maker_orders=[maker(OTHER, "60"), maker(OURS, "40")]), [40_000_000]),
        # One order twice in one match.
        (trade(maker_orders=[maker(OURS, "1.5"), maker(OURS, "2")]), [3_500_000]),
        (trade(maker_orders=[maker(OTHER, "100")]), []),
        (trade(maker_orders=None), []),
    ],
)
def test_only_our_part_of_a_trade_counts(raw: dict[str, Any], shares: list[int]) -> None:
    parts, _ = parse_trades({"data": [raw], "next_cursor": "LTE="}, OURS)
    assert [p.shares.units for p in parts] == shares
    assert all(p.status == "CONFIRMED" for p in parts)


@pytest.mark.parametrize(("cursor", "following"), [("LTE=", None), ("", None), (None, None), ("MTAw", "MTAw")])
def test_the_cursor_of_the_next_page(cursor: str | None, following: str | None) -> None:
    assert parse_trades({"data": [], "next_cursor": cursor}, OURS) == ([], following)


@pytest.mark.parametrize(
    "raw", [None, {}, {"data": None}, {"data": [1]}, {"data": [{}]}, {"data": [], "next_cursor": 5}]
)
def test_trades_that_cannot_be_read_are_malformed_and_not_none(raw: Any) -> None:
    with pytest.raises(Malformed):
        parse_trades(raw, OURS)


def test_a_page_of_open_orders() -> None:
    raw = {"data": [{"id": OURS, "status": "LIVE"}], "next_cursor": "MTAw"}
    assert parse_open_orders(raw) == ([OURS], "MTAw")
    assert parse_open_orders({"data": [], "next_cursor": "LTE="}) == ([], None)
    with pytest.raises(Malformed):
        parse_open_orders({"data": [{"id": "0x12"}]})
