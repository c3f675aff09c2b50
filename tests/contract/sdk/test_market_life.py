"""From its listing to its resolution, a market is told of to the official SDK's clients that asked for more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from polymarket import RequestRejectedError
from polymarket.models.clob.market_events import MarketBestBidAskEvent, MarketResolvedEvent, NewMarketEvent
from polymarket.streams import MarketSpec

from remora.devnet.endpoints import Market
from remora.devnet.launcher import Devnet
from remora.devnet.markets import NO_WINS, MarketTerms, resolve_market
from remora.domain.money import ONE, Shares
from tests.contract.sdk.pit import OpenPit, Trader, accepted

pytestmark = pytest.mark.asyncio(loop_scope="session")

_TIMEOUT_S = 15


async def next_of(kind: type[Any], events: AsyncIterator[Any]) -> Any:
    while not isinstance(event := await anext(events), kind):
        pass
    return event.payload


async def test_the_top_of_a_book_is_told_when_it_changes(open_pit: OpenPit, alice: Trader, bob: Trader) -> None:
    pit = await open_pit()
    spec = MarketSpec(asset_ids=[pit.yes], custom_feature_enabled=True)
    async with await bob.client.subscribe(spec) as events, asyncio.timeout(_TIMEOUT_S):
        for price in ("0.40", "0.30"):
            accepted(await alice.client.place_limit_order(token_id=pit.yes, price=price, size="10", side="BUY"))
        accepted(await alice.client.place_limit_order(token_id=pit.no, price="0.45", size="10", side="BUY"))
        tops = [await next_of(MarketBestBidAskEvent, events) for _ in range(2)]
    assert [(top.asset_id, top.best_bid, top.best_ask, top.spread) for top in tops] == [
        (pit.yes, Decimal("0.4"), Decimal(1), Decimal("0.6")),
        (pit.yes, Decimal("0.4"), Decimal("0.55"), Decimal("0.15")),
    ]


async def test_a_market_is_announced_and_ends_with_its_resolution(
    open_pit: OpenPit, devnet: Devnet, alice: Trader, bob: Trader
) -> None:
    pit = await open_pit()
    question = "Will this market end?"
    async with (
        await bob.client.subscribe(MarketSpec(asset_ids=[pit.yes], custom_feature_enabled=True)) as events,
        asyncio.timeout(_TIMEOUT_S),
    ):
        market: Market = await devnet.open_market(MarketTerms(question=question))
        announced = await next_of(NewMarketEvent, events)
    tokens = (str(market.yes_token_id), str(market.no_token_id))
    assert (announced.market, announced.question, announced.asset_ids) == (market.condition_id, question, tokens)

    await devnet.funding.split(alice.wallet, market, Shares(10 * ONE))
    order = accepted(await alice.client.place_limit_order(token_id=tokens[0], price="0.50", size="10", side="SELL"))
    async with (
        await bob.client.subscribe(MarketSpec(asset_ids=[tokens[0]], custom_feature_enabled=True)) as events,
        asyncio.timeout(_TIMEOUT_S),
    ):
        await resolve_market(devnet.node, devnet.endpoints.contracts, market, NO_WINS)
        resolved = await next_of(MarketResolvedEvent, events)
    assert (resolved.market, resolved.winning_asset_id, resolved.winning_outcome) == (
        market.condition_id,
        tokens[1],
        "No",
    )
    assert (await alice.client.get_order(order_id=order.order_id)).status == "CANCELED_MARKET_RESOLVED"
    ended = await bob.client.get_market(slug=market.slug)
    assert (ended.state.closed, ended.state.accepting_orders) == (True, False)
    with pytest.raises(RequestRejectedError, match="No orderbook exists for the requested token id"):
        await alice.client.place_limit_order(token_id=tokens[0], price="0.50", size="10", side="SELL")
