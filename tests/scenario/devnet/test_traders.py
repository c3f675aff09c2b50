"""The scripted traders keep a market alive."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal

import pytest
from polymarket import AcceptedOrder, AsyncPublicClient

from remora.devnet.launcher import Devnet
from remora.devnet.sdk import environment
from remora.devnet.traders.crew import leading, market_making, random_leaders
from remora.devnet.traders.market_maker import Ladder
from remora.devnet.traders.outcome import Outcome
from remora.domain.money import ONE, Collateral, Price, Shares
from remora.domain.signal import Side

pytestmark = pytest.mark.asyncio(loop_scope="session")

_LADDER = Ladder(mid=Price(400_000), depth=2, shares=Shares(100 * ONE))


async def test_a_ladder_quotes_both_outcomes_and_is_refilled(devnet: Devnet) -> None:
    endpoints, funding = devnet.endpoints, devnet.funding
    market = endpoints.markets[1]
    async with (
        market_making(endpoints, funding, ladder=_LADDER, pause_s=0.05),
        leading(endpoints, funding, index=5) as leader,
        AsyncPublicClient(environment=environment(endpoints)) as public,
    ):

        async def asks(outcome: Outcome) -> dict[Decimal, Decimal]:
            book = await public.get_order_book(token_id=str(outcome.token_of(market)))
            return {level.price: level.size for level in book.asks}

        # Each level stands twice: as a sell of the one outcome and as a buy of the other.
        yes = {Decimal("0.41"): Decimal(200), Decimal("0.42"): Decimal(200)}
        assert await asks(Outcome.YES) == yes
        assert await asks(Outcome.NO) == {Decimal("0.61"): Decimal(200), Decimal("0.62"): Decimal(200)}

        bought = await leader.buy(market, Outcome.YES, Collateral.parse("61.50"), at_most=Price.parse("0.41"))
        assert isinstance(bought, AcceptedOrder)
        assert bought.taking_amount == Decimal(150)  # 61.50 / 0.41

        async def is_refilled() -> bool:
            # 50 were left: the empty order is replaced, the one with just a half stays.
            return await asks(Outcome.YES) == {**yes, Decimal("0.41"): Decimal(150)}

        await _until(is_refilled)


async def test_a_leader_buys_sells_and_rests(devnet: Devnet) -> None:
    endpoints, funding = devnet.endpoints, devnet.funding
    market = endpoints.markets[0]
    async with (
        market_making(endpoints, funding, ladder=_LADDER),
        leading(endpoints, funding, index=6) as leader,
    ):
        bought = await leader.buy(market, Outcome.NO, Collateral.parse("12.20"))
        assert isinstance(bought, AcceptedOrder)
        assert bought.taking_amount == Decimal(20)  # 12.20 / 0.61

        async def has_arrived() -> bool:
            return await leader.holding(market, Outcome.NO) == Shares(20 * ONE)

        await _until(has_arrived)
        sold = await leader.sell(market, Outcome.NO, Shares(10 * ONE), at_least=Price.parse("0.55"))
        assert isinstance(sold, AcceptedOrder)
        assert sold.taking_amount == Decimal("5.9")  # 10 x 0.59
        resting = await leader.rest(market, Outcome.NO, Side.SELL, Price.parse("0.90"), Shares(10 * ONE))
        assert isinstance(resting, AcceptedOrder)
        assert resting.status == "live"


async def test_random_leaders_trade(devnet: Devnet) -> None:
    endpoints, funding = devnet.endpoints, devnet.funding
    async with (
        market_making(endpoints, funding),
        random_leaders(endpoints, funding, 2, pause_s=0.05) as leaders,
    ):
        assert len({leader.wallet for leader in leaders}) == 2

        async def have_shares() -> bool:
            held = [
                await leader.holding(market, outcome)
                for leader in leaders
                for market in endpoints.markets
                for outcome in Outcome
            ]
            return sum(bool(shares) for shares in held) > 3

        await _until(have_shares)


async def _until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.05)
