"""The client against the devnet's order book, where orders are checked, matched and settled on a chain."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest

from remora.adapters.venue.data_api import DataApi
from remora.domain.errors import OutcomeUnknown, Refused
from remora.domain.ids import Address, ConditionId, OrderHash, TokenId
from remora.domain.market import Level, MarketInfo
from remora.domain.money import ONE, Price, Shares
from remora.domain.order import OrderKind, OrderReport
from remora.domain.signal import Side
from tests.contract.venue.conftest import SystemClock
from tests.contract.venue.floor import Floor

pytestmark = pytest.mark.asyncio(loop_scope="session")

UNKNOWN = OrderHash("0x" + 64 * "a")


async def test_market(floor: Floor) -> None:
    market = await floor.open_market(neg_risk=True, tick_size="0.001", min_order_size="15", fee_rate="0.05")
    for token in (market.yes_token_id, market.no_token_id):
        assert await floor.venue.market(TokenId(token)) == MarketInfo(
            condition_id=ConditionId(market.condition_id),
            token_id=TokenId(token),
            tick=Price(1_000),
            min_order_size=Shares(15_000_000),
            neg_risk=True,
            fee_rate_units=50_000,
        )


async def test_what_the_venue_does_not_know_is_none(floor: Floor) -> None:
    assert await floor.venue.market(TokenId(2**255 + 7)) is None
    assert await floor.venue.book(TokenId(2**255 + 7)) is None
    assert await floor.venue.report(UNKNOWN, floor.taker) is None


def level(price: str, shares: int) -> Level:
    return Level(price=Price.parse(price), shares=Shares(shares * ONE))


async def test_a_book_is_best_first_on_both_sides(floor: Floor) -> None:
    market = await floor.open_market()
    yes, no = TokenId(market.yes_token_id), TokenId(market.no_token_id)
    empty = await floor.venue.book(yes)
    assert empty is not None
    assert (empty.best_bid, empty.best_ask) == (None, None)
    for side, price, size in (
        (Side.BUY, "0.4", 5),
        (Side.BUY, "0.51", 6),
        (Side.SELL, "0.9", 7),
        (Side.SELL, "0.52", 8),
    ):
        await floor.rest(market, side, price=price, size=size)
    book = await floor.venue.book(yes)
    assert book is not None
    assert book.bids == (level("0.51", 6), level("0.4", 5))
    assert book.asks == (level("0.52", 8), level("0.9", 7))
    assert abs(book.as_of_us - time.time_ns() // 1000) < 60_000_000
    # The other outcome's book is the mirror: bids of YES are asks of NO at 1 - p.
    both = await floor.venue.books({yes, no})
    assert (both[yes].bids, both[yes].asks) == (book.bids, book.asks)
    assert both[no].bids == (level("0.48", 8), level("0.1", 7))
    assert both[no].asks == (level("0.49", 6), level("0.6", 5))


@pytest.mark.parametrize("neg_risk", [False, True])
async def test_a_buy_that_fills_in_part_is_settled_and_reported(floor: Floor, *, neg_risk: bool) -> None:
    market = await floor.open_market(neg_risk=neg_risk)
    resting = await floor.rest(market, Side.SELL, price="0.52", size=10)
    order = floor.taking(market, Side.BUY, price="0.55", size=20)
    acknowledged = await floor.venue.submit(order)
    # 10 shares at the maker's price of 0.52.
    assert (acknowledged.status, acknowledged.making, acknowledged.taking) == ("matched", 5_200_000, 10_000_000)
    assert acknowledged.order_hash == order.order_hash
    for party in (order, resting):
        report = await floor.final_report(party)
        assert (report.order_hash, report.matched) == (party.order_hash, Shares(10_000_000))
    assert await floor.shares(floor.taker, market) == Shares(110_000_000)


async def test_a_sell_is_settled_and_reported(floor: Floor) -> None:
    market = await floor.open_market()
    await floor.rest(market, Side.BUY, price="0.48", size=30)
    order = floor.taking(market, Side.SELL, price="0.4", size=30)
    acknowledged = await floor.venue.submit(order)
    # 30 shares at the maker's price of 0.48.
    assert (acknowledged.making, acknowledged.taking) == (30_000_000, 14_400_000)
    assert (await floor.final_report(order)).matched == Shares(30_000_000)
    assert await floor.shares(floor.taker, market) == Shares(70_000_000)


async def test_a_resting_order_is_pending_with_nothing_matched(floor: Floor) -> None:
    market = await floor.open_market()
    order = await floor.rest(market, Side.BUY, price="0.3", size=10)
    assert await floor.venue.report(order.order_hash, floor.maker) == OrderReport(
        order_hash=order.order_hash, status="LIVE", matched=Shares(0), failed=Shares(0), tx_hashes=(), pending=True
    )


async def test_open_orders_are_those_of_the_wallet_that_rest(floor: Floor) -> None:
    market = await floor.open_market()
    order = await floor.rest(market, Side.BUY, price="0.10", size=10)
    assert order.order_hash in await floor.venue.open_orders(floor.maker)
    assert order.order_hash not in await floor.venue.open_orders(floor.taker)


async def test_an_order_that_finds_nobody_is_refused_and_unknown(floor: Floor) -> None:
    market = await floor.open_market()
    order = floor.taking(market, Side.BUY, price="0.5", size=10)
    with pytest.raises(Refused, match="no orders found to match"):
        await floor.venue.submit(order)
    assert await floor.venue.report(order.order_hash, floor.taker) is None


async def test_an_order_beyond_the_balance_is_refused(floor: Floor) -> None:
    market = await floor.open_market()
    await floor.rest(market, Side.BUY, price="0.5", size=10)
    with pytest.raises(Refused, match="not enough balance"):
        await floor.venue.submit(floor.taking(market, Side.SELL, price="0.5", size=101))


async def test_an_order_sent_twice_is_unknown_and_its_report_tells_of_one(floor: Floor) -> None:
    market = await floor.open_market()
    await floor.rest(market, Side.SELL, price="0.5", size=20)
    order = floor.taking(market, Side.BUY, price="0.5", size=10)
    await floor.venue.submit(order)
    with pytest.raises(OutcomeUnknown, match="Duplicated"):
        await floor.venue.submit(order)
    assert (await floor.final_report(order)).matched == Shares(10_000_000)
    assert await floor.shares(floor.taker, market) == Shares(110_000_000)


async def test_an_order_rests_until_it_is_cancelled_and_keeps_what_it_matched(floor: Floor) -> None:
    market = await floor.open_market()
    signed = floor.order(floor.maker, market, Side.BUY, kind=OrderKind.GTD, price="0.3", size=10)
    resting = replace(signed, expiration_s=int(time.time()) + 240)
    assert (await floor.venue.submit(resting)).status == "live"
    await floor.venue.submit(floor.taking(market, Side.SELL, price="0.3", size=4))
    assert not await floor.venue.cancel(resting.order_hash, floor.taker)  # it is another's
    assert await floor.venue.cancel(resting.order_hash, floor.maker)
    assert not await floor.venue.cancel(resting.order_hash, floor.maker)
    report = await floor.final_report(resting)
    assert (report.status, report.matched) == ("CANCELED", Shares(4_000_000))


async def test_a_wallet_knows_nothing_of_anothers_order(floor: Floor) -> None:
    market = await floor.open_market()
    order = await floor.rest(market, Side.BUY, price="0.3", size=10)
    assert await floor.venue.report(order.order_hash, floor.taker) is None


async def test_authentication_again_finds_the_same_account(floor: Floor) -> None:
    market = await floor.open_market()
    order = await floor.rest(market, Side.BUY, price="0.3", size=10)
    await floor.venue.authenticate(floor.maker)
    assert await floor.venue.report(order.order_hash, floor.maker) is not None


async def test_many_orders_at_once_are_each_acknowledged_as_their_own(floor: Floor) -> None:
    market = await floor.open_market()
    await floor.rest(market, Side.SELL, price="0.5", size=100)
    orders = [floor.taking(market, Side.BUY, price="0.5", size=5) for _ in range(20)]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(floor.venue.submit(order)) for order in orders]
    assert [task.result().order_hash for task in tasks] == [order.order_hash for order in orders]
    assert sum(task.result().taking for task in tasks) == 100_000_000


async def test_the_public_history_tells_of_both_sides_of_a_match(floor: Floor) -> None:
    market = await floor.open_market()
    resting = await floor.rest(market, Side.SELL, price="0.40", size=10)
    taking = floor.taking(market, Side.BUY, price="0.40", size=10)
    began_s = time.time_ns() // 10**9
    await floor.venue.submit(taking)
    filled = await floor.final_report(taking)
    async with DataApi(data_url=floor.devnet.endpoints.data_url, clock=SystemClock()) as history:
        for wallet, side in ((resting.terms.maker, Side.SELL), (taking.terms.maker, Side.BUY)):
            trade = (await history.trades(wallet, began_s - 5))[-1]
            assert (trade.side, trade.token_id) == (side, TokenId(market.yes_token_id))
            assert (trade.shares, trade.price) == (Shares(10 * ONE), Price.parse("0.40"))
            assert trade.tx_hash in filled.tx_hashes
        assert not await history.has_traded(Address("0x" + 40 * "9"))
