"""What a client of the market channel hears, to the frame, when the channel is silent, closes, stutters or mixes up."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.contract.faults.scene import Person, Scene

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUIET_S = 0.5


@pytest_asyncio.fixture(loop_scope="session")
async def channel(scene: Scene) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    url = scene.devnet.endpoints.market_ws_url
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        await socket.send_json({"type": "market", "assets_ids": [scene.yes]})
        assert json.loads(await socket.receive_str())[0]["asset_id"] == scene.yes
        yield socket


async def sizes(channel: aiohttp.ClientWebSocketResponse, count: int) -> list[str]:
    """Return the sizes that the next changes of the YES book tell of."""
    found: list[str] = []
    while len(found) < count:
        frame: dict[str, Any] = await channel.receive_json(timeout=5)
        found += [change["size"] for change in frame["price_changes"][:1]]
    return found


async def is_silent(channel: aiohttp.ClientWebSocketResponse) -> bool:
    try:
        await channel.receive(timeout=QUIET_S)
    except TimeoutError:
        return True
    return False


async def place(scene: Scene, person: Person, *amounts: str) -> None:
    """Place orders of so many shares, each at a price of its own."""
    for index, amount in enumerate(amounts):
        await scene.rests(person, size=amount, price=f"0.{60 + index}")


async def test_silence_answers_pings(scene: Scene, alice: Person, channel: aiohttp.ClientWebSocketResponse) -> None:
    await scene.inject("stream-silence", endpoint="/ws/market")
    await place(scene, alice, "11")
    await channel.send_str("PING")
    assert await channel.receive_str(timeout=5) == "PONG"


async def test_silence_can_be_complete(scene: Scene, alice: Person, channel: aiohttp.ClientWebSocketResponse) -> None:
    await scene.inject("stream-silence", answers_pings=False)
    await place(scene, alice, "11")
    await channel.send_str("PING")
    assert await is_silent(channel)


async def test_a_channel_closes(scene: Scene, alice: Person, channel: aiohttp.ClientWebSocketResponse) -> None:
    await scene.inject("stream-close", count=1)
    await place(scene, alice, "11")
    assert (await channel.receive(timeout=5)).type is aiohttp.WSMsgType.CLOSE


async def test_events_come_twice(scene: Scene, alice: Person, channel: aiohttp.ClientWebSocketResponse) -> None:
    await scene.inject("stream-duplicate", count=1)
    await place(scene, alice, "11", "12")
    assert await sizes(channel, 3) == ["11", "11", "12"]


async def test_events_come_out_of_order(scene: Scene, alice: Person, channel: aiohttp.ClientWebSocketResponse) -> None:
    await scene.inject("stream-disorder", token=scene.yes, count=1)
    await place(scene, alice, "11", "12", "13")
    assert await sizes(channel, 3) == ["12", "11", "13"]


async def test_a_stale_book_is_not_said_to_change(
    scene: Scene, alice: Person, channel: aiohttp.ClientWebSocketResponse
) -> None:
    await scene.inject("stale-book", token=scene.yes)
    await place(scene, alice, "11")
    assert await is_silent(channel)
