"""Fills by hand: every row says what maker and taker give and get, with the arithmetic beside it."""

from __future__ import annotations

import pytest

from remora.devnet.clob.matching import taker_fee
from remora.devnet.clob.orders import OrderRequest, OrderType, Side
from remora.devnet.clob.refusals import Refusal
from tests.unit.devnet.scene import ALICE, BOB, CAROL, NO, YES, Scene, limit, market_buy, request

BUY, SELL = Side.BUY, Side.SELL


def fills(*makers: OrderRequest, taker: OrderRequest) -> list[tuple[int, int, int, int, int]]:
    """Return making, taking, shares, collateral and price of each fill of a taker in a book of makers."""
    scene = Scene()
    for maker in makers:
        scene.submit(maker)
    return [
        (fill.making, fill.taking, fill.shares, fill.collateral, fill.price)
        for trade in scene.submit(taker).trades
        for fill in trade.fills
    ]


@pytest.mark.parametrize(
    ("maker", "taker", "making", "taking"),
    [
        # Buys 40 of the 100 offered at the maker's 0.55, not at its own 0.60: 40 x 0.55 = 22.
        ((SELL, YES, "100", "0.55"), (BUY, YES, "40", "0.60"), 40_000_000, 22_000_000),
        # Sells 40 into a bid at 0.55 although 0.50 would do.
        ((BUY, YES, "100", "0.55"), (SELL, YES, "40", "0.50"), 22_000_000, 40_000_000),
        # Mint: the buyer of NO pays 0.45 a piece, the buyer of YES the other 0.55.
        ((BUY, NO, "100", "0.45"), (BUY, YES, "40", "0.60"), 18_000_000, 40_000_000),
        # Merge: the seller of NO gets 0.45 a piece, the seller of YES the other 0.55.
        ((SELL, NO, "100", "0.45"), (SELL, YES, "40", "0.50"), 40_000_000, 18_000_000),
        # The same as the mint, for a taker of NO.
        ((BUY, YES, "100", "0.45"), (BUY, NO, "40", "0.60"), 18_000_000, 40_000_000),
    ],
)
def test_trades_execute_at_the_makers_price(
    maker: tuple[Side, int, str, str], taker: tuple[Side, int, str, str], making: int, taking: int
) -> None:
    (fill,) = fills(limit(ALICE, *maker), taker=limit(BOB, *taker))
    assert fill == (making, taking, 40_000_000, 22_000_000, 550_000)


def test_complementary_and_minting_makers_meet_one_taker_in_order_of_price_and_time() -> None:
    assert fills(
        limit(ALICE, SELL, YES, "10", "0.55"),
        limit(CAROL, BUY, NO, "10", "0.45"),
        limit(ALICE, SELL, YES, "10", "0.54"),
        taker=limit(BOB, BUY, YES, "25", "0.55"),
    ) == [
        (10_000_000, 5_400_000, 10_000_000, 5_400_000, 540_000),
        (10_000_000, 5_500_000, 10_000_000, 5_500_000, 550_000),
        # 5 left: the maker of NO gives 5 x 0.45 = 2.25.
        (2_250_000, 5_000_000, 5_000_000, 2_750_000, 550_000),
    ]


def test_a_market_buy_spends_its_collateral_and_gets_more_shares_for_a_better_price() -> None:
    # $11 at most 0.55 asks for 20 shares; at 0.50 it gets 22.
    assert fills(limit(ALICE, SELL, YES, "100", "0.50"), taker=market_buy(BOB, YES, "11", "0.55")) == [
        (22_000_000, 11_000_000, 22_000_000, 11_000_000, 500_000)
    ]


def test_what_a_maker_takes_is_rounded_down_per_maker() -> None:
    # $1 at 0.55 buys 1.818181 shares; the seller's 0.99999955 becomes 0.999999.
    assert fills(limit(ALICE, SELL, YES, "100", "0.55"), taker=market_buy(BOB, YES, "1", "0.55")) == [
        (1_818_181, 999_999, 1_818_181, 999_999, 550_000)
    ]


