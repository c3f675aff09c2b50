"""The price cache: one request for many, never older than it may be, and no memory of failures."""

from __future__ import annotations

import asyncio

import pytest

from remora.dispatch import prices
from remora.dispatch.prices import PriceCache, quote_or_none
from remora.domain.errors import Malformed, Refused, Retryable
from remora.domain.ids import TokenId
from tests.fakes.clock import US, SimulatedClock
from tests.fakes.specimens import TOKEN, quote
from tests.fakes.venue import FakeVenue


@pytest.fixture
def venue() -> FakeVenue:
    book = FakeVenue()
    book.quotes[TOKEN] = quote()
    return book


@pytest.fixture
def cache(venue: FakeVenue, clock: SimulatedClock) -> PriceCache:
    return PriceCache(venue=venue, clock=clock, ttl_us=5 * US)


async def test_a_price_is_asked_for_again_after_5_s(cache: PriceCache, venue: FakeVenue, clock: SimulatedClock) -> None:
    assert await cache.quote(TOKEN) == quote()
    venue.quotes[TOKEN] = quote(ask="0.6")
    clock.advance(4.999999)
    assert await cache.quote(TOKEN) == quote()
    clock.advance(0.000001)
    assert await cache.quote(TOKEN) == quote(ask="0.6")
    assert venue.asked == ["quote", "quote"]


async def test_many_who_ask_at_once_share_one_request(cache: PriceCache, venue: FakeVenue) -> None:
    answers = await asyncio.gather(*(cache.quote(TOKEN) for _ in range(1000)))
    assert set(answers) == {quote()}
    assert venue.asked == ["quote"]


async def test_tokens_have_their_own_prices(cache: PriceCache, venue: FakeVenue) -> None:
    other = TokenId(8)
    venue.quotes[other] = quote(ask="0.9")
    assert list(await asyncio.gather(cache.quote(TOKEN), cache.quote(other))) == [quote(), quote(ask="0.9")]


async def test_a_token_without_a_book_has_no_price(cache: PriceCache, venue: FakeVenue) -> None:
    assert await cache.quote(TokenId(9)) is None
    assert await cache.quote(TokenId(9)) is None
    assert venue.asked == ["quote"]


async def test_a_failure_reaches_all_who_asked_and_is_not_remembered(cache: PriceCache, venue: FakeVenue) -> None:
    venue.troubles["quote"].append(Retryable("busy"))
    answers = await asyncio.gather(*(cache.quote(TOKEN) for _ in range(3)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [Retryable] * 3
    assert await cache.quote(TOKEN) == quote()
    assert venue.asked == ["quote", "quote"]


async def test_who_stops_waiting_does_not_stop_the_others(cache: PriceCache, venue: FakeVenue) -> None:
    impatient, patient = (asyncio.ensure_future(cache.quote(TOKEN)) for _ in range(2))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == quote()
    assert venue.asked == ["quote"]


async def test_the_cache_is_bounded(cache: PriceCache, venue: FakeVenue) -> None:
    for token_id in range(prices.MAX_TOKENS + 1):
        await cache.quote(TokenId(token_id))
    venue.asked.clear()
    await cache.quote(TokenId(1))
    assert venue.asked == []
    await cache.quote(TokenId(0))  # the oldest had to go
    assert venue.asked == ["quote"]
    assert len(cache._cached) == prices.MAX_TOKENS


async def test_silence_is_no_price_after_three_tries(
    cache: PriceCache, venue: FakeVenue, clock: SimulatedClock
) -> None:
    venue.troubles["quote"].extend([Retryable("busy", 0.2), Retryable("busy", 7.0), Retryable("busy", 0.0)])
    assert await quote_or_none(cache, TOKEN, clock) is None
    assert venue.asked == ["quote"] * 3
    assert clock.slept_s == [0.2, 0.5, 0.0]  # a copy does not wait 7 s


async def test_a_venue_that_recovers_is_heard(cache: PriceCache, venue: FakeVenue, clock: SimulatedClock) -> None:
    venue.troubles["quote"].append(Retryable("busy", 0.2))
    assert await quote_or_none(cache, TOKEN, clock) == quote()


@pytest.mark.parametrize("answer", [Refused("no"), Malformed("expected a list")])
async def test_an_answer_that_tells_no_price_is_no_price(
    cache: PriceCache, venue: FakeVenue, clock: SimulatedClock, answer: Exception
) -> None:
    venue.troubles["quote"].append(answer)  # type: ignore[arg-type]  # both are RemoraErrors
    assert await quote_or_none(cache, TOKEN, clock) is None
    assert venue.asked == ["quote"]
