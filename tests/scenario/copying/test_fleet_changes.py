"""The fleet while it copies: made larger, made smaller, one retired, one poor, one without gas."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import select

from remora.adapters.store import schema
from remora.devnet.rpc import Node
from remora.domain.ids import Address
from tests.scenario.casts import trio
from tests.scenario.rehearsal import PATIENCE_S, Rehearsal, until
from tests.scenario.theatre import Theatre

pytestmark = pytest.mark.asyncio(loop_scope="session")

ONE_EACH = {"REMORA_FOLLOWERS_PER_ORDER": "1"}


async def test_a_fleet_is_resized_while_it_copies(theatre: Theatre) -> None:
    """Three wallets are there and work; the fleet begins with one of them."""
    async with theatre.rehearsal(trio, ONE_EACH, fleet_size=3, REMORA_FLEET_SIZE="1") as rehearsal:
        await rehearsal.start()
        first, *others = rehearsal.performance.stage.fleet
        await rehearsal.buy()
        assert "3 wallets now" in await rehearsal.command("fleet", "resize", "3")
        await state(rehearsal, 2, "ready")
        await rehearsal.buy()
        await rehearsal.settled()
        assert set(orders(rehearsal)) == {first, *others}

        await rehearsal.command("fleet", "resize", "1")
        await until(lambda: sorted(others) in [each["retired"] for each in rehearsal.life.told("fleet_changed")])
        await state(rehearsal, 2, "retired")
        before = orders(rehearsal)
        await rehearsal.sell()
        await rehearsal.settled()
        assert set(orders(rehearsal) - before) == {first}
        assert await rehearsal.wrong() == []


async def test_a_wallet_that_is_no_operator_is_unhealthy_with_that_reason(theatre: Theatre) -> None:
    async with theatre.rehearsal(trio, fleet_size=1) as rehearsal:
        await rehearsal.start()
        await rehearsal.command("fleet", "resize", "2")
        stranger = await state(rehearsal, 1, "unhealthy", why="operator of the Clearinghouse")
        assert stranger["missing_approvals"] in {9, None}
        await rehearsal.buy()
        await rehearsal.settled()
        assert await rehearsal.wrong() == []


async def test_a_wallet_that_is_retired_under_way_finishes_what_it_has(theatre: Theatre) -> None:
    async with theatre.rehearsal(trio, ONE_EACH, fleet_size=2) as rehearsal:
        await rehearsal.start()
        retired, other = rehearsal.performance.stage.fleet
        await rehearsal.buy()
        await rehearsal.command("fleet", "retire", str(rehearsal.performance.stage.fleet_start))
        await until(lambda: [retired] in [each["retired"] for each in rehearsal.life.told("fleet_changed")])
        await rehearsal.settled()
        before = orders(rehearsal)
        await rehearsal.buy()
        await rehearsal.settled()
        assert set(orders(rehearsal) - before) == {other}

        await until(lambda: [each["wallet"] for each in rehearsal.life.told("float_moved")] == [retired])
        await rehearsal.command("fleet", "return", retired)
        await state(rehearsal, 0, "low float")  # the treasury has it
        await rehearsal.command("fleet", "rebalance", "--target", "100")
        await state(rehearsal, 0, "ready")
        await rehearsal.buy()
        await rehearsal.settled()
        assert await rehearsal.wrong() == []


async def test_wallets_without_float_or_gas_are_passed_over(theatre: Theatre) -> None:
    """What they lack is theirs alone: the third wallet copies for everybody."""
    async with theatre.rehearsal(
        trio, ONE_EACH, fleet_size=3, REMORA_LOW_FLOAT="30000", REMORA_REFUEL_INTERVAL_S="600"
    ) as rehearsal:
        without_gas, _, _ = rehearsal.performance.stage.fleet
        life = await rehearsal.start()
        await drain(rehearsal.performance.stage.node, without_gas)
        await state(rehearsal, 0, "low gas")
        await state(rehearsal, 1, "low float")  # 20,000 each
        await rehearsal.buy()
        await rehearsal.settled()
        assert without_gas not in orders(rehearsal)
        assert life.told("execution_halted") == []
        assert await rehearsal.wrong() == []


async def drain(node: Node, wallet: Address) -> None:
    await node.call("anvil_setBalance", wallet, hex(1))


async def state(rehearsal: Rehearsal, place: int, wanted: str, *, why: str = "") -> dict[str, Any]:
    """Wait until the wallet at a place of the fleet is in a state, and return what is shown of it."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            shown = json.loads(await rehearsal.command("fleet", "--json"))
            if len(shown) > place and shown[place]["state"] == wanted and why in shown[place]["why"]:
                found: dict[str, Any] = shown[place]
                return found
            await asyncio.sleep(0.5)


def orders(rehearsal: Rehearsal) -> Counter[str]:
    """Count the orders of each wallet."""
    with rehearsal.performance.database() as connection:
        return Counter(row.wallet for row in connection.execute(select(schema.orders.c.wallet)))
