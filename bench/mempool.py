"""How much earlier the mempool tells of a leader's trade than its block, on a devnet with blocks every second.

The trades come at all times between two blocks, so half a block is what there is to win: blocks on Polygon are further
apart, and what a node's pool sees of the venue's transactions depends on the provider.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.deciding import MemoryStore
from bench.ears import listening
from bench.spread import spread
from bench.traders import Floor, trading_floor
from bench.venue import TRADERS, running_venue
from remora.devnet.accounts import fleet
from remora.devnet.endpoints import Endpoints
from remora.devnet.supervised import supervisor_settings
from remora.domain.order import OrderKind
from remora.domain.signal import Side

TRADES = 15
PAUSE_S = 1.07
"""Between trades: a little more than a block, so that they come at all times between two blocks."""

CENTS = 52
BLOCK_TIME_S = 1.0
US_PER_MS = 1_000
_PATIENCE_S = 60


async def mempool_leads() -> dict[str, Any]:
    """Have a leader trade, and return by how many milliseconds each was heard before its block."""
    store = MemoryStore()
    async with (
        running_venue(core=None, block_time_s=BLOCK_TIME_S) as venue,
        trading_floor(venue.endpoints) as floor,
        _hearing(venue.endpoints, store),
    ):
        for _ in range(TRADES):
            await _trade(floor)
            await asyncio.sleep(PAUSE_S)
        await _all_mined(store)
    leads = spread((mined_us - store.heard_us[order]) / US_PER_MS for order, mined_us in store.mined_us.items())
    return {
        "trades": TRADES,
        "block_time_s": BLOCK_TIME_S,
        "p50": leads.median,
        "least": leads.min,
        "most": leads.max,
    }


async def _trade(floor: Floor) -> None:
    """Rest an order of one trader, and have the leader take it."""
    maker, leader = floor.traders[:2]
    market = floor.endpoints.markets[0]
    await floor.place([maker.order(market, Side.SELL, CENTS, OrderKind.GTC)])
    await floor.place([leader.order(market, Side.BUY, CENTS, OrderKind.FAK)])


async def _all_mined(store: MemoryStore) -> None:
    async with asyncio.timeout(_PATIENCE_S):
        while len(store.mined_us) < TRADES:  # noqa: ASYNC110  the store has no event for it
            await asyncio.sleep(PAUSE_S)


@asynccontextmanager
async def _hearing(endpoints: Endpoints, store: MemoryStore) -> AsyncIterator[None]:
    """Hear the leader from the devnet's node and its mempool until the context ends."""
    with TemporaryDirectory() as folder:
        settings = supervisor_settings(
            endpoints, database=Path(folder) / "unused.db", mempool="full", data_url="", fleet_size=1
        )
        async with listening(settings, [fleet(TRADERS)[1].address], store):
            yield
