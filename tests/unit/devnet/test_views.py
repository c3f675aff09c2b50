"""The JSON that clients read, read by the official SDK's own models."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from polymarket._internal.streams.clob.market_protocol import parse_events
from polymarket.models.clob import ClobTrade, OpenOrder, OrderBook
from polymarket.models.clob.market_events import (
    MarketBookEvent,
    MarketEvent,
    MarketLastTradePriceEvent,
    MarketPriceChangeEvent,
)
from polymarket.models.clob.order_response import RawOrderResponse, RejectedOrder, normalize_order_response
from polymarket.models.clob.user_events import UserEvent, UserOrderEvent, UserTradeEvent, parse_user_events

from remora.devnet.clob import views
from remora.devnet.clob.audience import OrderEvent, Spot
from remora.devnet.clob.orders import Side
from tests.unit.devnet.scene import ALICE, BOB, CAROL, NO, YES, Scene, limit, market_buy

BUY, SELL = Side.BUY, Side.SELL
NOW_MS = 1_800_000_000_123


@pytest.fixture
def scene() -> Scene:
    """Return a market with asks at 0.55 (of which 5 as a bid for NO) and 0.60, and a bid at 0.40."""
    made = Scene(fee_rate="0.05")
    made.submit(limit(ALICE, SELL, YES, "10", "0.60"))
    made.submit(limit(ALICE, SELL, YES, "10", "0.55"))
    made.submit(limit(CAROL, BUY, NO, "5", "0.45"))
    made.submit(limit(ALICE, BUY, YES, "10", "0.40"))
    return made


def dec(value: str | int) -> Decimal:
    return Decimal(value)


def only(parsed: tuple[list[Any], int]) -> Any:
    (event,), dropped = parsed
    assert dropped == 0
    return event


def user_event(view: views.Json) -> UserEvent:
    event: UserEvent = only(parse_user_events(view))
    return event


def market_event(view: views.Json) -> MarketEvent:
    event: MarketEvent = only(parse_events(view))
    return event


def test_books_come_worst_first_in_each_tokens_own_prices(scene: Scene) -> None:
    book = scene.engine.book(scene.listing)
    yes = OrderBook.parse_response(views.book(scene.listing, YES, book, None, NOW_MS))
    no = OrderBook.parse_response(views.book(scene.listing, NO, book, None, NOW_MS))
    assert [(level.price, level.size) for level in yes.asks] == [
        (dec("0.6"), dec(10)),
        (dec("0.55"), dec(15)),
    ]
    assert [(level.price, level.size) for level in yes.bids] == [(dec("0.4"), dec(10))]
    assert [(level.price, level.size) for level in no.bids] == [(dec("0.4"), dec(10)), (dec("0.45"), dec(15))]
    assert [(level.price, level.size) for level in no.asks] == [(dec("0.6"), dec(10))]
    assert (yes.tick_size, yes.min_order_size, yes.last_trade_price) == (dec("0.01"), dec(5), None)


def test_the_last_trade_is_seen_from_both_tokens(scene: Scene) -> None:
    scene.submit(market_buy(BOB, YES, "5.5", "0.55"))
    book, last = scene.engine.book(scene.listing), scene.engine.last_trade(scene.listing)
    assert last is not None
    yes = OrderBook.parse_response(views.book(scene.listing, YES, book, last, NOW_MS))
    no = OrderBook.parse_response(views.book(scene.listing, NO, book, last, NOW_MS))
    assert (yes.last_trade_price, no.last_trade_price) == (dec("0.55"), dec("0.45"))
    assert [views.last_side(last, is_yes=is_yes) for is_yes in (True, False)] == [BUY, SELL]


def test_the_answer_to_a_resting_order_has_no_amounts(scene: Scene) -> None:
    placed = scene.submit(limit(BOB, BUY, YES, "10", "0.30"))
    raw = RawOrderResponse.parse_response(views.placement(placed))
    accepted = normalize_order_response(raw)
    assert accepted.ok
    assert (accepted.status, accepted.making_amount, accepted.trade_ids) == ("live", dec(0), ())


def test_the_answer_to_a_matched_order_tells_amounts_before_the_fee(scene: Scene) -> None:
    placed = scene.submit(market_buy(BOB, YES, "8.25", "0.55"))
    accepted = normalize_order_response(RawOrderResponse.parse_response(views.placement(placed)))
    assert accepted.ok
    assert (accepted.status, accepted.making_amount, accepted.taking_amount) == (
        "matched",
        dec("8.25"),
        dec(15),
    )
    assert accepted.trade_ids == (placed.trades[0].id,)


def test_a_refused_order_of_a_batch_is_rejected_in_the_sdks_words() -> None:
    text = "no orders found to match with FAK order. FAK orders are partially filled or killed if no match is found."
    rejected = normalize_order_response(RawOrderResponse.parse_response(views.rejection(text)))
    assert rejected == RejectedOrder(code="fak_not_filled", message=text)


def test_an_order_is_shown_to_its_owner(scene: Scene) -> None:
    placed = scene.submit(limit(BOB, BUY, YES, "20", "0.55")).order
    shown = OpenOrder.parse_response(views.order(placed))
    assert (shown.side, shown.price, shown.original_size, shown.size_matched) == (
        "BUY",
        dec("0.55"),
        dec(20),
        dec(15),
    )
    assert (shown.status, shown.outcome, shown.order_type, shown.expires_at) == ("LIVE", "Yes", "GTC", None)
    event = user_event(views.order_event(placed, OrderEvent.PLACEMENT, NOW_MS))
    assert isinstance(event, UserOrderEvent)
    assert (event.payload.id, event.payload.order_event_type) == (placed.id, "PLACEMENT")


@pytest.mark.parametrize(("viewer", "seen_as"), [(BOB, "TAKER"), (ALICE, "MAKER"), (CAROL, "MAKER")])
def test_a_trade_is_shown_to_each_party_with_all_its_makers(scene: Scene, viewer: str, seen_as: str) -> None:
    (trade,) = scene.submit(market_buy(BOB, YES, "8.25", "0.55")).trades
    shown = ClobTrade.parse_response(views.trade(trade, viewer))
    assert (shown.trader_side, shown.owner) == (seen_as, f"key of {viewer}")
    assert (shown.side, shown.price, shown.size, shown.status) == ("BUY", dec("0.55"), dec(15), "MATCHED")
    assert [(maker.side, maker.price, maker.matched_amount, maker.outcome) for maker in shown.maker_orders] == [
        ("SELL", dec("0.55"), dec(10), "Yes"),
        ("BUY", dec("0.45"), dec(5), "No"),
    ]
    event = user_event(views.trade_event(trade, viewer, NOW_MS))
    assert isinstance(event, UserTradeEvent)
    assert (event.payload.id, event.payload.trader_side) == (trade.id, seen_as)


def test_a_changed_level_is_told_in_the_terms_of_both_tokens(scene: Scene) -> None:
    scene.submit(market_buy(BOB, YES, "5.5", "0.55"))
    book = scene.engine.book(scene.listing)
    event = market_event(views.price_change(scene.listing, book, [Spot(False, 550_000)], NOW_MS))
    assert isinstance(event, MarketPriceChangeEvent)
    changes = [
        (change.token_id, change.side, change.price, change.size, change.best_bid, change.best_ask)
        for change in event.payload.price_changes
    ]
    assert changes == [
        (str(YES), "SELL", dec("0.55"), dec(5), dec("0.4"), dec("0.55")),
        (str(NO), "BUY", dec("0.45"), dec(5), dec("0.45"), dec("0.6")),
    ]


def test_the_market_channel_tells_books_and_trades(scene: Scene) -> None:
    (trade,) = scene.submit(market_buy(BOB, YES, "5.5", "0.55")).trades
    told = market_event(views.last_trade_price(trade, NOW_MS))
    assert isinstance(told, MarketLastTradePriceEvent)
    assert (told.payload.price, told.payload.size, told.payload.side) == (dec("0.55"), dec(10), "BUY")
    snapshot = views.book(scene.listing, YES, scene.engine.book(scene.listing), None, NOW_MS)
    assert isinstance(market_event({"event_type": "book", **snapshot}), MarketBookEvent)
