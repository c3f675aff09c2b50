"""One devnet for all contract tests of the official SDK, and two traders who meet in a new market in every test."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from remora.devnet.accounts import Role, scripted
from remora.devnet.endpoints import Version
from remora.devnet.launcher import Devnet, DevnetConfig, running_devnet
from remora.devnet.markets import MarketTerms
from remora.devnet.sdk import async_client
from remora.domain.money import ONE, Collateral, Shares, Wei
from tests.contract.sdk.pit import OpenPit, Pit, Trader

_COLLATERAL = Collateral(1_000_000 * ONE)
_SHARES = Shares(1_000 * ONE)
#: A split for every test's market costs gas.
_NATIVE = Wei.parse("100")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def devnet() -> AsyncIterator[Devnet]:
    async with running_devnet(DevnetConfig(block_time_s=0.2, markets=())) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def alice(devnet: Devnet) -> AsyncIterator[Trader]:
    async with _trader(devnet, 0) as trader:
        yield trader


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def bob(devnet: Devnet) -> AsyncIterator[Trader]:
    async with _trader(devnet, 1) as trader:
        yield trader


@pytest.fixture(scope="session")
def open_pit(devnet: Devnet, alice: Trader, bob: Trader) -> OpenPit:
    numbers = itertools.count(1)

    async def open_one(*, neg_risk: bool = False, fee_rate: str = "0", version: Version = "v1") -> Pit:
        terms = MarketTerms(
            question=f"Is this pit {next(numbers)}?", neg_risk=neg_risk, fee_rate=fee_rate, version=version
        )
        pit = Pit(devnet=devnet, market=await devnet.open_market(terms), opening={})
        for trader in (alice, bob):
            await devnet.funding.split(trader.wallet, pit.market, _SHARES)
        await devnet.clob.catch_up()
        for wallet in (alice.wallet, bob.wallet, pit.fee_receiver):
            pit.opening[wallet] = await pit.balances_of(wallet)
        return pit

    return open_one


@asynccontextmanager
async def _trader(devnet: Devnet, index: int) -> AsyncIterator[Trader]:
    account = scripted(Role.LEADER, index, seed=1)
    await devnet.funding.fund([account.address], collateral=_COLLATERAL, native=_NATIVE, approve_exchanges=True)
    async with await async_client(devnet.endpoints, account.private_key) as client:
        yield Trader(wallet=account.address, client=client)
