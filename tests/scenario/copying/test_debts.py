"""What is owed: paid at once and in parts, tried on demand, written off, while everything else goes on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from remora.devnet.abi import calldata
from remora.devnet.transactions import Act, transact
from remora.domain import ledger
from remora.domain.ids import Address
from remora.domain.money import ONE, Collateral
from tests.scenario.casts import debtor, trio
from tests.scenario.rehearsal import Rehearsal, until
from tests.scenario.theatre import Theatre
from tests.scenario.traps import Moment

pytestmark = pytest.mark.asyncio(loop_scope="session")

FINAL_SOON = {"REMORA_REORG_DEPTH": "2"}
FINAL_S = 4.0
"""When a refusal cannot be taken back any more: two blocks of two seconds. That is two looks for new means."""

NEVER_ON_A_TIMER = {"REMORA_RECOVERY_INTERVAL_S": "3600"}


@asynccontextmanager
async def owing(theatre: Theatre) -> AsyncIterator[Rehearsal]:
    """A follower who has 5 left owes 20, and no timer will help."""
    async with theatre.rehearsal(debtor, FINAL_SOON | NEVER_ON_A_TIMER, fleet_size=1) as rehearsal:
        await rehearsal.start()
        await rehearsal.buy()
        await rehearsal.settled(debts_too=False)
        assert [(debt["due"], debt["left"], debt["cause"]) for debt in await debts_of(rehearsal)] == [
            (due_of(rehearsal), due_of(rehearsal), "COLLATERAL_REFUSED")
        ]
        await asyncio.sleep(FINAL_S)
        yield rehearsal


async def debts_of(rehearsal: Rehearsal) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(await rehearsal.command("debts", "list", "--json"))
    return found


def due_of(rehearsal: Rehearsal) -> str:
    with rehearsal.performance.database() as connection:
        return str(Collateral(connection.exec_driver_sql("SELECT due FROM debts").scalar_one()))


def books_of(rehearsal: Rehearsal, account: str) -> int:
    query = "SELECT coalesce(sum(units), 0) FROM entries WHERE asset = ? AND account = ?"
    with rehearsal.performance.database() as connection:
        return int(connection.exec_driver_sql(query, (ledger.RECEIVABLE, account)).scalar_one())


async def as_member(rehearsal: Rehearsal, wallet: Address, function: str) -> None:
    """Have a follower call the Clearinghouse."""
    stage = rehearsal.performance.stage
    clearinghouse = Address(stage.endpoints.contracts.clearinghouse)
    await transact(stage.node, [Act(sender=wallet, to=clearinghouse, data=calldata(function))])


async def test_a_follower_who_is_funded_pays_at_once(theatre: Theatre) -> None:
    async with owing(theatre) as rehearsal:
        await rehearsal.performance.relieve(Collateral(15 * ONE))
        await rehearsal.settled()
        assert await rehearsal.wrong() == []
        assert await debts_of(rehearsal) == []


async def test_a_debt_is_paid_in_parts(theatre: Theatre) -> None:
    async with owing(theatre) as rehearsal:
        paid_before = books_of(rehearsal, ledger.PAID)
        await rehearsal.performance.relieve(Collateral(2 * ONE))
        await rehearsal.life.heard("debt_paid_in_part")
        (debt,) = await debts_of(rehearsal)
        assert Collateral.parse(debt["left"]) == Collateral.parse(debt["due"]) - Collateral.parse(debt["collected"])
        # 7, less what the rounding of the shares leaves
        assert 0 <= 7 * ONE - Collateral.parse(debt["collected"]).units <= 1
        assert books_of(rehearsal, ledger.PAID) == paid_before + Collateral.parse(debt["collected"]).units
        assert (await rehearsal.performance.audit()).balanced
        await rehearsal.performance.relieve(Collateral(14 * ONE))
        await rehearsal.settled()
        assert await debts_of(rehearsal) == []
        assert (await rehearsal.performance.audit()).balanced


async def test_a_part_that_was_not_sent_is_sent_after_a_crash(theatre: Theatre) -> None:
    async with owing(theatre) as rehearsal:
        trap = rehearsal.kill(Moment.BEFORE, "eth_maxPriorityFeePerGas")
        await rehearsal.performance.relieve(Collateral(2 * ONE))
        assert "leg pending" in await rehearsal.killed(trap)
        await rehearsal.start()
        await rehearsal.settled(debts_too=False)
        (debt,) = await debts_of(rehearsal)
        assert 0 <= 7 * ONE - Collateral.parse(debt["collected"]).units <= 1
        await rehearsal.performance.relieve(Collateral(14 * ONE))
        await rehearsal.settled()
        assert (await rehearsal.performance.audit()).balanced


async def test_what_will_not_be_paid_is_written_off_and_the_follower_goes_on(theatre: Theatre) -> None:
    async with owing(theatre) as rehearsal:
        (debt,) = await debts_of(rehearsal)
        assert "wrote off" in await rehearsal.command("debts", "write-off", debt["id"], "--reason", "unreachable")
        assert await debts_of(rehearsal) == []
        assert books_of(rehearsal, ledger.WRITTEN_OFF) == Collateral.parse(debt["due"]).units
        await rehearsal.performance.relieve(Collateral(100 * ONE))
        before = rehearsal.performance.read().settled
        await rehearsal.buy()
        await rehearsal.settled(debts_too=False)
        assert rehearsal.performance.read().settled == before + 2
        assert (await rehearsal.performance.audit()).balanced


async def test_who_paused_is_tried_again_on_demand(theatre: Theatre) -> None:
    async with theatre.rehearsal(trio, NEVER_ON_A_TIMER, fleet_size=1) as rehearsal:
        poor = rehearsal.performance.cast.followers[0].wallet
        await rehearsal.start()
        rehearsal.trap(Moment.BEFORE, "deliver", lambda: as_member(rehearsal, poor, "pause()"))
        await rehearsal.buy()
        await rehearsal.settled(debts_too=False)
        await until(lambda: len(rehearsal.life.told("settled")) > 1)  # new means are tried once
        assert [debt["cause"] for debt in await debts_of(rehearsal)] == ["PAUSED"]
        await as_member(rehearsal, poor, "resume()")
        assert "1 debt will be tried now" in await rehearsal.command("debts", "retry", "--follower", poor)
        await rehearsal.settled()
        assert await rehearsal.wrong() == []
