"""A performance: what the leaders did on a stage, and what the supervisor's database and the chain say came of it.

It runs no supervisor and shows nothing: the demo and the scenario tests put theirs beside it.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine

from remora.adapters.store.books import balances
from remora.adapters.store.database import engine_for
from remora.adapters.store.figures import Figures, Progress, figures, progress
from remora.devnet.balances import collateral_of
from remora.devnet.control.pause import Pause
from remora.devnet.control.state import State
from remora.devnet.demo.books import Difference, Holdings, differences, holdings, sums_to_zero
from remora.devnet.demo.cast import Cast
from remora.devnet.demo.expectation import Expectation
from remora.devnet.demo.script import Act, Trade, perform
from remora.devnet.demo.stage import Stage
from remora.devnet.faults.state import SetCollateral
from remora.devnet.traders.leader import Leader
from remora.domain.ids import Address, TokenId
from remora.domain.money import ONE, Collateral

PATIENCE_S = 90.0
RELIEF = Collateral(1_000 * ONE)
"""What an underfunded follower is given, so that the debt can be collected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """The books beside the chain: where they differ, what the chain says, and whether the ledger sums to zero."""

    differences: list[Difference]
    found: Holdings
    sums_to_zero: bool

    @property
    def balanced(self) -> bool:
        """Whether the books are right in every respect."""
        return self.sums_to_zero and not self.differences


@dataclass(slots=True, kw_only=True)
class Performance:
    """A cast on a stage. `brought` is the collateral that each follower had or was given from outside."""

    stage: Stage
    cast: Cast
    trades: int = 0
    expectation: Expectation = field(init=False)
    brought: dict[Address, int] = field(init=False)
    _engine: Engine = field(init=False)

    def __post_init__(self) -> None:
        self._engine = engine_for(self.stage.database)
        self.expectation = Expectation(cast=self.cast)
        self.brought = {follower.wallet: follower.collateral.units for follower in self.cast.followers}

    def close(self) -> None:
        """Let go of the supervisor's database."""
        self._engine.dispose()

    def database(self) -> Connection:
        """Connect to the supervisor's database, to read it beside the supervisor; a context manager."""
        return self._engine.connect()

    def read(self) -> Figures:
        """Read the figures of the supervisor's database."""
        with self.database() as connection:
            return figures(connection)

    def progress(self) -> Progress:
        """Read how far the supervisor's work has come."""
        with self.database() as connection:
            return progress(connection)

    async def act(self, act: Act, leaders: list[Leader]) -> Trade:
        """Have a leader trade, and expect what should come of it."""
        trade = await perform(act, leaders, self.stage.endpoints.markets)
        self.expectation.add(trade)
        self.trades += 1
        return trade

    async def settled(self, *, debts_too: bool = False, patience_s: float = PATIENCE_S) -> None:
        """Wait until all trades are decided and nothing is in flight; give up, in silence, when patience ends."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                while not self._is_settled(self.progress(), debts_too=debts_too):
                    await asyncio.sleep(0.2)

    async def spend(self) -> None:
        """Have each underfunded follower spend collateral elsewhere, now that a copy counts on it."""
        for follower in self.cast.underfunded:
            assert follower.leaves is not None
            await self.leave_with(follower.wallet, follower.leaves)

    async def leave_with(self, wallet: Address, amount: Collateral) -> None:
        """Leave a wallet with so much collateral, by moving some away or there."""
        stage = self.stage
        before = await collateral_of(stage.node, stage.endpoints.contracts, wallet)
        state = State(
            node=stage.node, contracts=stage.endpoints.contracts, funding=stage.funding, pause=Pause(stage.node)
        )
        await state.set_collateral(SetCollateral(wallet=wallet, amount=str(amount)))
        after = await collateral_of(stage.node, stage.endpoints.contracts, wallet)
        if wallet in self.brought:
            self.brought[wallet] += after.units - before.units

    async def relieve(self, relief: Collateral = RELIEF) -> None:
        """Give each underfunded follower collateral."""
        wallets = [follower.wallet for follower in self.cast.underfunded]
        await self.stage.funding.fund(wallets, collateral=relief)
        for wallet in wallets:
            self.brought[wallet] += relief.units
        self.expectation.relieve()

    async def audit(self) -> Audit:
        """Compare the books with the chain."""
        with self.database() as connection:
            books = balances(connection)
        stage = self.stage
        tokens = [TokenId(token) for m in stage.endpoints.markets for token in (m.yes_token_id, m.no_token_id)]
        wallets = [*stage.fleet, *self.brought]
        found = await holdings(stage.node, stage.endpoints.contracts, wallets, tokens)
        return Audit(
            differences=differences(books, found, fleet=stage.fleet, brought=self.brought),
            found=found,
            sums_to_zero=sums_to_zero(books),
        )

    def _is_settled(self, now: Progress, *, debts_too: bool) -> bool:
        return now.signals >= self.trades and not now.unfinished and not (debts_too and now.owed > 0)
