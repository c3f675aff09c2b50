"""Balances, allowances and approvals that change behind our back, and a token that does not move."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from sqlalchemy import select

from remora.adapters.store import schema
from remora.devnet.balances import collateral_of
from remora.domain.ids import Address
from remora.domain.money import Collateral
from remora.execute.muster import LOOK_AGAIN_AFTER_S
from tests.scenario.casts import trio
from tests.scenario.faults.outcome import inexact, reasons
from tests.scenario.faults.sabotage import Sabotage
from tests.scenario.rehearsal import Rehearsal, until
from tests.scenario.theatre import LongRun, Theatre
from tests.scenario.traps import Moment

pytestmark = pytest.mark.asyncio(loop_scope="session")


@dataclass(frozen=True, slots=True)
class Means:
    """The collateral of one wallet of a rehearsal, to be moved from outside."""

    rehearsal: Rehearsal
    wallet: Address

    async def now(self) -> str:
        stage = self.rehearsal.performance.stage
        return str(await collateral_of(stage.node, stage.endpoints.contracts, self.wallet))

    async def become(self, amount: str) -> None:
        """Move collateral away or there; what a follower brought is that much less or more."""
        await self.rehearsal.performance.leave_with(self.wallet, Collateral.parse(amount))


async def test_a_follower_whose_collateral_is_gone_owes_and_pays_later(run: LongRun) -> None:
    async with run.scene() as rehearsal:
        means = Means(rehearsal, rehearsal.performance.cast.followers[0].wallet)
        before = rehearsal.performance.read().debts_opened
        rehearsal.trap(Moment.BEFORE, "deliver", lambda: means.become("3"))
        await rehearsal.buy()  # the follower's copy costs 10
        await rehearsal.settled(debts_too=False)
        assert rehearsal.performance.read().debts_opened == before + 1
        await means.become("1000")
        await rehearsal.settled()
        assert await rehearsal.wrong() == []


async def test_a_follower_whose_allowance_is_gone_owes_and_pays_later(run: LongRun, sabotage: Sabotage) -> None:
    async with run.scene() as rehearsal:
        follower = rehearsal.performance.cast.followers[1].wallet
        before = rehearsal.performance.read().debts_opened

        async def revoke() -> None:
            await sabotage.inject("set-allowance", wallet=follower, spender="clearinghouse", amount="1")

        rehearsal.trap(Moment.BEFORE, "deliver", revoke)
        await rehearsal.buy()
        await rehearsal.settled(debts_too=False)
        assert rehearsal.performance.read().debts_opened == before + 1
        await sabotage.inject("set-allowance", wallet=follower, spender="clearinghouse", amount="1000000")
        await rehearsal.settled()
        assert await rehearsal.wrong() == []


async def test_who_cannot_pay_gets_what_he_can_pay_or_nothing(theatre: Theatre, sabotage: Sabotage) -> None:
    """Nobody is fronted: means are looked at before anything is bought."""
    async with theatre.rehearsal(trio, fleet_size=1) as rehearsal:
        await rehearsal.start()
        poor, _, revoked = (follower.wallet for follower in rehearsal.performance.cast.followers)
        await rehearsal.performance.leave_with(poor, Collateral.parse("3.456"))
        await sabotage.inject("set-allowance", wallet=revoked, spender="clearinghouse", amount="0")
        await rehearsal.buy()
        await rehearsal.settled()
        figures = rehearsal.performance.read()
        assert figures.intents == {"settled": 2}
        assert figures.denials == {"INSUFFICIENT_ALLOWANCE": 1}
        assert figures.debts_opened == 0
        assert _budgets(rehearsal)[poor] == Collateral.parse("3.45")  # whole cents


async def test_a_delivery_waits_while_collateral_is_paused(run: LongRun, sabotage: Sabotage) -> None:
    async with run.scene() as rehearsal:
        paused = asyncio.Event()

        async def pause() -> None:
            await sabotage.inject("pause-token")
            paused.set()

        rehearsal.trap(Moment.BEFORE, "deliver", pause)
        before, postponed = rehearsal.performance.read().settled, len(_postponed(rehearsal))
        await rehearsal.buy()
        await until(paused.is_set)
        await until(lambda: len(_postponed(rehearsal)) > postponed)
        assert rehearsal.performance.read().settled == before
        await sabotage.end()
        await rehearsal.settled()
        assert await rehearsal.wrong() == []


def _budgets(rehearsal: Rehearsal) -> dict[str, Collateral]:
    query = select(schema.intents.c.follower, schema.intents.c.budget)
    with rehearsal.performance.database() as connection:
        return {row.follower: Collateral(row.budget) for row in connection.execute(query)}


def _postponed(rehearsal: Rehearsal) -> list[str]:
    return [name for name in rehearsal.life.names if name in {"settlement_postponed", "debt_opened"}]


async def test_an_operator_whose_collateral_is_gone_buys_nothing(theatre: Theatre) -> None:
    async with theatre.rehearsal(trio, fleet_size=1) as rehearsal:
        await rehearsal.start()
        means = Means(rehearsal, rehearsal.performance.stage.fleet[0])
        float_ = await means.now()
        await means.become("1")
        await rehearsal.buy()
        await rehearsal.settled()
        assert reasons(rehearsal) == {"OPERATOR_SHORT": 3}
        await means.become(float_)
        assert await inexact(rehearsal) == []
        await asyncio.sleep(LOOK_AGAIN_AFTER_S)
        await rehearsal.buy()
        await rehearsal.settled()
        assert rehearsal.performance.read().intents == {"failed": 3, "settled": 3}
        assert await inexact(rehearsal) == []


async def test_an_operator_that_may_not_sell_gives_the_shares_back(theatre: Theatre, sabotage: Sabotage) -> None:
    async with theatre.rehearsal(trio, fleet_size=1) as rehearsal:
        await rehearsal.start()
        (operator,) = rehearsal.performance.stage.fleet
        await rehearsal.buy()
        await rehearsal.settled()
        await sabotage.inject("set-approval", wallet=operator, spender="exchange")
        await rehearsal.sell()
        await rehearsal.settled()
        assert reasons(rehearsal) == {"OPERATOR_SHORT": 3}
        assert await inexact(rehearsal, gave_back=True) == []


async def test_a_follower_whose_shares_are_gone_sells_nothing(theatre: Theatre, sabotage: Sabotage) -> None:
    async with theatre.rehearsal(trio, fleet_size=1) as rehearsal:
        await rehearsal.start()
        await rehearsal.buy()
        await rehearsal.settled()
        poor = rehearsal.performance.cast.followers[0].wallet
        await sabotage.inject("set-approval", wallet=poor, spender="clearinghouse")
        await rehearsal.sell()
        await rehearsal.settled()
        assert reasons(rehearsal) == {"COLLECT_FAILED": 1}
        assert await inexact(rehearsal) == []
