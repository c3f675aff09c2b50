"""The market feed, against a channel that says what it is told, and against the devnet's."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import WSMsgType, web

from remora.adapters.venue import market_feed
from remora.adapters.venue.market_feed import MarketFeed, Pulse
from remora.domain.ids import TokenId
from remora.domain.ignored import Ignored
from remora.domain.money import Price
from tests.contract.venue.conftest import SystemClock

TOKEN, OTHER = TokenId(2**255 + 7), TokenId(2**255 + 8)
PATIENCE_S = 20
MS = 1_795_368_118_133


@dataclass(slots=True, kw_only=True)
class Channel:
    """A market channel on loopback: what clients said, and the socket of the latest."""

    url: str = ""
    said: list[Any] = field(default_factory=list)
    pings: int = 0
    connections: int = 0
    answers_pings: bool = True
    socket: web.WebSocketResponse | None = None

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        self.connections += 1
        self.socket = socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            if message.type is WSMsgType.TEXT and message.data == "PING":
                self.pings += 1
                if self.answers_pings:
                    await socket.send_str("PONG")
            else:
                self.said.append(json.loads(message.data))
        return socket

    async def tell(self, *events: Any) -> None:
        """Send events in one frame."""
        assert self.socket is not None
        await self.socket.send_str(json.dumps(events if len(events) > 1 else events[0]))


@dataclass(slots=True, kw_only=True)
class Listener:
    """A feed that listens to the channel, and what it heard of ticks."""

    feed: MarketFeed
    ignored: Ignored
    ticks: list[TokenId]


@pytest_asyncio.fixture
async def channel() -> AsyncIterator[Channel]:
    told = Channel()
    app = web.Application()
    app.router.add_get("/ws/market", told.serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    told.url = f"ws://127.0.0.1:{runner.addresses[0][1]}/ws/market"
    yield told
    await runner.cleanup()


@asynccontextmanager
async def listening(url: str, *, ttl_s: float = 60, pulse: Pulse | None = None) -> AsyncIterator[Listener]:
    ticks: list[TokenId] = []
    ignored = Ignored()
    feed = MarketFeed(
        url=url,
        clock=SystemClock(),
        ttl_us=int(ttl_s * 1_000_000),
        on_tick=ticks.append,
        ignored=ignored,
        pulse=pulse or Pulse(ping_s=0.05, silence_s=PATIENCE_S),
    )
    running = asyncio.create_task(feed.run())
    yield Listener(feed=feed, ignored=ignored, ticks=ticks)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110  it waits for a neighbour
            await asyncio.sleep(0.01)


def book(token_id: TokenId = TOKEN, *, bid: str = "0.51", ask: str = "0.52", at_ms: int = MS) -> dict[str, Any]:
    return {
        "event_type": "book",
        "asset_id": str(token_id),
        "bids": [{"price": "0.01", "size": "900"}, {"price": bid, "size": "7"}],
        "asks": [{"price": "0.99", "size": "900"}, {"price": ask, "size": "2"}],
        "timestamp": str(at_ms),
    }


def changed(*changes: dict[str, str], at_ms: int = MS + 1) -> dict[str, Any]:
    return {"event_type": "price_change", "price_changes": list(changes), "timestamp": str(at_ms)}


def change(side: str, price: str, size: str, **more: str) -> dict[str, str]:
    return {"asset_id": str(TOKEN), "side": side, "price": price, "size": size, **more}


def prices(listener: Listener, token_id: TokenId = TOKEN) -> tuple[Price | None, Price | None] | None:
    found = listener.feed.book(token_id)
    return None if found is None else (found.best_bid, found.best_ask)


async def test_it_subscribes_to_what_is_in_play_in_the_venues_words(channel: Channel) -> None:
    async with listening(channel.url) as listener:
        listener.feed.follow({TOKEN})
        await until(lambda: bool(channel.said))
        listener.feed.follow({OTHER, TOKEN})
        await until(lambda: len(channel.said) > 1)
        assert channel.said == [
            {"type": "market", "assets_ids": [str(TOKEN)], "custom_feature_enabled": False},
            {"operation": "subscribe", "assets_ids": [str(OTHER)]},
        ]
        await until(lambda: channel.pings > 2)
        assert channel.connections == 1


async def test_it_connects_only_when_something_is_in_play(channel: Channel) -> None:
    async with listening(channel.url) as listener:
        await asyncio.sleep(0.1)
        assert channel.connections == 0
        listener.feed.follow({TOKEN})
        await until(lambda: channel.connections == 1)


async def test_a_book_and_its_changes(channel: Channel) -> None:
    async with listening(channel.url) as listener:
        listener.feed.follow({TOKEN})
        await until(lambda: bool(channel.said))
        assert listener.feed.book(TOKEN) is None
        await channel.tell(book(), book(OTHER))
        await until(lambda: prices(listener) == (Price(510_000), Price(520_000)))
        assert listener.feed.book(OTHER) is None  # not in play
        await channel.tell(
            changed(
                change("SELL", "0.52", "0", best_bid="0.53", best_ask="0.55"),
                change("SELL", "0.55", "3", best_bid="0.53", best_ask="0.55"),
                change("BUY", "0.53", "3", best_bid="0.53", best_ask="0.55"),
            )
        )
        await until(lambda: prices(listener) == (Price(530_000), Price(550_000)))
        found = listener.feed.book(TOKEN)
        assert found is not None
        assert found.as_of_us == (MS + 1) * 1000


async def test_a_book_of_which_nothing_is_heard_is_not_live(channel: Channel) -> None:
    """Pings are answered all the time: that proves a socket, and no feed."""
    async with listening(channel.url, ttl_s=2) as listener:
        listener.feed.follow({TOKEN})
        await until(lambda: bool(channel.said))
        await channel.tell(book())
        await until(lambda: listener.feed.book(TOKEN) is not None)
        pings = channel.pings
        await until(lambda: listener.feed.book(TOKEN) is None)
        assert channel.pings > pings
        await channel.tell(changed(change("BUY", "0.51", "9")))
        await until(lambda: listener.feed.book(TOKEN) is not None)


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(changed(change("BUY", "0.5", "9", best_bid="0.515", best_ask="0.52")), id="a-change-was-missed"),
        pytest.param(changed(change("BUY", "0.5", "9"), at_ms=MS - 1), id="out-of-order"),
        pytest.param(changed(change("BUY", "half", "9")), id="cannot-be-read"),
    ],
)
async def test_a_book_that_is_in_doubt_is_forgotten_and_asked_for_anew(channel: Channel, event: Any) -> None:
    async with listening(channel.url) as listener:
        listener.feed.follow({TOKEN})
        await until(lambda: bool(channel.said))
        await channel.tell(book())
        await until(lambda: listener.feed.book(TOKEN) is not None)
        await channel.tell(event)
        await until(lambda: listener.feed.book(TOKEN) is None)
        await until(lambda: len(channel.said) > 2)
        assert channel.said[1:] == [
            {"operation": "unsubscribe", "assets_ids": [str(TOKEN)]},
            {"operation": "subscribe", "assets_ids": [str(TOKEN)]},
        ]
        await channel.tell(book(at_ms=MS + 5))
        await until(lambda: listener.feed.book(TOKEN) is not None)


async def test_a_tick_that_changes_is_told(channel: Channel) -> None:
    async with listening(channel.url) as listener:
        listener.feed.follow({TOKEN})
        await until(lambda: bool(channel.said))
        await channel.tell({"event_type": "last_trade_price", "asset_id": str(TOKEN), "price": "0.5"})
        await channel.tell(
            {
                "event_type": "tick_size_change",
                "asset_id": str(TOKEN),
                "old_tick_size": "0.01",
                "new_tick_size": "0.001",
            }
        )
        await until(lambda: listener.ticks == [TOKEN])
        assert listener.ignored.counts() == {}


async def test_what_cannot_be_read_is_counted_and_ends_nothing(channel: Channel) -> None:
    async with listening(channel.url) as listener:
        listener.feed.follow({TOKEN})
        await until(lambda: bool(channel.said))
        assert channel.socket is not None
        for frame in ("INVALID OPERATION", "3", "[[]]", '{"event_type":"book"}'):
            await channel.socket.send_str(frame)
        await channel.tell(book())
        await until(lambda: listener.feed.book(TOKEN) is not None)
        assert listener.ignored.counts() == {"market_feed": 4}
        assert channel.connections == 1


async def test_a_lost_connection_takes_the_books_and_is_made_again(channel: Channel) -> None:
    async with listening(channel.url) as listener:
        listener.feed.follow({TOKEN})
        await until(lambda: bool(channel.said))
        await channel.tell(book())
        await until(lambda: listener.feed.book(TOKEN) is not None)
        assert channel.socket is not None
        await channel.socket.close()
        await until(lambda: listener.feed.book(TOKEN) is None)
        await until(lambda: channel.connections == 2)
        await until(lambda: len(channel.said) == 2)
        assert channel.said[1] == channel.said[0]


async def test_silence_counts_as_lost(channel: Channel) -> None:
    channel.answers_pings = False
    async with listening(channel.url, pulse=Pulse(ping_s=0.05, silence_s=0.3)) as listener:
        listener.feed.follow({TOKEN})
        await until(lambda: channel.connections > 1)


async def test_a_channel_that_is_not_there_is_tried_again(channel: Channel) -> None:
    async with listening("ws://127.0.0.1:9/ws/market") as listener:
        listener.feed.follow({TOKEN})
        await asyncio.sleep(0.2)
        assert listener.feed.book(TOKEN) is None
    assert channel.connections == 0


async def test_tokens_in_play_are_bounded(channel: Channel) -> None:
    async with listening(channel.url) as listener:
        listener.feed.follow([TokenId(number) for number in range(market_feed.MAX_TOKENS + 2)])
        await until(lambda: bool(channel.said))
        assert len(channel.said[0]["assets_ids"]) == market_feed.MAX_TOKENS
        assert not {"0", "1"} & set(channel.said[0]["assets_ids"])
