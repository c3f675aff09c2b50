"""What became of the copies of a leader's trade, as the database has it, beside the exactness of the books."""

from __future__ import annotations

import asyncio
from collections import Counter

from sqlalchemy import select

from remora.adapters.store import schema
from remora.domain.order import IntentState
from tests.scenario.evidence import doubts
from tests.scenario.rehearsal import PATIENCE_S, Rehearsal

_PAYOUTS = "payouts per follower"


def reasons(rehearsal: Rehearsal) -> Counter[str]:
    """Return how many intents failed for which reason; "None" must never be one."""
    query = select(schema.intents.c.reason).where(schema.intents.c.state == IntentState.FAILED)
    with rehearsal.performance.database() as connection:
        return Counter(str(row.reason) for row in connection.execute(query))


async def inexact(rehearsal: Rehearsal, *, gave_back: bool = False) -> list[str]:
    """Return all that speaks against exact books and against filling, delivering and paying once.

    Shares that were given back unsold look like a payout on chain, of which the database knows no settled sale.
    """
    audit = await rehearsal.performance.audit()
    books = [f"{d.wallet} {d.asset}: the books say {d.expected}, the chain {d.found}" for d in audit.differences]
    sums = [] if audit.sums_to_zero else ["the ledger does not sum to zero"]
    found = await doubts(rehearsal.performance)
    return books + sums + [doubt for doubt in found if not (gave_back and doubt.startswith(_PAYOUTS))]


async def wrong_in_the_end(rehearsal: Rehearsal) -> list[str]:
    """Return what is wrong for longer than patience lasts: until it is mined again, the chain lacks a settlement."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + PATIENCE_S
    wrong = await rehearsal.wrong()
    while wrong and loop.time() < until_s:
        await asyncio.sleep(0.2)
        wrong = await rehearsal.wrong()
    return wrong
