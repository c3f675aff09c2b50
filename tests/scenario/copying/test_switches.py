"""Pause, stop and panic, typed while the supervisor runs: obeyed within a second, and kept across kill -9."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import func, select

from remora.adapters.clock import SystemClock
from remora.adapters.store import schema
from remora.adapters.store.database import attached
from remora.adapters.store.switches import SqliteSwitchStore
from remora.domain.order import IntentState
from remora.domain.signal import Side
from remora.domain.switches import Halt, Switch
from remora.domain.usage import SERVICE, SMALLEST_LOT
from tests.scenario.casts import trio
from tests.scenario.evidence import doubts, unfinished
from tests.scenario.rehearsal import Rehearsal, until
from tests.scenario.theatre import Theatre
from tests.scenario.traps import Moment

pytestmark = pytest.mark.asyncio(loop_scope="session")

TAKEN_UP_S = 1.0


async def switch(rehearsal: Rehearsal, halt: Halt | None) -> None:
    """Halt the service beside the supervisor, as the commands do, or let it go on; give it its second."""
    with attached(rehearsal.performance.stage.database) as writer:
        store = SqliteSwitchStore(writer)
        if halt is None:
            await store.lift(SERVICE)
        else:
            now_us = SystemClock().now_us()
            await store.set_switch(Switch(scope=SERVICE[0], subject=SERVICE[1], halt=halt, because=None, set_us=now_us))
    await asyncio.sleep(TAKEN_UP_S)


async def kill(rehearsal: Rehearsal) -> None:
    """Kill the supervisor and start another."""
    await rehearsal.life.supervisor.kill()
    await rehearsal.start()


def count(rehearsal: Rehearsal, side: Side, state: IntentState) -> int:
    i = schema.intents.c
    query = select(func.count()).select_from(schema.intents).where(i.side == side, i.state == state)
    with rehearsal.performance.database() as connection:
        return int(connection.execute(query).scalar_one())


def lots(rehearsal: Rehearsal) -> int:
    """Count what can still be sold."""
    query = select(func.count()).select_from(schema.lots).where(schema.lots.c.shares >= SMALLEST_LOT.units)
    with rehearsal.performance.database() as connection:
        return int(connection.execute(query).scalar_one())


def entered(rehearsal: Rehearsal, settled: int) -> bool:
    """Tell whether so many entries are settled, and nothing is in flight."""
    return count(rehearsal, Side.BUY, IntentState.SETTLED) == settled and not unfinished(rehearsal.performance)


async def test_a_pause_lets_exits_go_on_and_survives_a_crash(theatre: Theatre) -> None:
    async with theatre.rehearsal(trio) as rehearsal:
        await rehearsal.start()
        await rehearsal.buy()
        await rehearsal.settled()
        await switch(rehearsal, Halt.PAUSE)
        await rehearsal.buy()
        await until(lambda: rehearsal.performance.read().denials["PAUSED"] == 3)
        await kill(rehearsal)
        await rehearsal.buy()
        await until(lambda: rehearsal.performance.read().denials["PAUSED"] == 6)
        await rehearsal.sell()
        await until(lambda: count(rehearsal, Side.SELL, IntentState.SETTLED) == 3)
        await switch(rehearsal, None)
        await rehearsal.buy()
        await until(lambda: entered(rehearsal, 6))
        assert (await rehearsal.performance.audit()).balanced


async def test_a_stop_sends_nothing_and_survives_a_crash(theatre: Theatre) -> None:
    async with theatre.rehearsal(trio) as rehearsal:
        await rehearsal.start()
        await rehearsal.buy()
        await rehearsal.settled()
        await switch(rehearsal, Halt.STOP)
        posted = rehearsal.traps.came.count("POST /order")
        await rehearsal.sell()
        await until(lambda: rehearsal.performance.read().denials["STOPPED"] == 3)
        await kill(rehearsal)
        await rehearsal.buy()
        await until(lambda: rehearsal.performance.read().denials["STOPPED"] == 6)
        assert rehearsal.traps.came.count("POST /order") == posted
        assert lots(rehearsal) == 3
        assert (await rehearsal.performance.audit()).balanced


@pytest.mark.parametrize("message", ["collect", "POST /order", "remit"])
async def test_a_panic_sells_everything_once_through_a_crash(theatre: Theatre, message: str) -> None:
    async with theatre.rehearsal(trio) as rehearsal:
        await rehearsal.start()
        await rehearsal.buy()
        await rehearsal.settled()
        assert lots(rehearsal) == 3
        trap = rehearsal.kill(Moment.BEFORE, message)
        await switch(rehearsal, Halt.PANIC)
        await rehearsal.killed(trap)
        await rehearsal.start()
        await until(lambda: lots(rehearsal) == 0 and not unfinished(rehearsal.performance))
        assert count(rehearsal, Side.SELL, IntentState.SETTLED) == 3
        await rehearsal.buy()
        await until(lambda: rehearsal.performance.read().denials["PANIC"] == 3)
        assert (await rehearsal.performance.audit()).balanced
        assert await doubts(rehearsal.performance) == []


async def test_a_stop_loss_sells_out_and_stays_until_it_is_lifted(theatre: Theatre) -> None:
    """What was bought at the ask is worth less at the bid: the smallest stop-loss trips at once."""
    async with theatre.rehearsal(trio) as rehearsal:
        rules = rehearsal.performance.stage.folder / "rules.yaml"
        await rehearsal.command("policy", "export", str(rules))
        more = 'service:\n  protections:\n    stop_loss: "0.01"\n'
        await asyncio.to_thread(rules.write_text, rules.read_text() + more)
        await rehearsal.command("policy", "import", str(rules), "--replace")
        life = await rehearsal.start()
        await rehearsal.buy()
        assert (await life.heard("protection_tripped"))["halt"] == "panic"
        await until(lambda: entered(rehearsal, 3) and lots(rehearsal) == 0)
        assert count(rehearsal, Side.SELL, IntentState.SETTLED) == 3
        await kill(rehearsal)
        await rehearsal.buy()
        await until(lambda: rehearsal.performance.read().denials["PANIC"] == 3)
        assert (await rehearsal.performance.audit()).balanced
