"""A venue that says 429 to everything, or to one wallet: exits first, entries only while they are young, and exact."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import func, select

from remora.adapters.store import schema
from remora.domain.order import IntentState
from remora.domain.signal import Side
from tests.scenario.casts import impatient, trio
from tests.scenario.evidence import unfinished
from tests.scenario.faults.outcome import inexact, reasons
from tests.scenario.faults.sabotage import Sabotage
from tests.scenario.rehearsal import Rehearsal, until
from tests.scenario.theatre import LongRun, Theatre

pytestmark = pytest.mark.asyncio(loop_scope="session")

ORDERS = "POST /order"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def run(theatre: Theatre) -> AsyncIterator[LongRun]:
    """Copy for three followers with an order each, on a wallet less than that: somebody always stands in line."""
    run = LongRun(lambda: theatre.rehearsal(impatient, fleet_size=2, REMORA_FOLLOWERS_PER_ORDER="1"))
    yield run
    await run.end()


def sent(rehearsal: Rehearsal, since_us: int) -> dict[str, list[str]]:
    """Return for each wallet the sides of the orders that the venue has accepted since a time, in its order."""
    o = schema.orders.c
    query = select(o.wallet, o.side).where(o.acknowledged_us > since_us).order_by(o.acknowledged_us)
    found: defaultdict[str, list[str]] = defaultdict(list)
    with rehearsal.performance.database() as connection:
        for row in connection.execute(query):
            found[row.wallet].append(row.side)
    return found


def latest_us(rehearsal: Rehearsal) -> int:
    """Return when the venue accepted the latest order."""
    with rehearsal.performance.database() as connection:
        return int(connection.execute(select(func.max(schema.orders.c.acknowledged_us))).scalar_one())


def entered(rehearsal: Rehearsal) -> int:
    """Count the entries that are settled."""
    i = schema.intents.c
    query = select(func.count()).select_from(schema.intents).where(i.side == Side.BUY, i.state == IntentState.SETTLED)
    with rehearsal.performance.database() as connection:
        return int(connection.execute(query).scalar_one())


def states(rehearsal: Rehearsal, side: Side) -> set[str]:
    """Return the states of all copies on a side."""
    i = schema.intents.c
    with rehearsal.performance.database() as connection:
        return {row.state for row in connection.execute(select(i.state).where(i.side == side))}


def failed(rehearsal: Rehearsal) -> int:
    """Count the copies that failed."""
    return reasons(rehearsal).total()


async def storm(rehearsal: Rehearsal, sabotage: Sabotage) -> None:
    """Refuse every order that comes from the supervisor's place: the leader's goes through."""
    for wallet in rehearsal.performance.stage.fleet:
        await sabotage.inject("rate-limited", endpoint=ORDERS, wallet=wallet)


async def calm(rehearsal: Rehearsal) -> None:
    """Wait until nothing is in flight."""
    await rehearsal.performance.settled(debts_too=True)
    await until(lambda: not unfinished(rehearsal.performance))


async def test_in_a_storm_over_everybody_exits_go_first_and_stale_entries_are_denied(
    run: LongRun, sabotage: Sabotage
) -> None:
    async with run.scene() as rehearsal:
        await rehearsal.buy()
        await calm(rehearsal)
        since_us, before, why = latest_us(rehearsal), failed(rehearsal), reasons(rehearsal)
        await storm(rehearsal, sabotage)
        await rehearsal.buy(market=1)
        await rehearsal.sell()
        await rehearsal.life.heard("overloaded")
        await until(lambda: failed(rehearsal) == before + 3)
        assert sent(rehearsal, since_us) == {}
        assert (reasons(rehearsal) - why).keys() <= {"EXPIRED", "OVERLOADED"}
        await until(lambda: states(rehearsal, Side.SELL) <= {IntentState.COLLECTED, IntentState.ORDERED})
        await sabotage.end()
        await rehearsal.buy(market=2)
        await calm(rehearsal)
        assert states(rehearsal, Side.SELL) == {IntentState.SETTLED}
        assert all(sides == sorted(sides, reverse=True) for sides in sent(rehearsal, since_us).values())
        assert (
            entered(rehearsal) + failed(rehearsal) - before == 9
        )  # three, three that were stale, three that came after it
        await rehearsal.life.heard("overload_over")
        assert await inexact(rehearsal) == []


async def test_in_a_storm_over_one_wallet_the_other_goes_on(run: LongRun, sabotage: Sabotage) -> None:
    async with run.scene() as rehearsal:
        settled, before = entered(rehearsal), failed(rehearsal)
        stricken, _ = rehearsal.performance.stage.fleet
        await sabotage.inject("rate-limited", endpoint=ORDERS, wallet=stricken)
        await rehearsal.buy()
        await until(lambda: entered(rehearsal) == settled + 2)
        await sabotage.end()
        await calm(rehearsal)
        assert entered(rehearsal) - settled + failed(rehearsal) - before == 3
        assert await inexact(rehearsal) == []


async def test_a_stop_in_a_storm_is_the_end_of_what_waits(theatre: Theatre, sabotage: Sabotage) -> None:
    async with theatre.rehearsal(trio, fleet_size=2, REMORA_FOLLOWERS_PER_ORDER="1") as rehearsal:
        await rehearsal.start()
        await storm(rehearsal, sabotage)
        await rehearsal.buy()
        await until(lambda: ORDERS in rehearsal.traps.came)
        await rehearsal.command("stop", "--all")
        await until(lambda: reasons(rehearsal)["STOPPED"] == 3)
        await sabotage.end()
        await calm(rehearsal)
        assert sent(rehearsal, 0) == {}
        assert await inexact(rehearsal) == []
