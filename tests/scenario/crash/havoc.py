"""Havoc: leaders who trade all the time, and a devnet that breaks at random, by a seed, while the supervisor is killed.

Venue and node fail the fleet only: the leaders' trades are what has to be copied. One follower has a thief, who takes
his collateral and brings it back, so that in the end he has brought in what he began with.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from random import Random

from polymarket import PolymarketError
from sqlalchemy import func, select

from remora.adapters.store import schema
from remora.devnet.abi import calldata
from remora.devnet.accounts import Role, scripted
from remora.devnet.balances import collateral_of
from remora.devnet.traders.leader import Leader
from remora.devnet.traders.outcome import Outcome
from remora.devnet.transactions import Act, transact
from remora.domain.errors import Refused
from remora.domain.ids import Address
from remora.domain.money import ONE, Collateral, Shares, Wei
from tests.scenario.faults.sabotage import Sabotage
from tests.scenario.rehearsal import Rehearsal

_AT_POST = ("error-before", "error-after", "drop-before", "drop-after", "timeout-after", "rate-limited", "restarting")
_AT_SETTLEMENT = ("retried-trade", "failed-trade")
_AT_NODE = ("nonce-error", "stuck-transaction", "dropped-transaction")
_DEPTHS = (1, 2, 3)
_MARKETS = 3
_GAS = Wei.parse("100")
_HOLD_S = 3
"""How long a request hangs that is not answered: longer than most lives."""
_MOST_FAULTS = 4
"""Faults that wait for somebody to strike: more would pile up while nobody is there, and leave no life unspoilt."""
_MOST_UNHEARD = 40
"""Trades that the supervisor has not heard: more than it can hear in a life would only make the end longer."""
_LOOK_S = 0.2


@dataclass(slots=True, kw_only=True)
class Havoc:
    """What goes on around a supervisor; `random` makes all choices, each kind of deed with its own."""

    rehearsal: Rehearsal
    sabotage: Sabotage
    seed: int
    pause_s: float = 0.7
    _traded: int = 0
    _over: bool = field(default=False)

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        """Let it go on for the length of the context; leave with nothing broken and nothing stolen."""
        await self._equip_thief()
        async with asyncio.TaskGroup() as group:
            for number, leader in enumerate(self.rehearsal.leaders):
                group.create_task(self._trade(leader, Random(f"leader {number} {self.seed}")))
            group.create_task(self._break(Random(f"faults {self.seed}")))
            yield
            self._over = True
        await self.sabotage.end()
        await self._move(self._thief, self._victim)

    @property
    def _victim(self) -> Address:
        return self.rehearsal.performance.cast.followers[0].wallet

    @property
    def _thief(self) -> Address:
        return scripted(Role.OWNER, self.rehearsal.performance.stage.fleet_start).address

    async def _equip_thief(self) -> None:
        """Give the thief gas, in a block that no reorg takes back with all that was set there."""
        stage = self.rehearsal.performance.stage
        await stage.funding.fund([self._thief], native=_GAS)
        given = int(await stage.node.call("eth_blockNumber"), 16)
        while int(await stage.node.call("eth_blockNumber"), 16) <= given + max(_DEPTHS):  # noqa: ASYNC110  the chain tells nobody
            await asyncio.sleep(_LOOK_S)

    async def _trade(self, leader: Leader, random: Random) -> None:
        """Buy and sell; what the venue refuses, since a reorg took away what it counted on, is not traded."""
        markets = self.rehearsal.performance.stage.endpoints.markets[:_MARKETS]
        while await self._goes_on(self._is_heard):
            with suppress(PolymarketError):
                market, amount = random.choice(markets), Collateral(random.randint(20, 100) * ONE)
                held = await leader.holding(market, Outcome.YES)
                if held > Shares(100 * ONE) and random.random() < 0.5:
                    await leader.sell(market, Outcome.YES, Shares(held.units // ONE // 2 * ONE))
                else:
                    await leader.buy(market, Outcome.YES, amount)
                self._traded += 1
            await asyncio.sleep(random.uniform(0, 2 * self.pause_s))

    async def _break(self, random: Random) -> None:
        """Break something, one thing after another: a theft must not meet a reorg half-way."""
        deeds = (self._venue, self._venue, self._settlement, self._node, self._node, self._reorg, self._steal)
        while await self._goes_on(self._is_unspoilt):
            await random.choice(deeds)(random)
            await asyncio.sleep(random.uniform(0, 2 * self.pause_s))

    async def _goes_on(self, may: Callable[[], Awaitable[bool]]) -> bool:
        """Wait until more may be done, or all is over, and tell which: the supervisor sets the pace, not the clock."""
        while not (self._over or await may()):  # noqa: ASYNC110  the database tells nobody
            await asyncio.sleep(_LOOK_S)
        return not self._over

    async def _is_heard(self) -> bool:
        with self.rehearsal.performance.database() as connection:
            heard = connection.execute(select(func.count()).select_from(schema.signals)).scalar_one()
        return self._traded - int(heard) < _MOST_UNHEARD

    async def _is_unspoilt(self) -> bool:
        return await self.sabotage.active() < _MOST_FAULTS

    async def _venue(self, random: Random) -> None:
        fault = random.choice(_AT_POST)
        more: dict[str, object] = {"hold_s": _HOLD_S} if fault == "timeout-after" else {}
        await self._at_wallet(fault, random, endpoint="POST /order", **more)

    async def _settlement(self, random: Random) -> None:
        await self._at_wallet(random.choice(_AT_SETTLEMENT), random)

    async def _node(self, random: Random) -> None:
        await self._at_wallet(random.choice(_AT_NODE), random)

    async def _at_wallet(self, fault: str, random: Random, **parameters: object) -> None:
        """Have a fault strike an operator wallet once or twice."""
        wallet, count = random.choice(self.rehearsal.performance.stage.fleet), random.randint(1, 2)
        await self.sabotage.inject(fault, wallet=wallet, count=count, **parameters)

    async def _reorg(self, random: Random) -> None:
        await self.sabotage.inject("reorg", depth=random.choice(_DEPTHS))

    async def _steal(self, random: Random) -> None:
        """Take what the victim has, or bring back what was taken; one who was faster makes it fail."""
        roles = [self._victim, self._thief]
        random.shuffle(roles)
        with suppress(Refused):
            await self._move(*roles)

    async def _move(self, source: Address, target: Address) -> None:
        stage = self.rehearsal.performance.stage
        contracts = stage.endpoints.contracts
        held = await collateral_of(stage.node, contracts, source)
        data = calldata("transfer(address,uint256)", target, held.units)
        await transact(stage.node, [Act(sender=source, to=Address(contracts.collateral), data=data)])
