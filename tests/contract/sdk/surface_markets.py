"""One case for each method with which the SDK looks at markets, prices and what everybody did, and for streaming."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal

import pytest
from polymarket import RequestRejectedError
from polymarket.models.clob.requests import PriceRequest
from polymarket.streams import MarketSpec, UserSpec

from tests.contract.sdk.pit import accepted
from tests.contract.sdk.stage import Stage
from tests.contract.sdk.surface_trading import Case


async def quoted(stage: Stage) -> None:
    """Have the other trader quote 0.40 to 0.50, twenty shares each."""
    await stage.offer("0.50", "20")
    accepted(await stage.other.client.place_limit_order(token_id=stage.yes, price="0.40", size="20", side="BUY"))


async def get_order_book(stage: Stage) -> None:
    await quoted(stage)
    book = await stage.ask("get_order_book", token_id=stage.yes)
    assert [(level.price, level.size) for level in (*book.bids, *book.asks)] == [
        (Decimal("0.4"), Decimal(20)),
        (Decimal("0.5"), Decimal(20)),
    ]
    with pytest.raises(RequestRejectedError, match="No orderbook exists for the requested token id") as caught:
        await stage.ask("get_order_book", token_id=str(2**255))
    assert caught.value.status == 404


async def get_order_books(stage: Stage) -> None:
    await quoted(stage)
    yes, no = await stage.ask("get_order_books", token_ids=[stage.yes, stage.no])
    # who buys YES at 0.40 sells NO at 0.60
    assert (yes.bids[-1].price, no.asks[-1].price) == (Decimal("0.4"), Decimal("0.6"))


async def get_price(stage: Stage) -> None:
    await quoted(stage)
    assert await stage.ask("get_price", token_id=stage.yes, side="BUY") == Decimal("0.4")
    assert await stage.ask("get_price", token_id=stage.yes, side="SELL") == Decimal("0.5")


async def get_prices(stage: Stage) -> None:
    await quoted(stage)
    found = await stage.ask("get_prices", requests=[PriceRequest(asset_id=stage.yes, side="SELL")])
    assert found[stage.yes]["SELL"] == Decimal("0.5")


async def get_midpoint(stage: Stage) -> None:
    await quoted(stage)
    assert await stage.ask("get_midpoint", token_id=stage.yes) == Decimal("0.45")


async def get_midpoints(stage: Stage) -> None:
    await quoted(stage)
    found = await stage.ask("get_midpoints", token_ids=[stage.yes, stage.no])
    assert found == {stage.yes: Decimal("0.45"), stage.no: Decimal("0.55")}


async def get_spread(stage: Stage) -> None:
    await quoted(stage)
    assert await stage.ask("get_spread", token_id=stage.yes) == Decimal("0.1")


async def get_spreads(stage: Stage) -> None:
    await quoted(stage)
    assert await stage.ask("get_spreads", token_ids=[stage.no]) == {stage.no: Decimal("0.1")}


async def rests(stage: Stage, price: str) -> None:
    """Have the wallet bid for ten YES."""
    accepted(await stage.owner.place_limit_order(token_id=stage.yes, price=price, size="10", side="BUY"))


async def traded(stage: Stage) -> None:
    """Have the other trader sell ten YES for 0.30 to the wallet."""
    await rests(stage, "0.30")
    await stage.other.settled(
        await stage.other.client.place_market_order(token_id=stage.yes, side="SELL", shares="10", min_price="0.30")
    )


async def get_last_trade_price(stage: Stage) -> None:
    await traded(stage)
    assert (await stage.ask("get_last_trade_price", token_id=stage.yes)).price == Decimal("0.3")


async def get_last_trade_prices(stage: Stage) -> None:
    await traded(stage)
    (last,) = await stage.ask("get_last_trade_prices", token_ids=[stage.no])
    assert last.price == Decimal("0.7")


async def get_market(stage: Stage) -> None:
    market = await stage.ask("get_market", slug=stage.market.slug)
    assert market.question == stage.market.question


async def list_markets(stage: Stage) -> None:
    (market,) = await stage.page("list_markets", clob_token_ids=[stage.yes])
    assert market.slug == stage.market.slug


async def events(stage: Stage) -> None:
    (event,) = await stage.page("list_events", slug=stage.market.slug)
    same = await stage.ask("get_event", id=event.id)
    assert [market.condition_id for market in same.markets] == [stage.market.condition_id]
    assert same.title == stage.market.event


async def get_token_references(stage: Stage) -> None:
    (yes,) = await stage.ask("get_token_references", asset_ids=[stage.yes])
    assert (yes.outcome, yes.opposite_asset_id, yes.title) == ("Yes", stage.no, stage.market.question)
    found = await stage.ask("get_token_references", condition_ids=[stage.market.condition_id])
    assert [token.asset_id for token in found] == [stage.yes, stage.no]


async def list_trades(stage: Stage) -> None:
    await traded(stage)
    trades = await stage.page("list_trades", user=stage.wallet, taker_only=False)
    assert (trades[0].side, trades[0].size, trades[0].price) == ("BUY", Decimal(10), Decimal("0.3"))


async def list_activity(stage: Stage) -> None:
    await traded(stage)
    assert {"TRADE", "SPLIT"} <= {row.type for row in await stage.page("list_activity", user=stage.wallet)}


async def list_positions(stage: Stage) -> None:
    held = await stage.page("list_positions", user=stage.wallet)
    assert {position.condition_id for position in held} == {stage.market.condition_id}


async def get_portfolio_value(stage: Stage) -> None:
    await traded(stage)
    assert (await stage.ask("get_portfolio_value", user=stage.wallet)).value > 0


async def list_price_history(stage: Stage) -> None:
    await traded(stage)
    ticks = await stage.page("list_price_history", asset_id=stage.no, interval="1h")
    assert (ticks[-1].price, ticks[-1].resolution_seconds) == (Decimal("0.7"), 0)
    buckets = await stage.page("list_price_history", asset_id=stage.yes, interval="1d", bucket_seconds=300)
    assert (buckets[-1].price, buckets[-1].resolution_seconds) == (Decimal("0.3"), 300)
    latest = await stage.page("list_price_history", asset_id=stage.yes, as_of=int(ticks[-1].timestamp.timestamp()))
    assert [point.price for point in latest] == [Decimal("0.3")]


async def subscribe(stage: Stage) -> None:
    specs = [MarketSpec(asset_ids=[stage.yes])]
    handle = await stage.ask("subscribe", [*specs, UserSpec()] if stage.flavour.is_secure else specs)
    heard: set[str] = set()
    try:
        await asyncio.sleep(1)  # the SDK tells nobody when its subscription has arrived
        await rests(stage, "0.20")
        async with asyncio.timeout(10):
            async for event in handle:
                heard.add(type(event).__name__)
                if heard >= {"MarketPriceChangeEvent"} | ({"UserOrderEvent"} if stage.flavour.is_secure else set()):
                    return
    finally:
        await handle.close()


MARKETS: Mapping[str, Case] = {
    "get_order_book": get_order_book,
    "get_order_books": get_order_books,
    "get_price": get_price,
    "get_prices": get_prices,
    "get_midpoint": get_midpoint,
    "get_midpoints": get_midpoints,
    "get_spread": get_spread,
    "get_spreads": get_spreads,
    "get_last_trade_price": get_last_trade_price,
    "get_last_trade_prices": get_last_trade_prices,
    "get_market": get_market,
    "list_markets": list_markets,
    **dict.fromkeys(("get_event", "list_events"), events),
    "get_token_references": get_token_references,
    "list_trades": list_trades,
    "list_activity": list_activity,
    "list_positions": list_positions,
    "get_portfolio_value": get_portfolio_value,
    "list_price_history": list_price_history,
    "subscribe": subscribe,
}
