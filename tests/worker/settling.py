"""A settler at work: a Clearinghouse and a chain in memory, a real database."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from remora.domain.money import Wei
from remora.domain.order import Leg
from remora.settle.fees import FeeRules
from remora.settle.transactions import Transactor
from remora.settle.worker import Settler
from tests.fakes.chain import FakeSender
from tests.fakes.clearinghouse import FakeClearinghouse
from tests.fakes.clock import SimulatedClock
from tests.fakes.database import Database
from tests.fakes.signer import FakeSigner
from tests.fakes.specimens import CHAIN_ID
from tests.worker.steps import Steps

RULES = FeeRules(most=Wei(200_000_000_000), replace_after_blocks=5)


class Settling:
    """The settler under test, and what it said was settled."""

    def __init__(
        self,
        *,
        sender: FakeSender,
        clearinghouse: FakeClearinghouse,
        signer: FakeSigner,
        database: Database,
        clock: SimulatedClock,
    ) -> None:
        self.chain = sender.chain
        self.sender = sender
        self.clearinghouse = clearinghouse
        self.signer = signer
        self.database = database
        self.clock = clock
        self.steps = Steps(database)
        self.settled: list[Leg] = []
        self.running: asyncio.Task[None] | None = None
        self.restart()

    def restart(self) -> None:
        """Make a new settler, as a process does when it starts."""
        transactor = Transactor(
            chain_id=CHAIN_ID,
            rules=RULES,
            chain=self.chain,
            sender=self.sender,
            signer=self.signer,
            store=self.database.settlements,
            clock=self.clock,
        )
        self.settler = Settler(
            transactor=transactor,
            custody=self.clearinghouse,
            store=self.database.settlements,
            clock=self.clock,
            on_settled=self._on_settled,
        )

    def run(self) -> None:
        """Run the settler's loop in the background."""
        self.running = asyncio.ensure_future(self.settler.run())

    async def stop(self) -> None:
        """Stop the loop, as abruptly as it gets."""
        if self.running is not None:
            self.running.cancel()
            with suppress(asyncio.CancelledError):
                await self.running

    def leg_states(self) -> list[str]:
        """Return the states of all legs in the database."""
        return sorted(self.database.committed("SELECT state FROM legs"))

    def transactions(self) -> list[tuple[str, int, str]]:
        """Return purpose, account nonce and state of all transactions that this settler recorded."""
        query = "SELECT purpose, nonce, state FROM transactions WHERE purpose != 'test' ORDER BY wallet, nonce"
        return self.database.committed(query)

    async def _on_settled(self, legs: Sequence[Leg]) -> None:
        self.settled.extend(legs)
