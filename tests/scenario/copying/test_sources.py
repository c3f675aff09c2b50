"""Who is listened to, and through what: leaders changed while the service runs, and trades heard before their block."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing

import pytest

from remora.adapters.clock import SystemClock
from remora.adapters.store.changes import LOOK_EVERY_S
from remora.adapters.store.database import attached
from remora.adapters.store.leaders import SqliteLeaderStore
from remora.adapters.store.switches import SqliteSwitchStore
from remora.devnet.accounts import Role, scripted
from remora.domain.ids import Address
from remora.domain.parties import Leader
from remora.domain.switches import Halt, Scope, Switch
from tests.scenario.casts import trio
from tests.scenario.evidence import unfinished
from tests.scenario.rehearsal import Rehearsal, until
from tests.scenario.theatre import Theatre

pytestmark = pytest.mark.asyncio(loop_scope="session")

PACE_S = 4 * LOOK_EVERY_S
STRANGER = scripted(Role.LEADER, 98, seed=98).address


async def register(rehearsal: Rehearsal, wallet: Address) -> None:
    """Add to the registry beside the supervisor, as the command does, and give it the time that it may take."""
    with attached(rehearsal.performance.stage.database) as writer:
        await SqliteLeaderStore(writer).add_leader(Leader(wallet=wallet, label=wallet), added_us=SystemClock().now_us())
    await asyncio.sleep(PACE_S)


async def pause(rehearsal: Rehearsal, wallet: Address, *, lifted: bool = False) -> None:
    """Pause a leader beside the supervisor, or let it go on."""
    pausing = Switch(scope=Scope.LEADER, subject=wallet, halt=Halt.PAUSE, because=None, set_us=SystemClock().now_us())
    with attached(rehearsal.performance.stage.database) as writer:
        store = SqliteSwitchStore(writer)
        await (store.lift((Scope.LEADER, wallet)) if lifted else store.set_switch(pausing))
    await asyncio.sleep(PACE_S)


async def test_a_paused_leader_enters_nothing_and_still_exits(theatre: Theatre) -> None:
    async with theatre.rehearsal(trio) as rehearsal:
        leader = rehearsal.performance.cast.leaders[0].address
        await rehearsal.start()
        await rehearsal.buy()
        await rehearsal.settled()
        await pause(rehearsal, leader)
        await rehearsal.buy()
        await until(lambda: rehearsal.performance.read().denials["PAUSED"] == 3)
        await rehearsal.sell()
        await until(
            lambda: rehearsal.performance.read().intents["settled"] == 6 and not unfinished(rehearsal.performance)
        )
        await pause(rehearsal, leader, lifted=True)
        await register(rehearsal, STRANGER)  # one more to listen to, without policies
        await rehearsal.buy()
        await until(
            lambda: rehearsal.performance.read().intents["settled"] == 9 and not unfinished(rehearsal.performance)
        )
        assert (await rehearsal.performance.audit()).balanced


async def test_a_trade_is_copied_from_the_mempool_once_and_known_by_its_block(theatre: Theatre) -> None:
    async with theatre.rehearsal(trio, REMORA_MEMPOOL="full") as rehearsal:
        await rehearsal.start()
        for _ in range(3):
            await rehearsal.buy()
        await rehearsal.settled()
        await rehearsal.sell()
        await rehearsal.settled()
        assert await rehearsal.wrong() == []
        with closing(sqlite3.connect(rehearsal.performance.stage.database)) as database:
            rows = database.execute("SELECT source, state, mined_heard_us >= heard_us FROM signals").fetchall()
        assert len(rows) == 4
        assert {state for _, state, _ in rows} == {"mined"}
        assert ("mempool", "mined", 1) in rows


def signals(rehearsal: Rehearsal) -> list[tuple[str, str]]:
    """Return source and state of all signals, in the order in which they were stored."""
    with closing(sqlite3.connect(rehearsal.performance.stage.database)) as database:
        return database.execute("SELECT source, state FROM signals ORDER BY stored_us").fetchall()


async def test_polling_finds_what_the_node_swallows_and_doubles_nothing(theatre: Theatre) -> None:
    data_url = theatre.devnet.endpoints.data_url
    async with theatre.rehearsal(
        trio, REMORA_DATA_URL=data_url, REMORA_POLL_S="1", REMORA_REORG_DEPTH="2"
    ) as rehearsal:
        await rehearsal.start()
        await rehearsal.buy()
        await rehearsal.settled()
        rehearsal.node.silent = rehearsal.node.forgetful = True
        await rehearsal.buy()
        await until(lambda: len(signals(rehearsal)) == 2)
        rehearsal.node.silent = rehearsal.node.forgetful = False
        await rehearsal.sell()
        await until(lambda: len(signals(rehearsal)) == 3)
        await until(lambda: not unfinished(rehearsal.performance))
        assert signals(rehearsal) == [("chain", "mined"), ("polling", "mined"), ("chain", "mined")]
        assert len(rehearsal.life.told("missed_by_nodes")) == 1
        assert (await rehearsal.performance.audit()).balanced


async def test_polling_stands_in_for_the_node_and_its_signal_is_the_blocks(theatre: Theatre) -> None:
    data_url = theatre.devnet.endpoints.data_url
    async with theatre.rehearsal(trio, REMORA_DATA_URL=data_url, REMORA_POLL_S="1") as rehearsal:
        await rehearsal.start()
        await rehearsal.node.go_down()
        await rehearsal.buy()
        await until(lambda: signals(rehearsal) == [("polling", "pending")])
        rehearsal.node.come_up()
        await until(lambda: signals(rehearsal) == [("polling", "mined")])
        await rehearsal.buy()
        await until(lambda: signals(rehearsal) == [("polling", "mined"), ("chain", "mined")])
        await until(lambda: not unfinished(rehearsal.performance))
        assert rehearsal.life.told("missed_by_nodes") == []
        assert (await rehearsal.performance.audit()).balanced
