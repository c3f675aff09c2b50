"""A supervisor's ears on a devnet, and no more: what they hear is stored, and nobody copies it."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from remora.bootstrap.hearing import ears, switchboard
from remora.bootstrap.outside import opened_outside
from remora.dispatch.matching import RulesInForce
from remora.domain.ids import Address
from remora.domain.parties import Leader
from remora.ports import SignalStore
from remora.settings.environment import Settings


@asynccontextmanager
async def listening(
    settings: Settings, leaders: Sequence[Address], store: SignalStore | None = None
) -> AsyncIterator[None]:
    """Hear leaders, with neither policies nor fleet, from when the ears have a cursor until the context ends.

    Signals go to the store, or to the settings' database without one.
    """
    async with AsyncExitStack() as stack:
        outside = await opened_outside(settings, stack)
        if store is not None:
            outside = dataclasses.replace(outside, signals=store)
        for leader in leaders:
            await outside.leaders.add_leader(Leader(wallet=leader, label=leader), added_us=0)
        rules = RulesInForce()
        hearing = ears(
            settings,
            rules,
            outside,
            board=switchboard(rules, outside),
            fleet=tuple,
            on_intents=_no_intents,
            on_fill=_no_fill,
        )
        await hearing.read_changes()
        async with asyncio.TaskGroup() as tasks:
            loops = [tasks.create_task(loop()) for loop in hearing.loops().values()]
            while await outside.signals.cursor() is None:  # noqa: ASYNC110  a store tells nobody
                await asyncio.sleep(0.05)
            yield
            for loop in loops:
                loop.cancel()


def _no_intents(_intents: object) -> None:
    raise AssertionError("expected no intents: there are no policies")


async def _no_fill(*_: object) -> None:
    raise AssertionError("expected no fill of ours: there is no fleet")
