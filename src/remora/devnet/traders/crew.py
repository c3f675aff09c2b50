"""Brings scripted traders to a devnet: gives their accounts what they need, and runs them while a context lasts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from remora.devnet.accounts import Role, scripted
from remora.devnet.endpoints import Endpoints, Market
from remora.devnet.funding import Funding
from remora.devnet.sdk import async_client
from remora.devnet.traders.leader import Leader
from remora.devnet.traders.market_maker import Ladder, MarketMaker
from remora.devnet.wallets import Wallets
from remora.domain.money import ONE, Collateral, Shares
from remora.domain.wallets import WalletKind

_MAKER_COLLATERAL = Collateral(100_000_000 * ONE)
MAKER_SHARES = Shares(1_000_000 * ONE)
_LEADER_COLLATERAL = Collateral(100_000 * ONE)


@asynccontextmanager
async def market_making(
    endpoints: Endpoints, funding: Funding, *, ladder: Ladder | None = None, pause_s: float = 0.5
) -> AsyncIterator[MarketMaker]:
    """Quote the same ladder in every market, and refill it every `pause_s` seconds."""
    async with market_maker(endpoints, funding) as maker:
        for market in endpoints.markets:
            await stock(funding, market, MAKER_SHARES)
            await maker.quote(market, ladder or Ladder())
        async with _alongside(maker.keep_quoting(pause_s=pause_s)):
            yield maker


async def quote_once(endpoints: Endpoints, funding: Funding, market: Market, ladder: Ladder) -> None:
    """Have the market maker quote a ladder that nobody refills."""
    account = scripted(Role.MARKET_MAKER)
    offered = Shares(ladder.shares.units * ladder.depth)
    # Each outcome is bid for with less than what its shares pay, and the offered shares are split off a third part.
    await funding.fund([account.address], collateral=Collateral(3 * offered.units), approve_exchanges=True)
    await funding.split(account.address, market, offered)
    async with await async_client(endpoints, account.private_key) as client:
        await MarketMaker(client).quote(market, ladder)


@asynccontextmanager
async def market_maker(endpoints: Endpoints, funding: Funding) -> AsyncIterator[MarketMaker]:
    """Bring the market maker with its collateral; it has no shares, and quotes nothing by itself."""
    account = scripted(Role.MARKET_MAKER)
    await funding.fund([account.address], collateral=_MAKER_COLLATERAL, approve_exchanges=True)
    async with await async_client(endpoints, account.private_key) as client:
        yield MarketMaker(client)


async def stock(funding: Funding, market: Market, shares: Shares) -> None:
    """Give the market maker so many shares of both outcomes, and as much collateral to bid with."""
    maker = scripted(Role.MARKET_MAKER).address
    await funding.fund([maker], collateral=Collateral(2 * shares.units))
    await funding.split(maker, market, shares)


@asynccontextmanager
async def leading(
    endpoints: Endpoints,
    funding: Funding,
    *,
    index: int = 0,
    collateral: Collateral = _LEADER_COLLATERAL,
    with_deposit_wallet: bool = False,
) -> AsyncIterator[Leader]:
    """Bring leader `index`, with collateral and ready to trade, from its own address or from its deposit wallet."""
    account = scripted(Role.LEADER, index)
    wallet = account.address
    if with_deposit_wallet:
        wallet = await Wallets(node=funding.node, contracts=funding.contracts).make(WalletKind.DEPOSIT, wallet)
    await funding.fund([wallet], collateral=collateral, approve_exchanges=True)
    async with await async_client(endpoints, account.private_key, wallet=wallet) as client:
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
