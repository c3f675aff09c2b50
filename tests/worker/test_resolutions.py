"""Resolutions: what the chain pays for is noted once; a chain that does not answer is asked again."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping
from contextlib import closing

import pytest
from structlog.testing import capture_logs

from remora.dispatch.resolutions import Resolutions
from remora.domain.errors import OperatorError, RemoraError, Retryable
from remora.domain.ids import TokenId
from remora.domain.money import Price
from remora.domain.usage import HeldToken
from tests.fakes.chain import FakeChain
from tests.fakes.clock import SimulatedClock
from tests.fakes.database import Database
from tests.fakes.specimens import TOKEN
from tests.worker.steps import Steps


@pytest.fixture
def resolutions(chain: FakeChain, database: Database, clock: SimulatedClock) -> Resolutions:
    return Resolutions(chain=chain, store=database.switches, clock=clock)


async def held(database: Database) -> list[HeldToken]:
    return await database.switches.held_tokens()


async def test_what_is_held_is_asked_of_the_chain_until_it_pays(
    resolutions: Resolutions, chain: FakeChain, database: Database
) -> None:
    await Steps(database).delivered(1, 2)
    await resolutions.look()
    (open_still,) = await held(database)
    assert open_still.token_id == TOKEN
    chain.paying[TOKEN] = Price(0)
    await resolutions.look()
    assert await held(database) == []


async def test_a_payout_that_is_not_told_is_asked_for_again_and_said_once(
    resolutions: Resolutions, chain: FakeChain, database: Database
) -> None:
    await Steps(database).delivered(1)
    chain.paying[TOKEN] = None
    with capture_logs() as logs:
        await resolutions.look()
        await resolutions.look()
        chain.paying[TOKEN] = Price(1_000_000)
        await resolutions.look()
    assert [entry["payouts"] for entry in logs] == [{str(TOKEN): "unknown"}, {str(TOKEN): "1"}]
    assert await held(database) == []


async def test_what_was_told_before_a_node_refused_is_noted(
    resolutions: Resolutions, chain: FakeChain, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("remora.dispatch.resolutions.ASKED_TOGETHER", 1)
    await Steps(database).delivered(1)
    with closing(sqlite3.connect(database.path)) as connection, connection:
        connection.execute(
            "INSERT INTO lots SELECT policy_id, '9', follower, leader, NULL, shares, cost, resolved, payout FROM lots"
        )
    first, second = await held(database)
    chain.paying = {each.token_id: Price(0) for each in (first, second)}
    asked = chain.payouts

    async def refuse_the_second(wanted: Collection[HeldToken]) -> Mapping[TokenId, Price | None]:
        if second in wanted:
            raise Retryable("too many requests")
        return await asked(wanted)

    monkeypatch.setattr(chain, "payouts", refuse_the_second)
    await resolutions.look()
    assert await held(database) == [second]


async def test_nothing_held_is_no_question(resolutions: Resolutions, chain: FakeChain) -> None:
    chain.troubles["payouts"].append(Retryable("nobody should have asked"))
    await resolutions.look()
    assert len(chain.troubles["payouts"]) == 1


@pytest.mark.parametrize("trouble", [Retryable("the node is away"), OperatorError("it is no such contract")])
async def test_a_chain_that_does_not_answer_is_asked_again(
    resolutions: Resolutions, chain: FakeChain, database: Database, trouble: RemoraError
) -> None:
    await Steps(database).delivered(1)
    chain.paying[TOKEN] = Price(0)
    chain.troubles["payouts"].append(trouble)
    await resolutions.look()
    assert len(await held(database)) == 1
    await resolutions.look()
    assert await held(database) == []
