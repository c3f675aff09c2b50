"""What a client hears, to the frame, when the market or the user channel is silent, closes, stutters or mixes up."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.contract.faults.scene import Person, Scene

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUIET_S = 0.5
MARKET, USER = "/ws/market", "/ws/user"


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A subscription to the market in which Alice places orders: as anybody, or as Alice."""

    endpoint: str
    socket: aiohttp.ClientWebSocketResponse

    async def sizes(self, count: int) -> list[str]:
        """Return the sizes of orders that the next events tell of, the price of each being its own."""
        found: list[str] = []
        while len(found) < count:
            frame: dict[str, Any] = await self.socket.receive_json(timeout=5)
            found += (
                [frame["original_size"]]
                if self.endpoint == USER
                else [change["size"] for change in frame["price_changes"][:1]]
            )
        return found

    async def is_silent(self) -> bool:
        try:
            await self.socket.receive(timeout=QUIET_S)
        except TimeoutError:
            return True
        return False


@pytest_asyncio.fixture(loop_scope="session", params=[MARKET, USER])
async def channel(request: pytest.FixtureRequest, scene: Scene, alice: Person) -> AsyncIterator[Channel]:
    endpoints, endpoint = scene.devnet.endpoints, request.param
    url = endpoints.market_ws_url if endpoint == MARKET else endpoints.user_ws_url
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        if endpoint == MARKET:
            await socket.send_json({"type": "market", "assets_ids": [scene.yes]})
            assert json.loads(await socket.receive_str())[0]["asset_id"] == scene.yes
        else:
            key = alice.client.credentials
            auth = {"apiKey": key.key, "secret": key.secret, "passphrase": key.passphrase}
            await socket.send_json({"type": "user", "auth": auth, "markets": [scene.market.condition_id]})
            await socket.send_str("PING")
            assert await socket.receive_str(timeout=5) == "PONG"
        yield Channel(endpoint=endpoint, socket=socket)


async def place(scene: Scene, person: Person, *amounts: str) -> None:
    """Place orders of so many shares, each at a price of its own."""
    for index, amount in enumerate(amounts):
        await scene.rests(person, size=amount, price=f"0.{60 + index}")


async def test_without_a_fault_everything_is_heard_once(scene: Scene, alice: Person, channel: Channel) -> None:
    await place(scene, alice, "11", "12")
    assert await channel.sizes(2) == ["11", "12"]
    assert await channel.is_silent()


@pytest.mark.shows("stream-silence")
async def test_silence_answers_pings(scene: Scene, alice: Person, channel: Channel) -> None:
    await scene.inject("stream-silence", endpoint=channel.endpoint)
    await place(scene, alice, "11")
    await channel.socket.send_str("PING")
    assert await channel.socket.receive_str(timeout=5) == "PONG"
    assert await channel.is_silent()


async def test_silence_of_one_channel_spares_the_other(scene: Scene, alice: Person, channel: Channel) -> None:
    await scene.inject("stream-silence", endpoint=MARKET if channel.endpoint == USER else USER)
    await place(scene, alice, "11")
    assert await channel.sizes(1) == ["11"]


async def test_silence_can_be_complete(scene: Scene, alice: Person, channel: Channel) -> None:
    await scene.inject("stream-silence", answers_pings=False)
    await place(scene, alice, "11")
    await channel.socket.send_str("PING")
    assert await channel.is_silent()


@pytest.mark.shows("stream-close")
async def test_a_channel_closes(scene: Scene, alice: Person, channel: Channel) -> None:
    await scene.inject("stream-close", endpoint=channel.endpoint, count=1)
    await place(scene, alice, "11")
    assert (await channel.socket.receive(timeout=5)).type is aiohttp.WSMsgType.CLOSE


@pytest.mark.shows("stream-duplicate")
async def test_events_come_twice(scene: Scene, alice: Person, channel: Channel) -> None:
    await scene.inject("stream-duplicate", endpoint=channel.endpoint, count=1)
    await place(scene, alice, "11", "12")
    assert await channel.sizes(3) == ["11", "11", "12"]


@pytest.mark.shows("stream-disorder")
async def test_events_come_out_of_order(scene: Scene, alice: Person, channel: Channel) -> None:
    await scene.inject("stream-disorder", endpoint=channel.endpoint, token=scene.yes, count=1)
    await place(scene, alice, "11", "12", "13")
    assert await channel.sizes(3) == ["12", "11", "13"]


@pytest.mark.parametrize("channel", [MARKET], indirect=True)
async def test_a_stale_book_is_not_said_to_change(scene: Scene, alice: Person, channel: Channel) -> None:
    await scene.inject("stale-book", token=scene.yes)
    await place(scene, alice, "11")
    assert await channel.is_silent()
