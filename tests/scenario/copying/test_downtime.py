"""Leaders trade while no supervisor runs: what was missed is copied later, unless a policy finds it too old."""

from __future__ import annotations

import asyncio

import pytest

from tests.scenario.casts import patient_and_hasty
from tests.scenario.evidence import unfinished
from tests.scenario.rehearsal import until
from tests.scenario.theatre import Theatre

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_start_copies_what_was_missed_since_the_last_stop_and_nothing_older(theatre: Theatre) -> None:
    async with theatre.rehearsal(patient_and_hasty) as rehearsal:
        await rehearsal.buy()  # before the first start: nobody asked for it
        await rehearsal.start()
        assert await rehearsal.stop() == 0
        await rehearsal.buy()
        await asyncio.sleep(3)
        await rehearsal.start()
        await until(lambda: rehearsal.performance.read().signals == 1 and not unfinished(rehearsal.performance))
        figures = rehearsal.performance.read()
        assert (dict(figures.intents), dict(figures.denials)) == ({"settled": 1}, {"TOO_OLD": 1})
        assert (await rehearsal.performance.audit()).balanced
