"""The whole public surface of the official SDK, unmodified, on the devnet: each method by each client that has it.

A method that is neither driven nor out of scope with its reason fails the suite, so a new version of the SDK tells what
it brought.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from remora.devnet.launcher import Devnet
from tests.contract.sdk.flavours import Flavour, methods_of
from tests.contract.sdk.pit import Trader
from tests.contract.sdk.stage import Stage, staged
from tests.contract.sdk.surface_markets import MARKETS
from tests.contract.sdk.surface_scope import OUT_OF_SCOPE
from tests.contract.sdk.surface_trading import TRADING, Case
from tests.contract.sdk.surface_wallets import WALLETS

pytestmark = pytest.mark.asyncio(loop_scope="session")

CASES: Mapping[str, Case] = {**TRADING, **MARKETS, **WALLETS}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stages(devnet: Devnet, bob: Trader) -> AsyncIterator[Mapping[Flavour, Stage]]:
    async with AsyncExitStack() as opened:
        yield {flavour: await opened.enter_async_context(staged(devnet, flavour, bob)) for flavour in Flavour}


@pytest.mark.parametrize(
    ("flavour", "method"),
    [
        pytest.param(flavour, method, id=f"{flavour.name}-{method}")
        for flavour in Flavour
        for method in CASES
        if method in methods_of(flavour)
    ],
)
async def test_a_method_does_on_the_devnet_what_it_is_for(
    flavour: Flavour, method: str, stages: Mapping[Flavour, Stage]
) -> None:
    stage = stages[flavour]
    try:
        await CASES[method](stage)
    finally:
        for client in (stage.other.client, stage.owner):
            await client.cancel_all()


@pytest.mark.parametrize("flavour", Flavour, ids=lambda flavour: flavour.name)
async def test_every_method_is_driven_or_out_of_scope_with_its_reason(flavour: Flavour) -> None:
    assert methods_of(flavour) - CASES.keys() - OUT_OF_SCOPE.keys() == set()


async def test_nothing_is_listed_that_the_sdk_does_not_have() -> None:
    known = set[str]().union(*map(methods_of, Flavour))
    assert (CASES.keys() | OUT_OF_SCOPE.keys()) - known == set()
    assert CASES.keys() & OUT_OF_SCOPE.keys() == set()
