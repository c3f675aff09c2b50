"""The official SDK hears on both WebSocket channels what happens, in the models that it has for it."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
from polymarket.models.clob.market_events import MarketBookEvent, MarketLastTradePriceEvent
from polymarket.models.clob.user_events import UserTradeEvent, UserTradePayload
from polymarket.streams import MarketSpec, UserSpec

from tests.contract.sdk.pit import OpenPit, Trader, accepted

pytestmark = pytest.mark.asyncio(loop_scope="session")

_TIMEOUT_S = 10


async def test_a_party_hears_of_its_trade_until_it_is_confirmed(open_pit: OpenPit, alice: Trader, bob: Trader) -> None:
    pit = await open_pit()
    async with await bob.client.subscribe(UserSpec(markets=[pit.market.condition_id])) as events:
        accepted(await alice.client.place_limit_order(token_id=pit.yes, price="0.50", size="10", side="SELL"))
        buy = accepted(await bob.client.place_market_order(token_id=pit.yes, side="BUY", amount="5", max_price="0.50"))
        heard: list[UserTradePayload] = []
        async with asyncio.timeout(_TIMEOUT_S):
            while not heard or heard[-1].status != "CONFIRMED":
                event = await anext(events)
                if isinstance(event, UserTradeEvent):
                    heard.append(event.payload)

    assert {trade.id for trade in heard} == set(buy.trade_ids)
    assert [trade.status for trade in heard][-2:] == ["MINED", "CONFIRMED"]
    assert (heard[-1].price, heard[-1].size, heard[-1].trader_side) == (Decimal("0.5"), Decimal(10), "TAKER")
    assert heard[-1].transaction_hash is not None


async def test_everybody_hears_the_book_and_the_price_of_a_trade(open_pit: OpenPit, alice: Trader, bob: Trader) -> None:
    pit = await open_pit()
    accepted(await alice.client.place_limit_order(token_id=pit.yes, price="0.50", size="10", side="SELL"))
    async with (
        await bob.client.subscribe(MarketSpec(asset_ids=[pit.yes])) as events,
        asyncio.timeout(_TIMEOUT_S),
    ):
        book = await anext(events)
        assert isinstance(book, MarketBookEvent)
        assert [(level.price, level.size) for level in book.payload.asks] == [(Decimal("0.5"), Decimal(10))]

        accepted(await bob.client.place_market_order(token_id=pit.yes, side="BUY", amount="5", max_price="0.50"))
        while not isinstance(event := await anext(events), MarketLastTradePriceEvent):
            pass
    assert (event.payload.price, event.payload.size) == (Decimal("0.5"), Decimal(10))
