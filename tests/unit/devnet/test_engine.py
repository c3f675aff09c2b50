"""Orders through the engine: acceptance, refusal, reservation, cancellation and the undoing of failed trades."""

from __future__ import annotations

import pytest

from remora.devnet.clob.audience import OrderEvent
from remora.devnet.clob.book import OrderStatus
from remora.devnet.clob.orders import OrderRequest, OrderType, Side
from remora.devnet.clob.refusals import Refusal, Shortage
from tests.unit.devnet.scene import ALICE, BOB, CAROL, NO, YES, Scene, limit, market_buy

BUY, SELL = Side.BUY, Side.SELL


def refused(scene: Scene, order: OrderRequest) -> str:
    before = (scene.bids(), scene.asks(), +scene.funds.active, +scene.funds.matched)
    with pytest.raises(Refusal) as caught:
        scene.submit(order)
    assert (scene.bids(), scene.asks(), +scene.funds.active, +scene.funds.matched) == before
    return caught.value.text


def test_an_order_that_meets_nothing_rests_and_holds_what_it_offers() -> None:
    scene = Scene()
    placed = scene.submit(limit(ALICE, BUY, YES, "10", "0.40"))
    assert (placed.order.status, placed.trades) == (OrderStatus.LIVE, ())
    assert scene.bids() == [(400_000, 10_000_000)]
    assert scene.funds.active == {scene.purse(ALICE, None): 4_000_000}
    assert scene.audience.spots == [(True, 400_000, 10_000_000)]


def test_the_rest_of_a_limit_order_stays_at_its_own_price() -> None:
    scene = Scene()
    scene.submit(limit(ALICE, SELL, YES, "10", "0.50"))
    placed = scene.submit(limit(BOB, BUY, YES, "30", "0.60"))
    assert placed.trades[0].collateral == 5_000_000
    assert scene.bids() == [(600_000, 20_000_000)]
    assert scene.asks() == []
    # Matched 10 x 0.50 until mined, resting 20 x 0.60; the saved 10 x 0.10 is free.
    assert scene.funds.matched[scene.purse(BOB, None)] == 5_000_000
    assert scene.funds.active[scene.purse(BOB, None)] == 12_000_000


def test_a_resting_buy_holds_enough_for_its_last_fraction_of_a_share() -> None:
    scene = Scene()
    scene.submit(limit(ALICE, SELL, YES, "6", "0.55"))
    scene.submit(market_buy(CAROL, YES, "1", "0.55"))
    # 6 - 1.818181 are left to buy; 10 - 4.181819 rest, worth 3.4909086 at 0.60.
    placed = scene.submit(limit(BOB, BUY, YES, "10", "0.60"))
    assert placed.order.shares_left == 5_818_181
    assert scene.funds.active[scene.purse(BOB, None)] == 3_490_909


def test_a_maker_that_is_hit_moves_its_claim_from_resting_to_matched() -> None:
    scene = Scene()
    maker = scene.submit(limit(ALICE, SELL, YES, "10", "0.50")).order
    trade = scene.submit(market_buy(BOB, YES, "2", "0.50")).trades[0]
    assert (maker.shares_matched, maker.shares_left, maker.status) == (4_000_000, 6_000_000, OrderStatus.LIVE)
    assert scene.funds.active[scene.purse(ALICE, YES)] == 6_000_000
    assert scene.funds.matched[scene.purse(ALICE, YES)] == 4_000_000
    scene.engine.aftermath.mine(trade)
    assert +scene.funds.matched == {}
    scene.engine.aftermath.confirm(trade)
    assert scene.audience.trades == [(trade.id, status) for status in ("MATCHED", "MINED", "CONFIRMED")]


def test_an_order_is_accepted_once() -> None:
    scene = Scene()
    order = limit(ALICE, BUY, YES, "10", "0.40")
    scene.engine.submit("0x1d", order, scene.listing)
    with pytest.raises(Refusal, match=r"order 0x1d is invalid\. Duplicated\."):
        scene.engine.submit("0x1d", order, scene.listing)


def test_a_refused_order_may_come_again() -> None:
    scene = Scene()
    order = market_buy(BOB, YES, "2", "0.50")
    with pytest.raises(Refusal, match="no orders found to match with FAK order"):
        scene.engine.submit("0x1d", order, scene.listing)
    scene.submit(limit(ALICE, SELL, YES, "10", "0.50"))
    assert scene.engine.submit("0x1d", order, scene.listing).trades


def test_fok_is_filled_whole_or_not_at_all() -> None:
    scene = Scene()
    scene.submit(limit(ALICE, SELL, YES, "10", "0.50"))
    order = market_buy(BOB, YES, "5.01", "0.50", OrderType.FOK)
    assert refused(scene, order) == "order couldn't be fully filled. FOK orders are fully filled or killed."
    assert scene.submit(market_buy(BOB, YES, "5", "0.50", OrderType.FOK)).order.shares_matched == 10_000_000


