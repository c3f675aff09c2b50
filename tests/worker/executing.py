"""An executor at work: a venue and a chain in memory, a real database, three operator wallets."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from remora.domain.ids import OrderHash
from remora.domain.money import Collateral, Shares
from remora.domain.order import Leg, SignedOrder
from remora.domain.reasons import Because
from remora.domain.signal import Fill
from remora.execute.fleet import Fleet
from remora.execute.worker import ExecutionRules, Executor
from tests.fakes.chain import FakeChain
from tests.fakes.clock import SimulatedClock
from tests.fakes.database import Database
from tests.fakes.signer import FakeSigner
from tests.fakes.specimens import collateral, fill
from tests.fakes.venue import FakeVenue
from tests.worker.steps import Steps


class Executing:
    """The executor under test, and what it queued for settlement."""

    def __init__(
        self,
        *,
        venue: FakeVenue,
        chain: FakeChain,
        signer: FakeSigner,
        database: Database,
        clock: SimulatedClock,
        followers_per_order: int = 25,
        second_try_after_s: float | None = None,
    ) -> None:
        self.rules = ExecutionRules(followers_per_order=followers_per_order, second_try_after_s=second_try_after_s)
        self.venue = venue
        self.chain = chain
        self.signer = signer
        self.database = database
        self.clock = clock
        self.steps = Steps(database)
        self.to_settle: list[Leg] = []
        self.stopped: dict[str, Because] = {}
        self.running: asyncio.Task[None] | None = None
        self.restart()

    def restart(self) -> None:
        """Make a new executor and a new fleet, as a process does when it starts."""
        self.fleet = Fleet(self.signer.fleet)
        self.executor = Executor(
            rules=self.rules,
            fleet=self.fleet,
            venue=self.venue,
            chain=self.chain,
            signer=self.signer,
            store=self.database.orders,
            clock=self.clock,
            settle_later=self._settle_later,
            stopped=lambda intent: self.stopped.get(intent.policy_id),
        )

    async def fund(self, *balances: str) -> None:
        """Give the operator wallets so much collateral each, and enlist them."""
        for wallet, balance in zip(self.fleet.wallets, balances, strict=False):
            self.chain.collateral[wallet] = collateral(balance)
            await self.fleet.enlist(wallet, collateral(balance))

    def run(self) -> None:
        """Run the executor's loop in the background."""
        self.running = asyncio.ensure_future(self.executor.run())

    async def stop(self) -> None:
        """Stop the loop, as abruptly as it gets."""
        if self.running is not None:
            self.running.cancel()
            with suppress(asyncio.CancelledError):
                await self.running

    @property
    def order(self) -> SignedOrder:
        """The only order that was submitted."""
        (order,) = self.venue.submitted
        return order

    async def hear(
        self, order: SignedOrder, *, shares: Shares | None = None, paid: Collateral | None = None, number: int = 1
    ) -> Fill:
        """Let a block hold a fill of an order, in full and at its limit if nothing else is said."""
        terms = order.terms
        paid_limit, shares_limit = sorted((terms.maker_amount, terms.taker_amount))  # no share costs more than 1
        heard = fill(
            order.order_hash,
            terms.side,
            number=number,
            wallet=terms.maker,
            token_id=terms.token_id,
            shares=shares or Shares(shares_limit),
            collateral=paid or Collateral(paid_limit),
            fee=Collateral(0),
        )
        await self.executor.on_fill(heard, self.clock.now_us())
        return heard

    def order_states(self) -> list[str]:
        """Return the states of all orders in the database."""
        return self.database.committed("SELECT state FROM orders ORDER BY sent_us, order_hash")

    def free(self, number: int = 0) -> str:
        """Return the free float of an operator wallet."""
        return str(self.fleet.free_float(self.fleet.wallets[number]))

    async def look(self, order_hash: OrderHash) -> str:
        """Return the state of an order as the store tells it: open or ended."""
        return "ended" if await self.database.orders.open_order(order_hash) is None else "open"

    def _settle_later(self, legs: Sequence[Leg]) -> None:
        self.to_settle.extend(legs)
