"""Chance is a seed's: over the wire, too, the same seed strikes the same requests."""

from __future__ import annotations

from http import HTTPStatus

import aiohttp
import pytest

from tests.contract.faults.scene import Scene

pytestmark = pytest.mark.asyncio(loop_scope="session")

REQUESTS = 60


async def test_the_same_seed_strikes_the_same_requests(scene: Scene) -> None:
    first, again, other = [await struck(scene, seed) for seed in (7, 7, 8)]
    assert first == again != other
    assert 15 < sum(first) < 45  # about half of 60


async def struck(scene: Scene, seed: int) -> list[bool]:
    """Return which of a row of requests fail."""
    (fault,) = await scene.inject("error-before", endpoint="GET /time", chance_percent=50, seed=seed)
    async with aiohttp.ClientSession(scene.devnet.endpoints.clob_url) as session:
        found = [await fails(session) for _ in range(REQUESTS)]
    _, answered = await scene.control("DELETE", f"/faults/{fault['id']}")
    assert answered["cleared"][0]["struck"] == sum(found)
    return found


async def fails(session: aiohttp.ClientSession) -> bool:
    async with session.get("/time") as response:
        return response.status == HTTPStatus.INTERNAL_SERVER_ERROR
