"""A thousand intents on one wallet while the venue refuses: exits first, stale entries denied, nothing lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from remora.domain.errors import Retryable
from remora.domain.order import SignedOrder
from remora.domain.signal import Side
from remora.execute.pressure import Pressure
from tests.fakes.chain import FakeChain
from tests.fakes.clock import US, SimulatedClock
from tests.fakes.database import Database
from tests.fakes.signer import FakeSigner
from tests.fakes.specimens import intent, signal, wallet
from tests.fakes.venue import FakeVenue
from tests.fakes.waiting import settle_down
from tests.worker.executing import Executing

EXITS, ENTRIES = 100, 900


@pytest.fixture
async def bench(
    venue: FakeVenue, chain: FakeChain, database: Database, clock: SimulatedClock
) -> AsyncIterator[Executing]:
    """One wallet, and orders of one follower each: every copy waits for every other."""
    signer = FakeSigner((wallet(1),), wallet(9))
    bench = Executing(venue=venue, chain=chain, signer=signer, database=database, clock=clock, followers_per_order=1)
    await bench.fund("1000000")
    with capture_logs():
        yield bench
    await bench.stop()


def states(bench: Executing) -> Counter[str]:
    return Counter(bench.database.states().values())


async def test_a_thousand_intents_in_a_storm(bench: Executing, clock: SimulatedClock) -> None:
    """Every order takes 0.2 s, each tenth is refused for a second first, and all are good for a minute.

    100 exits need 100 x 0.2 + 10 x 1.2 = 32 s, which leaves 28 s for entries: 28 / 0.32 = 87 of 900.
    """

    async def take_time(_order: SignedOrder) -> None:
        clock.advance(0.2)

    bench.venue.before_answer = take_time
    for _ in range(30):
        bench.venue.answers.extend([Retryable("Too Many Requests", 1.0), *["delayed"] * 10])
    entries = await bench.steps.pending(*range(ENTRIES))
    for number in range(EXITS):
        await bench.steps.collected(ENTRIES + number)
    bench.run()
    bench.executor.execute_later(entries)
    await bench.executor.resume_collected(None)
    async with asyncio.timeout(60):
        while states(bench)["pending"]:  # noqa: ASYNC110  the database knows no event
            await asyncio.sleep(0.1)
    sent = list(dict.fromkeys((order.order_hash, order.terms.side) for order in bench.venue.submitted))
    sides = [side for _, side in sent]
    assert sides.index(Side.SELL) <= 1  # an entry may have had the wallet already
    assert sides.count(Side.SELL) == EXITS
    assert Side.BUY not in sides[sides.index(Side.SELL) : sides.index(Side.SELL) + EXITS]
    ended = states(bench)
    assert 80 <= ended["ordered"] - EXITS <= 95
    assert ended["ordered"] + ended["failed"] == EXITS + ENTRIES
    assert ended["ordered"] == len(sent)
    assert {reason for reason, _ in bench.database.reasons().values()} <= {"OVERLOADED", "EXPIRED"}
    of = signal(number=1)
    late = intent(5000, of=of, deadline_us=clock.now_us() + 60 * US)
    await bench.database.decided(of, [late])
    await bench.executor.execute([late])  # the fleet serves again
    assert bench.database.states()["policy-5000"] == "ordered"


async def test_pressure_is_told_while_it_lasts_and_when_it_ends(bench: Executing, clock: SimulatedClock) -> None:
    pressure = Pressure(fleet=bench.fleet, clock=clock)
    bench.run()
    with capture_logs() as logs:
        bench.fleet.dismiss(wallet(1))
        bench.executor.execute_later(await bench.steps.pending(1, 2))
        await settle_down()
        for _ in range(15):
            clock.advance(1)
            pressure.look()
        await bench.fund("1000")
        await settle_down()
        clock.advance(1)
        pressure.look()
        told = [(entry["event"], entry.get("entries")) for entry in logs if entry["event"].startswith("overload")]
    assert told == [("overloaded", 2), ("overloaded", 2), ("overload_over", None)]
