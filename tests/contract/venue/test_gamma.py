"""Descriptions of markets: asked for together, remembered for a while, and equal to what the official SDK reads."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from polymarket import AsyncPublicClient

from remora.adapters.venue.gamma import Gamma, Lifetimes
from remora.devnet.launcher import Devnet, DevnetConfig, running_devnet
from remora.devnet.markets import MarketTerms
from remora.devnet.sdk import environment
from remora.domain.ids import TokenId
from remora.domain.ignored import Ignored
from remora.domain.money import Collateral
from tests.contract.venue.conftest import LoopbackVenue
from tests.fakes.clock import SimulatedClock
from tests.fakes.waiting import until

YES, NO, POSITION = TokenId(2**255 + 2**60 + 7), TokenId(2**255 + 2**60 + 8), TokenId(2**248 + 1)
ROUTE = "GET /markets/keyset"
LIFETIMES = Lifetimes(fresh_s=300, known_s=3_600, unknown_s=30)


def market(**changes: Any) -> dict[str, Any]:
    return {
        "question": "Will it snow?",
        "slug": "will-it-snow",
        "outcomes": '["Yes", "No"]',
        "clobTokenIds": json.dumps([str(YES), str(NO)]),
        **changes,
    }


@pytest.fixture
def ignored() -> Ignored:
    return Ignored()


@pytest_asyncio.fixture
async def gamma(loopback: LoopbackVenue, ignored: Ignored, clock: SimulatedClock) -> AsyncIterator[Gamma]:
    loopback.answers(ROUTE, {"markets": [market()]})
    async with Gamma(gamma_url=loopback.url, clock=clock, ignored=ignored, lifetimes=LIFETIMES) as client:
        yield client


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock()


async def slug(gamma: Gamma, token_id: TokenId = YES) -> str | None:
    found = await gamma.listing(token_id)
    return None if found is None else found.slug


async def test_tokens_that_are_asked_for_at_once_share_a_request(gamma: Gamma, loopback: LoopbackVenue) -> None:
    found = await asyncio.gather(*(gamma.listing(token_id) for token_id in [YES, NO, YES, POSITION] * 10))
    assert [each and each.outcome for each in found[:4]] == ["Yes", "No", "Yes", None]
    first, second = loopback.requests(ROUTE)
    assert "clob_token_ids" in first.query
    assert first.query["include_tag"] == "true"
    assert second.query["position_ids"] == str(POSITION)


async def test_what_is_known_is_not_asked_for_again_until_it_is_old(
    gamma: Gamma, loopback: LoopbackVenue, clock: SimulatedClock
) -> None:
    assert await slug(gamma) == "will-it-snow"
    clock.advance(LIFETIMES.fresh_s - 1)
    loopback.answers(ROUTE, {"markets": [market(slug="anew")]})
    assert await slug(gamma) == "will-it-snow"
    assert len(loopback.heard) == 1
    clock.advance(1)
    assert await slug(gamma) == "will-it-snow"  # served while it is fetched anew
    await until(lambda: len(loopback.heard) == 2)
    async with asyncio.timeout(10):
        while await slug(gamma) != "anew":  # noqa: ASYNC110  nothing tells when it is there
            await asyncio.sleep(0.01)


async def test_what_is_too_old_to_be_true_is_not_served(
    gamma: Gamma, loopback: LoopbackVenue, clock: SimulatedClock, ignored: Ignored
) -> None:
    assert await slug(gamma) == "will-it-snow"
    loopback.answers(ROUTE, {"error": "internal"}, status=500)
    clock.advance(LIFETIMES.known_s - 1)
    assert await slug(gamma) == "will-it-snow"
    clock.advance(1)
    assert await slug(gamma) is None
    assert ignored.counts()["listing"] >= 1


async def test_that_nothing_is_known_is_remembered_briefly(
    gamma: Gamma, loopback: LoopbackVenue, clock: SimulatedClock
) -> None:
    loopback.answers(ROUTE, {"markets": []})
    assert await slug(gamma) is None
    loopback.answers(ROUTE, {"markets": [market()]})
    clock.advance(LIFETIMES.unknown_s - 1)
    assert await slug(gamma) is None
    assert len(loopback.heard) == 1
    clock.advance(1)
    assert await slug(gamma) == "will-it-snow"


@pytest.mark.parametrize(
    "body", [b"<html>", {"markets": None}, {"markets": [None]}, {"markets": [market(outcomes="?")]}, []]
)
async def test_what_cannot_be_read_is_none_and_counted(
    gamma: Gamma, loopback: LoopbackVenue, ignored: Ignored, body: Any
) -> None:
    loopback.answers(ROUTE, body)
    assert await slug(gamma) is None
    assert ignored.counts() == {"listing": 1}


async def test_a_market_that_cannot_be_read_hides_no_other(
    gamma: Gamma, loopback: LoopbackVenue, ignored: Ignored
) -> None:
    loopback.answers(ROUTE, {"markets": [market(outcomes="?"), market()]})
    assert await slug(gamma) == "will-it-snow"
    assert ignored.counts() == {"listing": 1}


async def test_trouble_is_not_remembered(gamma: Gamma, loopback: LoopbackVenue) -> None:
    loopback.answers(ROUTE, {"error": "busy"}, status=429)
    assert await slug(gamma) is None
    loopback.answers(ROUTE, {"markets": [market()]})
    assert await slug(gamma) == "will-it-snow"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def devnet() -> AsyncIterator[Devnet]:
    async with running_devnet(DevnetConfig(block_time_s=0.2, markets=())) as running:
        yield running


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_the_devnets_gamma_is_read_as_the_sdk_reads_it(devnet: Devnet, version: Any) -> None:
    terms = MarketTerms(
        question=f"Will it rain in generation {version}?",
        event=f"Rain {version}",
        version=version,
        category="Weather",
        tags=("Weather", "Next Week"),
        past_volume="1234.5",
        ends_s=1_900_000_000,
    )
    opened = await devnet.open_market(terms)
    token_id = TokenId(opened.yes_token_id)
    clock = SimulatedClock()
    async with Gamma(gamma_url=devnet.endpoints.gamma_url, clock=clock, ignored=Ignored()) as client:
        found = await client.listing(token_id)
    async with AsyncPublicClient(environment=environment(devnet.endpoints)) as sdk:
        told = await sdk.get_market(slug=opened.slug, include_tag=True)
    assert found is not None
    assert told.outcomes.yes.label is not None
    assert (found.question, found.slug, found.outcome) == (told.question, told.slug, told.outcomes.yes.label)
    assert found.event_slug == told.events[0].slug == f"rain-{version}"
    assert found.category == "weather"
    assert {tag.label and tag.label.lower() for tag in told.tags} <= found.tags
    assert "next-week" in found.tags
    assert told.metrics.volume_24hr is not None
    assert found.volume_24h == Collateral.parse(str(told.metrics.volume_24hr)) == Collateral.parse("1234.5")
    assert told.metrics.liquidity is not None
    assert found.liquidity == Collateral.parse(str(told.metrics.liquidity))
    assert told.state.end_date is not None
    assert found.ends_us == int(told.state.end_date.timestamp()) * 1_000_000 == 1_900_000_000_000_000
    assert found.opposite == TokenId(opened.no_token_id)