def test_fak_takes_what_there_is_and_never_rests() -> None:
    scene = Scene()
    scene.submit(limit(ALICE, SELL, YES, "10", "0.50"))
    placed = scene.submit(market_buy(BOB, YES, "100", "0.50"))
    assert (placed.order.status, placed.order.shares_matched) == (OrderStatus.MATCHED, 10_000_000)
    assert (scene.bids(), scene.asks()) == ([], [])
    assert "no orders found" in refused(scene, market_buy(BOB, YES, "100", "0.50"))


def test_post_only_never_takes() -> None:
    scene = Scene()
    scene.submit(limit(ALICE, SELL, YES, "10", "0.50"))
    crossing = limit(BOB, SELL, NO, "10", "0.50", post_only=True)
    assert refused(scene, crossing) == "invalid post-only order: order crosses book"
    assert scene.submit(limit(BOB, SELL, NO, "10", "0.51", post_only=True)).trades == ()


def test_a_buy_that_takes_is_worth_a_dollar_at_least() -> None:
    scene = Scene()
    scene.submit(limit(ALICE, SELL, YES, "100", "0.10"))
    words = "invalid amount for a marketable BUY order ($0.9), min size: $1"
    assert refused(scene, market_buy(BOB, YES, "0.9", "0.10")) == words
    assert refused(scene, limit(BOB, BUY, YES, "9", "0.10")) == words
    assert scene.submit(limit(BOB, BUY, YES, "9", "0.09")).trades == ()


def test_more_than_ten_makers_make_more_than_one_trade() -> None:
    scene = Scene(fee_rate="0.05")
    for _ in range(23):
        scene.submit(limit(ALICE, SELL, YES, "5", "0.50"))
    placed = scene.submit(limit(BOB, BUY, YES, "115", "0.50"))
    assert [len(trade.fills) for trade in placed.trades] == [10, 10, 3]
    assert [trade.bucket_index for trade in placed.trades] == [0, 1, 2]
    # 50, 50 and 15 shares x 0.05 x 0.25
    assert [trade.fee for trade in placed.trades] == [625_000, 625_000, 187_500]
    assert placed.order.trade_ids == [trade.id for trade in placed.trades]


def test_the_balance_covers_resting_orders_unmined_trades_and_the_fee() -> None:
    scene = Scene(fee_rate="0.05")
    scene.submit(limit(ALICE, SELL, YES, "100", "0.50"))
    # 10 x 0.50 and a fee of 10 x 0.05 x 0.25, 10 x 0.10 resting, and all but one unit of 10 x 0.49.
    scene.endow(BOB, None, 5_125_000 + 1_000_000 + 4_899_999)
    scene.submit(limit(BOB, BUY, YES, "10", "0.50"))
    scene.submit(limit(BOB, BUY, YES, "10", "0.10"))
    order = limit(BOB, BUY, YES, "10", "0.49")
    assert refused(scene, order) == (
        "not enough balance / allowance: the balance is not enough -> balance: 11024999, "
        "sum of active orders: 1000000, sum of matched orders: 5125000, order amount (inc. fees): 4900000"
    )
    scene.endow(BOB, None, 5_125_000 + 1_000_000 + 4_900_000)
    assert scene.submit(order).order.status is OrderStatus.LIVE


def test_a_shortage_says_what_there_is_and_what_is_missing() -> None:
    scene = Scene()
    scene.endow(BOB, None, 4_999_999)
    text = refused(scene, limit(BOB, BUY, YES, "10", "0.50"))
    assert text == (
        "not enough balance / allowance: the balance is not enough -> balance: 4999999, order amount: 5000000"
    )
    scene.endow(BOB, YES, 10_000_000, allowance=0)
    with pytest.raises(Shortage, match=r"the allowance is not enough -> spender: 0x(e0){20}, allowance: 0,"):
        scene.submit(limit(BOB, SELL, YES, "10", "0.50"))


def test_what_a_trade_brings_in_cannot_be_sold_before_it_is_mined() -> None:
    scene = Scene()
    scene.submit(limit(ALICE, SELL, YES, "10", "0.50"))
    scene.endow(BOB, YES, 0)
    scene.submit(market_buy(BOB, YES, "5", "0.50"))
    assert "balance: 0" in refused(scene, limit(BOB, SELL, YES, "10", "0.60"))


def test_a_cancelled_order_frees_what_it_held() -> None:
    scene = Scene()
    order = scene.submit(limit(ALICE, BUY, YES, "10", "0.40")).order
    scene.engine.cancel(order)
    assert (order.status, scene.bids(), +scene.funds.active) == (OrderStatus.CANCELED, [], {})
    assert scene.audience.orders[-1] == (order.id, OrderEvent.CANCELLATION, "CANCELED")
    assert scene.engine.live_orders(ALICE) == []


