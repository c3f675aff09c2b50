"""The price cache: one request for many, never older than it may be, and no memory of failures."""

from __future__ import annotations

import asyncio

import pytest

from remora.dispatch import books
from remora.dispatch.books import BookCache, book_or_none
from remora.domain.errors import Malformed, Refused, Retryable
from remora.domain.ids import TokenId
from tests.fakes.clock import US, SimulatedClock
from tests.fakes.specimens import TOKEN, book
from tests.fakes.venue import FakeVenue


@pytest.fixture
def venue() -> FakeVenue:
    fake = FakeVenue()
    fake.order_books[TOKEN] = book()
    return fake


@pytest.fixture
def cache(venue: FakeVenue, clock: SimulatedClock) -> BookCache:
    return BookCache(venue=venue, live=None, clock=clock, ttl_us=5 * US)


async def test_a_price_is_asked_for_again_after_5_s(cache: BookCache, venue: FakeVenue, clock: SimulatedClock) -> None:
    assert await cache.book(TOKEN) == book()
    venue.order_books[TOKEN] = book(ask="0.6")
    clock.advance(4.999999)
    assert await cache.book(TOKEN) == book()
    clock.advance(0.000001)
    assert await cache.book(TOKEN) == book(ask="0.6")
    assert venue.asked == ["book", "book"]


async def test_many_who_ask_at_once_share_one_request(cache: BookCache, venue: FakeVenue) -> None:
    answers = await asyncio.gather(*(cache.book(TOKEN) for _ in range(1000)))
    assert set(answers) == {book()}
    assert venue.asked == ["book"]


async def test_tokens_have_their_own_prices(cache: BookCache, venue: FakeVenue) -> None:
    other = TokenId(8)
    venue.order_books[other] = book(ask="0.9")
    assert list(await asyncio.gather(cache.book(TOKEN), cache.book(other))) == [book(), book(ask="0.9")]


async def test_a_token_without_a_book_has_no_price(cache: BookCache, venue: FakeVenue) -> None:
    assert await cache.book(TokenId(9)) is None
    assert await cache.book(TokenId(9)) is None
    assert venue.asked == ["book"]


async def test_a_failure_reaches_all_who_asked_and_is_not_remembered(cache: BookCache, venue: FakeVenue) -> None:
    venue.troubles["book"].append(Retryable("busy"))
    answers = await asyncio.gather(*(cache.book(TOKEN) for _ in range(3)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [Retryable] * 3
    assert await cache.book(TOKEN) == book()
    assert venue.asked == ["book", "book"]


async def test_who_stops_waiting_does_not_stop_the_others(cache: BookCache, venue: FakeVenue) -> None:
    impatient, patient = (asyncio.ensure_future(cache.book(TOKEN)) for _ in range(2))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == book()
    assert venue.asked == ["book"]


async def test_the_cache_is_bounded(cache: BookCache, venue: FakeVenue) -> None:
    for token_id in range(books.MAX_TOKENS + 1):
        await cache.book(TokenId(token_id))
    venue.asked.clear()
    await cache.book(TokenId(1))
    assert venue.asked == []
    await cache.book(TokenId(0))  # the oldest had to go
    assert venue.asked == ["book"]
    assert len(cache._cached) == books.MAX_TOKENS


async def test_silence_is_no_price_after_three_tries(cache: BookCache, venue: FakeVenue, clock: SimulatedClock) -> None:
    venue.troubles["book"].extend([Retryable("busy", 0.2), Retryable("busy", 7.0), Retryable("busy", 0.0)])
    assert await book_or_none(cache, TOKEN, clock) is None
    assert venue.asked == ["book"] * 3
    assert clock.slept_s == [0.2, 0.5, 0.0]  # a copy does not wait 7 s


async def test_a_venue_that_recovers_is_heard(cache: BookCache, venue: FakeVenue, clock: SimulatedClock) -> None:
    venue.troubles["book"].append(Retryable("busy", 0.2))
    assert await book_or_none(cache, TOKEN, clock) == book()


@pytest.mark.parametrize("answer", [Refused("no"), Malformed("expected a list")])
async def test_an_answer_that_tells_no_price_is_no_price(
    cache: BookCache, venue: FakeVenue, clock: SimulatedClock, answer: Exception
) -> None:
    venue.troubles["book"].append(answer)  # type: ignore[arg-type]  # both are RemoraErrors
    assert await book_or_none(cache, TOKEN, clock) is None
    assert venue.asked == ["book"]
