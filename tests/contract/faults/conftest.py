"""One devnet for all tests of its faults, two traders, and a clean board before and after every test."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from remora.devnet.accounts import Role, scripted
from remora.devnet.launcher import Devnet, DevnetConfig, running_devnet
from remora.devnet.markets import MarketTerms
from remora.devnet.sdk import async_client
from remora.domain.money import ONE, Collateral, Shares
from tests.contract.faults.scene import NATIVE, Person, Scene

_COLLATERAL = Collateral(1_000_000 * ONE)
_SHARES = Shares(1_000 * ONE)
_numbers = itertools.count(1)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def devnet() -> AsyncIterator[Devnet]:
    async with running_devnet(DevnetConfig(block_time_s=0.2, markets=())) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def people(devnet: Devnet) -> AsyncIterator[tuple[Person, Person]]:
    accounts = [scripted(Role.LEADER, index, seed=7) for index in range(2)]
    wallets = [account.address for account in accounts]
    await devnet.funding.fund(wallets, collateral=_COLLATERAL, native=NATIVE, approve_exchanges=True)
    async with AsyncExitStack() as stack:
        alice, bob = [
            Person(
                account=account,
                client=await stack.enter_async_context(await async_client(devnet.endpoints, account.private_key)),
            )
            for account in accounts
        ]
        yield alice, bob


@pytest_asyncio.fixture(loop_scope="session")
async def scene(devnet: Devnet, people: tuple[Person, Person]) -> AsyncIterator[Scene]:
    market = await devnet.open_market(MarketTerms(question=f"Does fault {next(_numbers)} show?"))
    for person in people:
        await devnet.funding.split(person.wallet, market, _SHARES)
    scene = Scene(devnet=devnet, market=market, alice=people[0], bob=people[1])
    yield scene
    await scene.control("DELETE", "/faults")


@pytest.fixture
def alice(scene: Scene) -> Person:
    return scene.alice


@pytest.fixture
def bob(scene: Scene) -> Person:
    return scene.bob
