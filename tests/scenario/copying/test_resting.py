"""Pause, stop and panic, typed while an order rests in the book: it is taken out, and what it filled is settled."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from remora.adapters.store import schema
from remora.domain.policy import OrderMode, Orders
from remora.domain.signal import Side
from tests.scenario.evidence import unfinished
from tests.scenario.rehearsal import Rehearsal, until
from tests.scenario.thin import ThinBook, orders, resting, trade, wrong

pytestmark = pytest.mark.asyncio(loop_scope="session")

LONG = Orders(kind=OrderMode.GTD, rest_s=600)
BOUGHT, SOLD = (Side.BUY, "settled"), (Side.SELL, "settled")


def copies(rehearsal: Rehearsal) -> list[tuple[str, str]]:
    """Return side and state of every intent, in the order of their decisions."""
    i = schema.intents.c
    with rehearsal.performance.database() as connection:
        return [(row.side, row.state) for row in connection.execute(select(i.side, i.state).order_by(i.decided_us))]


@pytest.mark.parametrize(("halt", "left"), [("pause", [BOUGHT]), ("stop", [BOUGHT]), ("panic", [BOUGHT, SOLD])])
async def test_a_halt_takes_it_out_of_the_book_and_settles_what_it_filled(
    thin: ThinBook, halt: str, left: list[tuple[str, str]]
) -> None:
    async with thin.bidding(LONG) as rehearsal:
        await rehearsal.start()
        await trade(rehearsal)
        await resting(rehearsal)
        await thin.sell("10")
        assert orders(rehearsal) == ["accepted"]
        await rehearsal.command(halt, "--all")
        await until(lambda: copies(rehearsal)[: len(left)] == left and not unfinished(rehearsal.performance))
        assert rehearsal.traps.came.count("DELETE /order") >= 1
        assert await wrong(rehearsal) == []


async def somebody_else(rehearsal: Rehearsal) -> str:
    """Return a leader whom nobody copies."""
    other = "0x" + 40 * "7"
    await rehearsal.command("leaders", "add", other, "--anyway")
    return other


async def test_a_halt_of_somebody_else_leaves_it_there(thin: ThinBook) -> None:
    async with thin.bidding(LONG) as rehearsal:
        await rehearsal.start()
        await trade(rehearsal)
        await resting(rehearsal)
        await rehearsal.command("stop", "--leader", await somebody_else(rehearsal))
        await rehearsal.life.heard("halted")
        await thin.sell("10")
        await until(lambda: len(rehearsal.life.told("order_filled")) == 2)
        assert orders(rehearsal) == ["accepted"]
        assert "DELETE /order" not in rehearsal.traps.came
