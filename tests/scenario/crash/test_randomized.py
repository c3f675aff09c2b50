"""`kill -9` at random moments, again and again, while leaders trade and everything breaks: in the end all adds up."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from random import Random

import pytest
from sqlalchemy import select

from remora.adapters.store import schema
from remora.domain.order import IntentState
from remora.domain.signal import SignalState
from tests.scenario.casts import restless
from tests.scenario.crash.havoc import Havoc
from tests.scenario.evidence import traded, unfinished
from tests.scenario.faults.outcome import inexact
from tests.scenario.faults.sabotage import Sabotage
from tests.scenario.rehearsal import Life, Rehearsal
from tests.scenario.theatre import Theatre

SEED = int(os.environ.get("HAVOC_SEED", "1"))
"""The same seed makes the same choices, not the same moments: processes and blocks have their own pace."""

LONGEST_LIFE_S = 3.0
WHILE_STARTING_PERCENT = 30
"""How many of a hundred kills may come before the supervisor listens."""
PATIENCE_S = 240.0
"""How long anything may take on a busy machine; it is waited for what should come, not for the time."""

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.parametrize("seed", [SEED], ids="seed={}".format)]


@pytest.mark.parametrize(
    "kills",
    [
        pytest.param(10, id="10-kills", marks=[pytest.mark.long, pytest.mark.timeout(600)]),
        pytest.param(200, id="200-kills", marks=[pytest.mark.long, pytest.mark.timeout(3600)]),
    ],
)
async def test_nothing_is_lost_or_doubled(theatre: Theatre, kills: int, seed: int) -> None:
    sabotage = Sabotage(theatre.devnet.endpoints.control_url)
    async with theatre.rehearsal(restless, fleet_size=3) as rehearsal:
        await rehearsal.launch()
        await _has_a_cursor(rehearsal)
        async with Havoc(rehearsal=rehearsal, sabotage=sabotage, seed=seed).going_on():
            await _kill_again_and_again(rehearsal, kills, Random(seed))
        await _said(rehearsal.life, "listening")
        assert await _wrong_in_the_end(rehearsal) == []
        assert rehearsal.performance.read().settled > 0


async def _has_a_cursor(rehearsal: Rehearsal) -> None:
    """Wait for the first cursor: what was before it is not to be heard, and all that comes after it is."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with rehearsal.performance.database() as connection:
                if connection.execute(select(schema.cursor)).first():
                    return
            await asyncio.sleep(0.1)


async def _kill_again_and_again(rehearsal: Rehearsal, kills: int, random: Random) -> None:
    for _ in range(kills):
        await asyncio.sleep(random.uniform(0, LONGEST_LIFE_S))
        assert rehearsal.life.supervisor.process.returncode is None, rehearsal.life.said[-5:]
        await rehearsal.life.supervisor.kill()
        starting = random.randrange(100) < WHILE_STARTING_PERCENT
        await _said(await rehearsal.launch(), "checking_debts" if starting else "listening")


async def _said(life: Life, name: str) -> None:
    """Wait until a supervisor has said something or has ended."""
    async with asyncio.timeout(PATIENCE_S):
        while name not in life.names and life.supervisor.process.returncode is None:  # noqa: ASYNC110  it watches another process
            await asyncio.sleep(0.1)


async def _wrong_in_the_end(rehearsal: Rehearsal) -> list[str]:
    """Return what is wrong for longer than patience lasts."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + PATIENCE_S
    wrong = await _wrong(rehearsal)
    while wrong and loop.time() < until_s:
        await asyncio.sleep(1)
        wrong = await _wrong(rehearsal)
    return wrong


async def _wrong(rehearsal: Rehearsal) -> list[str]:
    figures = rehearsal.performance.read()
    owed = figures.debts_opened - figures.debts_recovered
    return [
        *sorted(unfinished(rehearsal.performance)),
        *([f"{owed} debts are owed, though everybody can pay"] if owed else []),
        *_unlike_the_chain(rehearsal, await traded(rehearsal.performance)),
        *_unexplained(rehearsal),
        *await inexact(rehearsal, gave_back=True),
    ]


def _unlike_the_chain(rehearsal: Rehearsal, expected: Counter[str]) -> list[str]:
    """Return the transactions of leaders that are no signal or several, and signals without a transaction."""
    s = schema.signals.c
    with rehearsal.performance.database() as connection:
        rows = connection.execute(select(s.tx_hash).where(s.state == SignalState.MINED))
        found = Counter(row.tx_hash for row in rows)
    unlike = (expected - found) | (found - expected)
    return [f"{tx}: traded {expected[tx]} times, heard {found[tx]} times" for tx in sorted(unlike)]


def _unexplained(rehearsal: Rehearsal) -> list[str]:
    """Return the mined signals that were not decided once for each follower, and the failures without a reason."""
    s, i = schema.signals.c, schema.intents.c
    copied_by = Counter(follower.leader.address for follower in rehearsal.performance.cast.followers)
    decided: Counter[str] = Counter()
    with rehearsal.performance.database() as connection:
        for signal_id in (schema.intents.c.signal_id, schema.denials.c.signal_id):
            decided.update(row.signal_id for row in connection.execute(select(signal_id)))
        signals = connection.execute(select(s.signal_id, s.leader).where(s.state == SignalState.MINED)).all()
        silent = connection.execute(select(i.intent_id).where(i.state == IntentState.FAILED, i.reason.is_(None))).all()
    return [
        *(
            f"signal {each.signal_id}: expected {copied_by[each.leader]} decisions, found {decided[each.signal_id]}"
            for each in signals
            if decided[each.signal_id] != copied_by[each.leader]
        ),
        *(f"intent {each.intent_id} failed for no reason" for each in silent),
    ]
