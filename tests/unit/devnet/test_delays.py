"""Markets where takers wait: what an order does meanwhile, and what becomes of it."""

from __future__ import annotations

from typing import Any

import pytest

from remora.devnet.clob import views
from remora.devnet.clob.audience import OrderEvent
from remora.devnet.clob.book import OrderStatus
from remora.devnet.clob.orders import OrderType, Side
from remora.devnet.clob.refusals import Refusal
from tests.unit.devnet.scene import ALICE, BOB, YES, Scene, limit, market_buy

BUY, SELL = Side.BUY, Side.SELL


@pytest.fixture
def scene() -> Scene:
    """Return a market with a delay of 3 s and 10 shares for 0.50 in it."""
    made = Scene(seconds_delay=3)
    made.submit(limit(ALICE, SELL, YES, "10", "0.50"))
    return made


def test_an_order_that_would_match_waits_and_holds_what_it_offers(scene: Scene) -> None:
    placed = scene.submit(market_buy(BOB, YES, "5", "0.50"))
    assert (placed.order.status, placed.trades) == (OrderStatus.DELAYED, ())
    assert scene.funds.active[scene.purse(BOB, None)] == 5_000_000
    answered = views.placement(placed)
    assert (answered["success"], answered["status"], answered["makingAmount"]) == (True, "delayed", "")
    assert answered["orderID"] == placed.order.id
    assert scene.audience.orders[-1] == (placed.order.id, OrderEvent.PLACEMENT, "DELAYED")
    assert scene.asks() == [(500_000, 10_000_000)]

    scene.clock.now_s += 2
    assert scene.engine.due() == []
    scene.clock.now_s += 1
    assert scene.engine.due() == [placed.order]
    (trade,) = scene.engine.release(placed.order)
    assert (trade.shares, placed.order.status, scene.asks()) == (10_000_000, OrderStatus.MATCHED, [])
    assert scene.audience.orders[-2][1:] == (OrderEvent.UPDATE, "MATCHED")
    assert (+scene.funds.active, scene.engine.due()) == ({}, [])


@pytest.mark.parametrize("kind", [OrderType.FAK, OrderType.FOK])
def test_who_finds_nothing_any_more_is_unmatched(scene: Scene, kind: OrderType) -> None:
    order = scene.submit(market_buy(BOB, YES, "5", "0.50", kind)).order
    for resting in scene.engine.live_orders(ALICE):
        scene.engine.cancel(resting)
    scene.clock.now_s += 3
    assert scene.engine.release(order) == ()
    assert scene.audience.orders[-1] == (order.id, OrderEvent.CANCELLATION, "UNMATCHED")
    assert (+scene.funds.active, order.making_left) == ({}, 0)


def test_a_limit_order_rests_when_its_match_is_gone(scene: Scene) -> None:
    order = scene.submit(limit(BOB, BUY, YES, "10", "0.50")).order
    assert order.status is OrderStatus.DELAYED
    for resting in scene.engine.live_orders(ALICE):
        scene.engine.cancel(resting)
    scene.clock.now_s += 3
    assert scene.engine.release(order) == ()
    assert (order.status, scene.bids()) == (OrderStatus.LIVE, [(500_000, 10_000_000)])


def test_who_cannot_pay_any_more_is_cancelled(scene: Scene) -> None:
    order = scene.submit(market_buy(BOB, YES, "5", "0.50")).order
    scene.endow(BOB, None, 4_999_999)
    scene.clock.now_s += 3
    assert scene.engine.release(order) == ()
    assert scene.audience.orders[-1][2] == "CANCELED_NOT_ENOUGH_BALANCE"
    assert scene.asks() == [(500_000, 10_000_000)]


@pytest.mark.parametrize("terms", [{"post_only": True}, {}])
def test_an_order_that_meets_nobody_rests_at_once(scene: Scene, terms: dict[str, Any]) -> None:
    order = scene.submit(limit(BOB, BUY, YES, "10", "0.40", **terms)).order
    assert (order.status, scene.bids()) == (OrderStatus.LIVE, [(400_000, 10_000_000)])


def test_what_is_refused_is_refused_without_delay(scene: Scene) -> None:
    with pytest.raises(Refusal, match="no orders found to match with FAK order"):
        scene.submit(market_buy(BOB, YES, "5", "0.40"))
    with pytest.raises(Refusal, match="order crosses book"):
        scene.submit(limit(BOB, BUY, YES, "10", "0.50", post_only=True))


def test_an_order_is_accepted_once_even_while_it_waits(scene: Scene) -> None:
    order = market_buy(BOB, YES, "5", "0.50")
    scene.engine.submit("0x1d", order, scene.listing)
    with pytest.raises(Refusal, match="Duplicated"):
        scene.engine.submit("0x1d", order, scene.listing)