def test_a_buying_maker_gives_no_more_than_buys_what_is_wanted() -> None:
    # $1 for YES at 0.55 wants 1.818181 pairs; 0.818181 of collateral buys floor(818181 / 0.45) = 1818180 NO, and one
    # unit more would buy 1818182. The taker pays 1818180 - 818181 = 999999.
    assert fills(limit(ALICE, BUY, NO, "100", "0.45"), taker=market_buy(BOB, YES, "1", "0.55")) == [
        (818_181, 1_818_180, 1_818_180, 999_999, 550_000)
    ]


def test_nothing_is_matched_beyond_the_limit_even_between_ticks() -> None:
    # 1000000 / 1818100 is 0.55002: a market BUY at 0.55 as the SDK rounds it does not reach 0.56.
    assert fills(limit(ALICE, SELL, YES, "100", "0.56"), limit(ALICE, SELL, YES, "1000", "0.55"),
                 taker=market_buy(BOB, YES, "600", "0.55")) == [
        (1_000_000_000, 550_000_000, 1_000_000_000, 550_000_000, 550_000)
    ]  # fmt: skip
    # 5.46 for 10 is nearest to the tick 0.55, and yet not as much.
    below = request(BOB, BUY, YES, 5_460_000, 10_000_000, kind=OrderType.FAK)
    scene = Scene()
    scene.submit(limit(ALICE, SELL, YES, "10", "0.55"))
    with pytest.raises(Refusal, match="no orders found"):
        scene.submit(below)


def test_a_remainder_of_less_than_a_base_unit_is_not_worth_a_trade() -> None:
    scene = Scene()
    scene.submit(limit(ALICE, SELL, YES, "5", "0.01"))
    scene.submit(request(BOB, BUY, YES, 1_000_000, 100_000_000, kind=OrderType.FAK))
    assert scene.asks() == []


@pytest.mark.parametrize(
    ("shares", "price", "rate", "fee"),
    [
        # 100 x 0.05 x 0.55 x 0.45 = 1.2375
        ("100", "0.55", "0.05", 1_237_500),
        # 10 x 0.07 x 0.5 x 0.5 = 0.175
        ("10", "0.5", "0.07", 175_000),
        # 7.77 x 0.04 x 0.33 x 0.67 = 0.06871788, the sixth decimal rounds half up: 0.06872
        ("7.77", "0.33", "0.04", 68_720),
        # 123.45 x 0.04 x 0.01 x 0.99 = 0.0488862, up to 0.04889
        ("123.45", "0.01", "0.04", 48_890),
        ("100", "0.55", "0", 0),
    ],
)
def test_the_fee_is_the_venues_formula_rounded_to_five_decimals(shares: str, price: str, rate: str, fee: int) -> None:
    scene = Scene(fee_rate=rate)
    scene.submit(limit(ALICE, SELL, YES, shares, price))
    (trade,) = scene.submit(limit(BOB, BUY, YES, shares, price)).trades
    assert trade.fee == fee == taker_fee(trade.fills, scene.listing.fee_rate)


def test_a_market_buy_in_a_market_of_version_v2_gets_no_more_shares_than_it_asked_for() -> None:
    # 6 at 0.60 ask for 10 shares: at 0.50 they cost 5. The older exchange sells 12 shares for the 6.
    for version, making, shares in (("v1", 6_000_000, 12_000_000), ("v2", 5_000_000, 10_000_000)):
        scene = Scene(version=version)
        scene.submit(limit(ALICE, SELL, YES, "100", "0.50"))
        (trade,) = scene.submit(market_buy(BOB, YES, "6", "0.60")).trades
        assert (trade.making, trade.shares) == (making, shares)
        assert trade.taker.shares_left == trade.taker.making_left == 0
