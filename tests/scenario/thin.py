"""A devnet whose book is thin: at the leader's price there is less than the follower wants, and nobody refills it.

What the follower's order does not find at once rests, or is tried again, and is filled when the scenario says so.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import MappingProxyType

from sqlalchemy import select

from remora.adapters.store import schema
from remora.devnet.demo.script import Act
from remora.devnet.endpoints import Market
from remora.devnet.traders.market_maker import Ladder, MarketMaker
from remora.devnet.traders.outcome import Outcome
from remora.domain.money import ONE, Collateral, Price, Shares
from remora.domain.order import OrderState
from remora.domain.policy import Orders
from remora.domain.signal import Side
from tests.scenario.casts import bidder
from tests.scenario.evidence import unfinished
from tests.scenario.faults.outcome import inexact
from tests.scenario.rehearsal import Rehearsal, until
from tests.scenario.theatre import Theatre

LADDER = Ladder(shares=Shares(100 * ONE))
"""At the best ask, 0.51, there are 200 YES: 100 are asked for, and 100 are minted with those who bid 0.49 for NO."""

ASK = Price(510_000)
LEADERS = Collateral(20 * ONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ThinBook:
    """The devnet's first market, and who makes it."""

    theatre: Theatre
    maker: MarketMaker
    market: Market

    @asynccontextmanager
    async def bidding(
        self, orders: Orders, settings: Mapping[str, str] = MappingProxyType({})
    ) -> AsyncIterator[Rehearsal]:
        """Prepare a rehearsal of one follower who orders like this, on one wallet, and the book as it begins."""
        await self.refill()
        async with self.theatre.rehearsal(lambda seed: bidder(seed, orders), settings, fleet_size=1) as rehearsal:
            yield rehearsal

    async def refill(self) -> None:
        """Quote the whole ladder again."""
        await self.maker.quote(self.market, LADDER)

    async def sell(self, shares: str) -> None:
        """Sell shares to whoever bids the ask."""
        await self.maker.sell(self.market, Outcome.YES, ASK, Shares.parse(shares))


async def trade(rehearsal: Rehearsal) -> None:
    """Have the leader buy for 20 of collateral: a fifth of what is there at the ask."""
    act = Act(leader=0, market=0, outcome=Outcome.YES, side=Side.BUY, amount=LEADERS)
    await rehearsal.performance.act(act, rehearsal.leaders)


def orders(rehearsal: Rehearsal) -> list[str]:
    """Return the states of all orders, oldest first."""
    o = schema.orders.c
    with rehearsal.performance.database() as connection:
        return [row.state for row in connection.execute(select(o.state).order_by(o.sent_us))]


async def resting(rehearsal: Rehearsal) -> None:
    """Wait until an order rests in the book, and what it found there is heard from a block."""
    await until(lambda: OrderState.ACCEPTED in orders(rehearsal) and bool(filled(rehearsal)))


def filled(rehearsal: Rehearsal) -> list[Shares]:
    """Return our fills, in the order of their blocks."""
    f = schema.fills.c
    with rehearsal.performance.database() as connection:
        return [Shares(row.shares) for row in connection.execute(select(f.shares).order_by(f.block_number))]


def delivered(rehearsal: Rehearsal) -> list[Shares]:
    """Return what every leg that has settled moved."""
    leg = schema.legs.c
    with rehearsal.performance.database() as connection:
        return [Shares(row.shares) for row in connection.execute(select(leg.shares).where(leg.state == "settled"))]


async def wrong(rehearsal: Rehearsal) -> list[str]:
    """Return all that speaks against exact books, and one delivery each; that the book was too thin does not."""
    return [each for each in await inexact(rehearsal) if "to be spent" not in each]


async def ended_once(rehearsal: Rehearsal, *, fills: int) -> None:
    """Expect so many fills, that they were delivered in one leg, and that nothing rests any more."""
    await until(lambda: not unfinished(rehearsal.performance))
    found = filled(rehearsal)
    assert len(found) == fills
    assert delivered(rehearsal) == [Shares(sum(each.units for each in found))]
    assert await wrong(rehearsal) == []
