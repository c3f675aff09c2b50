"""A real node for every test, and one with all contracts for those that need them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from remora.devnet.anvil import Anvil, running_anvil
from remora.devnet.rpc import Node, connected
from tests.contract.chain.world import World, furnished


@pytest.fixture
async def anvil() -> AsyncIterator[Anvil]:
    async with running_anvil(block_time_s=0.1) as running:
        yield running


@pytest.fixture
async def node(anvil: Anvil) -> AsyncIterator[Node]:
    async with connected(anvil.rpc_url) as node:
        yield node


@pytest.fixture
async def world(anvil: Anvil, node: Node) -> AsyncIterator[World]:
    async with furnished(anvil, node) as world:
        yield world