def test_an_order_with_a_date_leaves_a_minute_before_it() -> None:
    scene = Scene()
    until = scene.clock.now_s + 120
    order = scene.submit(limit(ALICE, BUY, YES, "10", "0.40", kind=OrderType.GTD, expiration_s=until)).order
    scene.clock.now_s = until - 61
    scene.engine.expire()
    assert scene.bids() == [(400_000, 10_000_000)]
    scene.clock.now_s = until - 60
    with pytest.raises(Refusal, match="no orders found"):
        scene.submit(limit(BOB, SELL, YES, "10", "0.40", kind=OrderType.FAK))
    assert scene.audience.orders[-1] == (order.id, OrderEvent.CANCELLATION, "CANCELED_EXPIRED_ORDER")


class TestFailedTrades:
    def test_makers_get_their_place_back_and_the_taker_gets_nothing(self) -> None:
        scene = Scene()
        first = scene.submit(limit(ALICE, SELL, YES, "10", "0.50")).order
        second = scene.submit(limit(CAROL, SELL, YES, "10", "0.50")).order
        placed = scene.submit(market_buy(BOB, YES, "7.5", "0.50"))
        scene.engine.aftermath.fail(placed.trades[0])
        assert scene.asks() == [(500_000, 20_000_000)]
        assert [order.status for order in (first, second)] == [OrderStatus.LIVE] * 2
        assert list(scene.engine.book(scene.listing).against(is_bid=True)) == [first, second]
        assert (placed.order.status, placed.order.shares_matched) == (OrderStatus.INVALID, 0)
        assert +scene.funds.matched == {}
        assert scene.funds.active[scene.purse(ALICE, YES)] == 10_000_000
        assert scene.funds.active[scene.purse(CAROL, YES)] == 10_000_000

    def test_a_maker_without_the_shares_loses_all_orders_that_offer_them(self) -> None:
        scene = Scene()
        sold = scene.submit(limit(ALICE, SELL, YES, "10", "0.50")).order
        other = scene.submit(limit(ALICE, SELL, YES, "10", "0.60")).order
        bid = scene.submit(limit(ALICE, BUY, YES, "10", "0.10")).order
        trade = scene.submit(market_buy(BOB, YES, "5", "0.50")).trades[0]
        scene.endow(ALICE, YES, 0)
        scene.engine.aftermath.fail(trade)
        assert [order.status for order in (sold, other)] == [OrderStatus.CANCELED_NOT_ENOUGH_BALANCE] * 2
        assert bid.status is OrderStatus.LIVE
        assert scene.asks() == []
        assert +scene.funds.active == {scene.purse(ALICE, None): 1_000_000}

    def test_a_maker_that_would_cross_what_came_meanwhile_does_not_return(self) -> None:
        scene = Scene()
        maker = scene.submit(limit(ALICE, SELL, YES, "10", "0.50")).order
        trade = scene.submit(market_buy(BOB, YES, "5", "0.50")).trades[0]
        scene.submit(limit(CAROL, BUY, YES, "10", "0.55"))
        scene.engine.aftermath.fail(trade)
        assert (maker.status, scene.asks()) == (OrderStatus.CANCELED, [])
        assert scene.audience.orders[-1] == (maker.id, OrderEvent.CANCELLATION, "CANCELED")

    def test_a_cancelled_maker_stays_cancelled(self) -> None:
        scene = Scene()
        maker = scene.submit(limit(ALICE, SELL, YES, "10", "0.50")).order
        trade = scene.submit(market_buy(BOB, YES, "2", "0.50")).trades[0]
        scene.engine.cancel(maker)
        scene.engine.aftermath.fail(trade)
        assert (maker.status, maker.shares_matched, scene.asks()) == (OrderStatus.CANCELED, 0, [])
        assert (+scene.funds.active, +scene.funds.matched) == ({}, {})

    def test_what_the_taker_had_resting_stays(self) -> None:
        scene = Scene()
        scene.submit(limit(ALICE, SELL, YES, "10", "0.50"))
        placed = scene.submit(limit(BOB, BUY, YES, "30", "0.40"))
        hit = scene.submit(limit(BOB, BUY, YES, "30", "0.50"))
        scene.engine.aftermath.fail(hit.trades[0])
        assert (placed.order.status, hit.order.status) == (OrderStatus.LIVE, OrderStatus.LIVE)
        assert hit.order.shares_matched == 0
        # The seller would cross the buyer's own rest at 0.50, and is dropped.
        assert (scene.bids()[0], scene.asks()) == ((500_000, 20_000_000), [])

    def test_a_reorg_claims_again_what_was_mined(self) -> None:
        scene = Scene()
        scene.submit(limit(ALICE, SELL, YES, "10", "0.50"))
        trade = scene.submit(market_buy(BOB, YES, "5", "0.50")).trades[0]
        scene.engine.aftermath.mine(trade)
        scene.engine.aftermath.retry(trade)
        assert scene.funds.matched[scene.purse(BOB, None)] == 5_000_000
        scene.engine.aftermath.mine(trade)
        assert +scene.funds.matched == {}
