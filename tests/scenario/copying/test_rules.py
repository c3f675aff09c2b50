"""Policies change while the supervisor runs: the next trade is decided by what is in force then, through kill -9."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

import aiohttp
import pytest
import pytest_asyncio
from sqlalchemy import select

from remora.adapters.store import schema
from remora.adapters.store.database import attached
from remora.bootstrap.rules import registry_on
from remora.devnet.demo.cast import Cast, Follower
from remora.domain.signal import Side
from remora.registry import Registry
from remora.settings.policies.writer import written
from tests.contract.api.conftest import free_port
from tests.scenario.casts import trio
from tests.scenario.rehearsal import Rehearsal, until
from tests.scenario.theatre import LongRun, Theatre

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

TOKEN = "only-this-scenario-knows"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def run(theatre: Theatre) -> AsyncIterator[LongRun]:
    run = LongRun(lambda: theatre.rehearsal(trio, REMORA_API=str(free_port()), REMORA_API_TOKEN=TOKEN))
    yield run
    await run.end()


async def test_the_next_trade_is_copied_by_the_rules_in_force(run: LongRun) -> None:
    async with run.scene() as rehearsal:
        cast = rehearsal.performance.cast
        ten, tenth, odd = cast.followers
        async with taken_up(rehearsal) as registry:
            await registry.remove(odd.policy().policy_id)
        await copied_by(rehearsal, {ten, tenth})
        async with taken_up(rehearsal) as registry:
            await registry.take_in(text_of(cast), "the cast")
        await copied_by(rehearsal, {ten, tenth, odd})


async def test_a_kill_loses_no_change(run: LongRun) -> None:
    async with run.scene() as rehearsal:
        cast = rehearsal.performance.cast
        ten, tenth, odd = cast.followers
        with attached(rehearsal.performance.stage.database) as writer:
            await registry_on(writer).remove(tenth.policy().policy_id, keep_lots=True)
        await rehearsal.life.supervisor.kill()
        await rehearsal.start()
        await copied_by(rehearsal, {ten, odd})
        with attached(rehearsal.performance.stage.database) as writer:
            await registry_on(writer).take_in(text_of(cast), "the cast", replace=True)
        await rehearsal.life.supervisor.kill()
        await rehearsal.start()
        await copied_by(rehearsal, {ten, tenth, odd})


async def test_what_the_api_changes_is_in_force_when_it_answers(run: LongRun) -> None:
    async with run.scene() as rehearsal:
        ten, tenth, odd = rehearsal.performance.cast.followers
        port = rehearsal.settings["REMORA_API"]
        url = f"http://127.0.0.1:{port}/policies/{ten.policy().policy_id}?keep_lots=true"
        async with (
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as http,
            http.delete(url) as answer,
        ):
            assert answer.status == 200
        await copied_by(rehearsal, {tenth, odd})
        assert TOKEN not in str([life.said for life in rehearsal.lives])


@asynccontextmanager
async def taken_up(rehearsal: Rehearsal) -> AsyncIterator[Registry]:
    """Change the policies over a connection of our own, and wait until the supervisor says that it has the change."""
    before = len(rehearsal.life.told("rules_changed"))
    with attached(rehearsal.performance.stage.database) as writer:
        yield registry_on(writer)
    await until(lambda: len(rehearsal.life.told("rules_changed")) > before)


async def copied_by(rehearsal: Rehearsal, expected: Collection[Follower]) -> None:
    """Have the leader buy, and expect that these followers enter and nobody else."""
    before = entries(rehearsal)
    await rehearsal.buy()
    await rehearsal.settled()
    entered = entries(rehearsal) - before
    assert entered == Counter(follower.wallet for follower in expected)


def entries(rehearsal: Rehearsal) -> Counter[str]:
    """Return how often each follower entered."""
    query = select(schema.intents.c.follower).where(schema.intents.c.side == Side.BUY)
    with rehearsal.performance.database() as connection:
        return Counter(connection.scalars(query))


def text_of(cast: Cast) -> str:
    """Return the cast's policies as a file."""
    return written(cast.rulebook())
