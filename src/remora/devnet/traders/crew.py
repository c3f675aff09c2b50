"""Brings scripted traders to a devnet: gives their accounts what they need, and runs them while a context lasts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from remora.devnet.accounts import Role, scripted
from remora.devnet.endpoints import Endpoints
from remora.devnet.funding import Funding
from remora.devnet.sdk import async_client
from remora.devnet.traders.leader import Leader
from remora.devnet.traders.market_maker import Ladder, MarketMaker
from remora.domain.money import ONE, Collateral, Shares

_MAKER_COLLATERAL = Collateral(100_000_000 * ONE)
_MAKER_SHARES = Shares(1_000_000 * ONE)
_LEADER_COLLATERAL = Collateral(100_000 * ONE)


@asynccontextmanager
async def market_making(
    endpoints: Endpoints, funding: Funding, *, ladder: Ladder | None = None, pause_s: float = 0.5
) -> AsyncIterator[MarketMaker]:
    """Quote the same ladder in every market, and refill it every `pause_s` seconds."""
    account = scripted(Role.MARKET_MAKER)
    await funding.fund([account.address], collateral=_MAKER_COLLATERAL, approve_exchanges=True)
    for market in endpoints.markets:
        await funding.split(account.address, market, _MAKER_SHARES)
    async with await async_client(endpoints, account.private_key) as client:
        maker = MarketMaker(client)
        for market in endpoints.markets:
            await maker.quote(market, ladder or Ladder())
        async with _alongside(maker.keep_quoting(pause_s=pause_s)):
            yield maker


@asynccontextmanager
async def leading(endpoints: Endpoints, funding: Funding, *, index: int = 0) -> AsyncIterator[Leader]:
    """Bring leader `index`, with collateral and ready to trade."""
    account = scripted(Role.LEADER, index)
    await funding.fund([account.address], collateral=_LEADER_COLLATERAL, approve_exchanges=True)
    async with await async_client(endpoints, account.private_key) as client:
        yield Leader(client)


@asynccontextmanager
async def random_leaders(
    endpoints: Endpoints, funding: Funding, count: int, *, pause_s: float = 4.0
) -> AsyncIterator[tuple[Leader, ...]]:
    """Bring the first `count` leaders, each trading at random, with its index for a seed, every `pause_s` seconds."""
    async with AsyncExitStack() as stack:
        leaders = []
        for index in range(count):
            leader = await stack.enter_async_context(leading(endpoints, funding, index=index))
            trading = leader.trade_at_random(endpoints.markets, seed=index, pause_s=pause_s)
            await stack.enter_async_context(_alongside(trading))
            leaders.append(leader)
        yield tuple(leaders)


@asynccontextmanager
async def _alongside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run endless work until the context ends; if the work fails, so does the context."""
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(work)
        yield
        task.cancel()
