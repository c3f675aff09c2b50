"""The real-time channel: undocumented at the venue, so that no SDK reads it; it names the wallet of every trade."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from remora.devnet.launcher import Devnet
from tests.contract.sdk.pit import OpenPit, Pit, Trader, accepted

pytestmark = pytest.mark.asyncio(loop_scope="session")

_TIMEOUT_S = 10


@asynccontextmanager
async def connected(url: str, *subscriptions: dict[str, str]) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket, asyncio.timeout(_TIMEOUT_S):
        await socket.send_json({"action": "subscribe", "subscriptions": list(subscriptions)})
        yield socket


async def events(socket: aiohttp.ClientWebSocketResponse, count: int) -> list[dict[str, Any]]:
    return [json.loads(await socket.receive_str()) for _ in range(count)]


async def deal(pit: Pit, alice: Trader, bob: Trader) -> None:
    accepted(await alice.client.place_limit_order(token_id=pit.yes, price="0.50", size="10", side="SELL"))
    await bob.settled(await bob.client.place_market_order(token_id=pit.yes, side="BUY", amount="5", max_price="0.50"))


async def test_a_trade_is_told_when_it_is_matched_and_when_it_is_mined(
    open_pit: OpenPit, alice: Trader, bob: Trader
) -> None:
    pit = await open_pit()
    filters = json.dumps({"market_slug": pit.market.slug})
    every = {"topic": "activity", "type": "*", "filters": filters}
    async with connected(pit.devnet.endpoints.live_ws_url, every) as socket:
        await deal(pit, alice, bob)
        heard = await events(socket, 4)
    assert [(each["topic"], each["type"]) for each in heard] == [
        ("activity", "orders_matched"),
        ("activity", "orders_matched"),
        ("activity", "trades"),
        ("activity", "trades"),
    ]
    taken, made = heard[0]["payload"], heard[1]["payload"]
    assert (taken["proxyWallet"], taken["side"], made["proxyWallet"], made["side"]) == (
        bob.wallet,
        "BUY",
        alice.wallet,
        "SELL",
    )
    assert (taken["asset"], taken["conditionId"], taken["size"], taken["price"]) == (
        pit.yes,
        pit.market.condition_id,
        10,
        0.5,
    )
    (listed,) = (await bob.client.list_trades(condition_id=pit.market.condition_id).first_page()).items
    assert {each["payload"]["transactionHash"] for each in heard} == {listed.transaction_hash}


async def test_filters_and_unsubscribing_leave_out(open_pit: OpenPit, alice: Trader, bob: Trader) -> None:
    pit = await open_pit()
    elsewhere = {"topic": "activity", "type": "trades", "filters": json.dumps({"event_slug": "elsewhere"})}
    matched = {"topic": "activity", "type": "orders_matched"}
    async with connected(pit.devnet.endpoints.live_ws_url, elsewhere, matched) as socket:
        await socket.send_json({"action": "unsubscribe", "subscriptions": [matched]})
        await deal(pit, alice, bob)
        await socket.send_str("PING")
        assert await socket.receive_str() == "PONG"


async def test_filters_that_are_no_json_object_are_refused(devnet: Devnet) -> None:
    bare = {"topic": "activity", "type": "trades", "filters": "slug"}
    async with connected(devnet.endpoints.live_ws_url, bare) as socket:
        assert (await socket.receive_json())["statusCode"] == 400
