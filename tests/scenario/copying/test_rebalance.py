"""Float between operator wallets and treasury while remora copies: on request, by itself, and of retired wallets."""

from __future__ import annotations

import pytest

from remora.domain.money import ONE, Collateral
from tests.scenario.casts import trio
from tests.scenario.floats import endow, fleet_float, looked_at, rebalanced, treasury_float
from tests.scenario.rehearsal import Rehearsal, until
from tests.scenario.theatre import Theatre

pytestmark = pytest.mark.asyncio(loop_scope="session")

FLOAT = Collateral(20_000 * ONE)
"""What every operator wallet of a stage begins with."""
CENT = 10_000
BOUNDS = {"REMORA_FLOAT_FLOOR": "15000", "REMORA_FLOAT_TARGET": "20000", "REMORA_FLOAT_CEILING": "25000"}
OFTEN = {"REMORA_AUDIT_INTERVAL_S": "1", "REMORA_REBALANCE_INTERVAL_S": "1"}


def moved(rehearsal: Rehearsal) -> list[tuple[str, str, str]]:
    """Return the transfers that this process saw to their end."""
    return [(each["kind"], each["wallet"], each["amount"]) for each in rehearsal.life.told("float_moved")]


async def test_float_moves_on_request_while_copies_are_made(theatre: Theatre) -> None:
    async with theatre.rehearsal(trio, fleet_size=2) as rehearsal:
        first, second = rehearsal.performance.stage.fleet
        await rehearsal.start()
        await looked_at(rehearsal)
        had = await treasury_float(rehearsal)
        said = await rehearsal.command("fleet", "rebalance", "--target", "19000", "--dry-run")
        assert said.count("draw") == 2
        assert said.count("1000") == 2
        assert await fleet_float(rehearsal) == [FLOAT, FLOAT]

        await rehearsal.command("fleet", "rebalance", "--target", "19000")
        await rehearsal.buy()
        await rehearsal.settled()
        await rebalanced(rehearsal)
        assert {(kind, wallet) for kind, wallet, _ in moved(rehearsal)} == {("draw", first), ("draw", second)}
        drawn = sum(Collateral.parse(amount).units for _, _, amount in moved(rehearsal))
        assert 2_000 * ONE - CENT < drawn < 2_000 * ONE + CENT  # copies leave dust
        assert await treasury_float(rehearsal) == had + Collateral(drawn)
        await rehearsal.sell()
        await rehearsal.settled()
        assert await rehearsal.wrong() == []


async def test_what_somebody_brought_is_drawn_above_the_ceiling(theatre: Theatre) -> None:
    async with theatre.rehearsal(trio, {**OFTEN, **BOUNDS}, fleet_size=2) as rehearsal:
        first, _ = rehearsal.performance.stage.fleet
        await rehearsal.start()
        had = await treasury_float(rehearsal)
        await rehearsal.performance.stage.funding.fund([first], collateral=Collateral(6_000 * ONE))
        await until(lambda: moved(rehearsal) == [("draw", first, "6000")])  # once the audit has booked it
        await rebalanced(rehearsal)
        assert await fleet_float(rehearsal) == [FLOAT, FLOAT]
        assert await treasury_float(rehearsal) == had + Collateral(6_000 * ONE)
        assert await rehearsal.wrong() == []


async def test_a_retired_wallet_gives_its_float_and_is_topped_up_when_it_returns(theatre: Theatre) -> None:
    async with theatre.rehearsal(trio, {**OFTEN, **BOUNDS}, fleet_size=2) as rehearsal:
        _, second = rehearsal.performance.stage.fleet
        await rehearsal.start()
        had = await treasury_float(rehearsal)
        await rehearsal.command("fleet", "retire", second)
        await until(lambda: moved(rehearsal) == [("draw", second, "20000")])
        assert await treasury_float(rehearsal) == had + FLOAT
        await rehearsal.command("fleet", "return", second)
        await until(lambda: moved(rehearsal)[1:] == [("top-up", second, "20000")])
        await rebalanced(rehearsal)
        assert await fleet_float(rehearsal) == [FLOAT, FLOAT]
        assert await treasury_float(rehearsal) == had
        await rehearsal.buy()
        await rehearsal.settled()
        assert await rehearsal.wrong() == []
        assert "every wallet is as booked" in await rehearsal.command("reconcile")


async def test_a_treasury_that_is_short_gives_what_is_above_its_reserve_and_alarms(theatre: Theatre) -> None:
    async with theatre.rehearsal(trio, fleet_size=2) as rehearsal:
        await endow(rehearsal, Collateral(100 * ONE))
        has = await treasury_float(rehearsal)
        rehearsal.settings["REMORA_TREASURY_RESERVE"] = str(has - Collateral(50 * ONE))
        first, _ = rehearsal.performance.stage.fleet
        await rehearsal.start()
        await rehearsal.command("fleet", "rebalance", "--target", "20040")
        await rebalanced(rehearsal)
        alarm = await rehearsal.life.heard("treasury_short")
        assert (alarm["balance"], alarm["missing"]) == (str(has), "30")
        assert ("top-up", first, "40") in moved(rehearsal)  # of equals the first one comes first
        assert await fleet_float(rehearsal) == [FLOAT + Collateral(40 * ONE), FLOAT + Collateral(10 * ONE)]
        assert await rehearsal.wrong() == []
