"""Markets that hold takers back, and traders who vanish, through the official SDK."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from polymarket import OrderHeartbeatMismatchError
from polymarket.models.clob.user_events import UserOrderEvent
from polymarket.streams import UserSpec

from remora.devnet.endpoints import Market
from remora.devnet.launcher import Devnet
from remora.devnet.markets import MarketTerms
from remora.domain.money import ONE, Shares
from tests.contract.sdk.pit import OpenPit, Trader, accepted

pytestmark = pytest.mark.asyncio(loop_scope="session")

_TIMEOUT_S = 20


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def slow_market(devnet: Devnet, alice: Trader) -> AsyncIterator[Market]:
    market = await devnet.open_market(MarketTerms(question="Will it be delayed?", seconds_delay=1))
    await devnet.funding.split(alice.wallet, market, Shares(100 * ONE))
    yield market


async def test_a_delayed_order_is_matched_later(slow_market: Market, alice: Trader, bob: Trader) -> None:
    token = str(slow_market.yes_token_id)
    accepted(await alice.client.place_limit_order(token_id=token, price="0.50", size="10", side="SELL"))
    async with (
        await bob.client.subscribe(UserSpec(markets=[slow_market.condition_id])) as events,
        asyncio.timeout(_TIMEOUT_S),
    ):
        order = accepted(await bob.client.place_market_order(token_id=token, side="BUY", amount="5", max_price="0.50"))
        assert order.status == "delayed"
        assert not order.making_amount
        assert not order.taking_amount
        assert not order.trade_ids
        heard: list[str | None] = []
        while "MATCHED" not in heard:
            event = await anext(events)
            if isinstance(event, UserOrderEvent):
                assert event.payload.id == order.order_id
                heard.append(event.payload.status)
    assert heard == ["DELAYED", "MATCHED"]
    assert (await bob.client.get_order(order_id=order.order_id)).size_matched == 10


async def test_the_catalogue_tells_the_delay(slow_market: Market, bob: Trader) -> None:
    market = await bob.client.get_market(slug=slow_market.slug)
    assert market.trading.seconds_delay == 1


async def test_who_stops_sending_heartbeats_loses_its_orders(open_pit: OpenPit, alice: Trader) -> None:
    pit = await open_pit()
    order = accepted(await alice.client.place_limit_order(token_id=pit.yes, price="0.10", size="10", side="BUY"))
    first = await alice.client.send_order_heartbeat()
    with pytest.raises(OrderHeartbeatMismatchError) as caught:
        await alice.client.send_order_heartbeat()
    assert caught.value.heartbeat_id == first.heartbeat_id
    await alice.client.send_order_heartbeat(heartbeat_id=first.heartbeat_id)

    async with asyncio.timeout(_TIMEOUT_S):
        while (found := await alice.client.get_order(order_id=order.order_id)).status != "CANCELED":
            assert found.status == "LIVE"
            await asyncio.sleep(0.5)
