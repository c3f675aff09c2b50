"""The memory of markets: one fetch for all who ask, for ten minutes, for a bounded number of tokens."""

from __future__ import annotations

import asyncio

import pytest

from remora.adapters.venue import markets
from remora.adapters.venue.markets import MarketCache
from remora.domain.errors import Refused, RemoraError, Retryable
from remora.domain.ids import ConditionId, TokenId
from remora.domain.market import MarketInfo
from remora.domain.money import Price, Shares
from tests.unit.venue.conftest import SimulatedClock

MINUTE_US = 60 * 1_000_000


def market(token_id: TokenId) -> MarketInfo:
    return MarketInfo(
        condition_id=ConditionId("0x" + 64 * "c"),
        token_id=token_id,
        tick=Price(10_000),
        min_order_size=Shares(5_000_000),
        neg_risk=False,
        fee_rate_units=0,
    )


class Source:
    """What the cache fetches from: it answers when released, with a market, None or an error."""

    def __init__(self) -> None:
        self.asked: list[TokenId] = []
        self.released = asyncio.Event()
        self.error: RemoraError | None = None
        self.knows = True

    async def fetch(self, token_id: TokenId) -> MarketInfo | None:
        self.asked.append(token_id)
        await self.released.wait()
        if self.error is not None:
            raise self.error
        return market(token_id) if self.knows else None


@pytest.fixture
def source() -> Source:
    return Source()


async def test_all_who_ask_during_a_fetch_share_it(source: Source, clock: SimulatedClock) -> None:
    cache = MarketCache(source.fetch, clock)
    asking = [asyncio.create_task(cache.get(TokenId(1))) for _ in range(50)]
    await asyncio.sleep(0)
    source.released.set()
    assert await asyncio.gather(*asking) == [market(TokenId(1))] * 50
    assert source.asked == [1]


async def test_a_market_is_remembered_for_ten_minutes(source: Source, clock: SimulatedClock) -> None:
    source.released.set()
    cache = MarketCache(source.fetch, clock)
    for minutes in (0, 9):
        clock.us += minutes * MINUTE_US
        await cache.get(TokenId(1))
    assert source.asked == [1]
    clock.us += MINUTE_US
    await cache.get(TokenId(1))
    assert source.asked == [1, 1]


async def test_a_clock_set_back_does_not_keep_a_market_for_ever(source: Source, clock: SimulatedClock) -> None:
    source.released.set()
    cache = MarketCache(source.fetch, clock)
    await cache.get(TokenId(1))
    clock.us -= 60 * MINUTE_US
    await cache.get(TokenId(1))
    assert source.asked == [1, 1]


async def test_absence_is_not_remembered(source: Source, clock: SimulatedClock) -> None:
    source.released.set()
    source.knows = False
    cache = MarketCache(source.fetch, clock)
    assert await cache.get(TokenId(1)) is None
    source.knows = True
    assert await cache.get(TokenId(1)) == market(TokenId(1))


async def test_an_error_reaches_all_who_waited_and_is_not_remembered(source: Source, clock: SimulatedClock) -> None:
    cache = MarketCache(source.fetch, clock)
    source.error = Refused("Invalid token id")
    asking = [asyncio.create_task(cache.get(TokenId(1))) for _ in range(3)]
    await asyncio.sleep(0)
    source.released.set()
    assert [type(found) for found in await asyncio.gather(*asking, return_exceptions=True)] == [Refused] * 3
    source.error = None
    assert await cache.get(TokenId(1)) == market(TokenId(1))


async def test_who_waits_is_not_cancelled_with_who_fetches(source: Source, clock: SimulatedClock) -> None:
    cache = MarketCache(source.fetch, clock)
    leading = asyncio.create_task(cache.get(TokenId(1)))
    waiting = asyncio.create_task(cache.get(TokenId(1)))
    await asyncio.sleep(0)
    leading.cancel()
    with pytest.raises(Retryable):
        await waiting
    assert leading.cancelled()


async def test_who_fetches_is_not_cancelled_with_who_waits(source: Source, clock: SimulatedClock) -> None:
    cache = MarketCache(source.fetch, clock)
    leading = asyncio.create_task(cache.get(TokenId(1)))
    waiting = asyncio.create_task(cache.get(TokenId(1)))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.sleep(0)
    source.released.set()
    assert await leading == market(TokenId(1))


async def test_the_oldest_market_leaves_a_full_cache(
    source: Source, clock: SimulatedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(markets, "_CAPACITY", 2)
    source.released.set()
    cache = MarketCache(source.fetch, clock)
    for token in (1, 2, 3, 2, 3, 1):
        await cache.get(TokenId(token))
    assert source.asked == [1, 2, 3, 1]
