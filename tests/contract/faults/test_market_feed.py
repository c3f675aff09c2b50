"""The market feed and the price cache on the devnet's channel: right while it speaks, not missed when it is silent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal

import pytest
import pytest_asyncio

from remora.adapters.clock import SystemClock
from remora.adapters.keys.mnemonic import MnemonicSigner
from remora.adapters.venue.client import ClobVenue
from remora.adapters.venue.market_feed import MarketFeed, Pulse
from remora.devnet.accounts import MNEMONIC
from remora.devnet.generations import exchanges
from remora.dispatch.books import BookCache
from remora.domain.ids import TokenId
from remora.domain.ignored import Ignored
from remora.domain.market import Book
from tests.contract.faults.scene import Person, Scene, eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

TTL_S = 2
MARKET = "/ws/market"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Who hears the books of the scene's market."""

    scene: Scene
    feed: MarketFeed
    venue: ClobVenue
    cache: BookCache
    ignored: Ignored

    @property
    def tokens(self) -> tuple[TokenId, TokenId]:
        return TokenId(self.scene.market.yes_token_id), TokenId(self.scene.market.no_token_id)

    async def is_right(self) -> bool:
        """Tell whether the live books are those that REST tells."""
        asked = await self.venue.books(self.tokens)
        return all(levels(self.feed.book(token_id)) == levels(asked[token_id]) for token_id in self.tokens)


def levels(book: Book | None) -> object:
    return None if book is None else (book.bids, book.asks)


@pytest_asyncio.fixture(loop_scope="session")
async def listener(scene: Scene) -> AsyncIterator[Listener]:
    endpoints, clock, ignored = scene.devnet.endpoints, SystemClock(), Ignored()
    signer = MnemonicSigner(
        MNEMONIC, chain_id=endpoints.chain_id, exchanges=exchanges(endpoints.contracts), fleet_size=1
    )
    async with ClobVenue(clob_url=endpoints.clob_url, signer=signer, chain_id=endpoints.chain_id, clock=clock) as venue:
        feed = MarketFeed(
            url=endpoints.market_ws_url,
            clock=clock,
            ttl_us=TTL_S * 1_000_000,
            on_tick=venue.forget_market,
            ignored=ignored,
            pulse=Pulse(ping_s=0.2, silence_s=20),
        )
        cache = BookCache(venue=venue, live=feed, clock=clock, ttl_us=1)
        running = asyncio.create_task(feed.run())
        found = Listener(scene=scene, feed=feed, venue=venue, cache=cache, ignored=ignored)
        cache.follow(found.tokens)
        await eventually(found.is_right)
        yield found
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_live_books_are_those_that_rest_and_the_sdk_tell(
    listener: Listener, scene: Scene, alice: Person, bob: Person
) -> None:
    for price, size in (("0.60", "11"), ("0.61", "12"), ("0.59", "13")):
        await scene.rests(alice, size=size, price=price)
        await eventually(listener.is_right)
    await scene.rests(bob, side="BUY", size="14", price="0.60")  # takes the best offer and one more share
    await eventually(listener.is_right)
    told = await alice.client.get_order_book(token_id=scene.yes)
    found = await listener.cache.book(listener.tokens[0])
    assert found is not None
    assert [(Decimal(str(each.price)), Decimal(str(each.shares))) for each in found.asks] == [
        (level.price, level.size) for level in reversed(told.asks)
    ]
    assert listener.ignored.counts() == {}


async def test_a_silent_channel_is_asked_over_rest(listener: Listener, scene: Scene, alice: Person) -> None:
    """Its pings are answered all the time."""
    await scene.inject("stream-silence", endpoint=MARKET)
    await scene.rests(alice, size="11", price="0.60")
    (yes, _) = listener.tokens

    async def is_asked() -> bool:
        book = await listener.cache.book(yes)
        return book is not None and str(book.best_ask) == "0.6" and listener.feed.book(yes) is None

    await eventually(is_asked)


async def test_changes_that_are_kept_back_make_a_book_old(listener: Listener, scene: Scene, alice: Person) -> None:
    await scene.inject("stale-book", endpoint=MARKET)
    await scene.rests(alice, size="11", price="0.60")

    async def is_old() -> bool:
        return listener.feed.book(listener.tokens[0]) is None

    await eventually(is_old)
    book = await listener.cache.book(listener.tokens[0])
    assert book is not None
    assert str(book.best_ask) == "0.6"


@pytest.mark.parametrize("fault", ["stream-close", "stream-duplicate", "stream-disorder"])
async def test_books_are_right_again_after_a_fault(listener: Listener, scene: Scene, alice: Person, fault: str) -> None:
    await scene.inject(fault, endpoint=MARKET, count=1)
    for price in ("0.60", "0.61", "0.62"):
        await scene.rests(alice, size="11", price=price)
    await eventually(listener.is_right)
    assert listener.ignored.counts() == {}
