"""A detector at work on a chain in memory, and what it handed on."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from remora.detect.identity import RecentlySeen
from remora.detect.watch import Watch
from remora.detect.worker import Detector
from remora.domain.chain import Receipt
from remora.domain.contracts import Contracts
from remora.domain.ids import Address, TxHash
from remora.domain.signal import Fill, Signal
from tests.fakes.chain import FakeChain, head, matches
from tests.fakes.clock import US, SimulatedClock
from tests.fakes.database import Database
from tests.fakes.receipts import KNOWN
from tests.fakes.specimens import CHAIN_ID
from tests.fakes.waiting import settle_down, until


class Listening:
    """The detector under test. `trouble` is raised, once each, by whoever is handed a signal."""

    def __init__(self, *, chain: FakeChain, database: Database, clock: SimulatedClock) -> None:
        self.chain = chain
        self.database = database
        self.clock = clock
        self.signals: list[Signal] = []
        self.fills: list[Fill] = []
        self.durable = asyncio.Event()
        self.durable.set()
        self.trouble: list[Exception] = []
        self.running: asyncio.Task[None] | None = None
        self.watch: Watch | None = None
        self.reorg_depth = 0

    def detector(
        self, *, leaders: frozenset[Address], fleet: frozenset[Address] = frozenset(), known: Contracts = KNOWN
    ) -> Detector:
        """Make a detector, as a process does when it starts."""
        self.watch = Watch(chain_id=CHAIN_ID, known=known, leaders=leaders, fleet=fleet)
        self._detector = Detector(
            chain=self.chain,
            store=self.database.signals,
            clock=self.clock,
            watch=self.watch,
            recently=RecentlySeen(60 * US),
            on_signal=self._on_signal,
            on_fill=self._on_fill,
            reorg_depth=self.reorg_depth,
        )
        return self._detector

    async def start(
        self,
        *,
        leaders: frozenset[Address],
        fleet: frozenset[Address] = frozenset(),
        known: Contracts = KNOWN,
        at: int = 10,
    ) -> Detector:
        """Start a detector, announce a head, and wait until it listens."""
        detector = self.detector(leaders=leaders, fleet=fleet, known=known)
        self.run(detector)
        self.chain.announce(head(at))
        await until(lambda: self.cursor() is not None)
        return detector

    def run(self, detector: Detector) -> None:
        """Run a detector in the background."""
        self.running = asyncio.ensure_future(detector.run())

    async def stop(self) -> None:
        """Stop the process, as abruptly as it gets."""
        if self.running is not None:
            self.running.cancel()
            with suppress(asyncio.CancelledError):
                await self.running
            self.running = None

    def mine(self, receipt: Receipt, *, live: bool = True, served: bool = True) -> int:
        """Put a transaction into the chain and announce its logs; return how many the detector's filters let through.

        `live` false: the subscription swallows them. `served` false: the node has no receipt yet.
        """
        assert self.watch is not None
        if served:
            self.chain.mined[receipt.tx_hash] = receipt
        self.chain.blocks.extend(receipt.logs)
        if live:
            self.chain.announce(*receipt.logs)
        return sum(matches(self.watch.filters(), log) for log in receipt.logs)

    async def heard(self, count: int) -> list[Signal]:
        """Wait for so many signals, and make sure that there are no more."""
        await until(lambda: len(self.signals) >= count)
        await until(self.chain.live.empty)
        await settle_down()
        assert len(self.signals) == count
        return self.signals

    async def dealt_with(self, receipt: Receipt) -> None:
        """Wait until the cursor has passed the transaction's block: whatever it meant is handed on."""
        async with asyncio.timeout(5):
            while (self.cursor() or 0) <= receipt.block_number:
                self.chain.announce(head(max(self.chain.latest, receipt.block_number) + 6))
                await asyncio.sleep(0.005)

    async def look_at(self, tx_hash: TxHash) -> None:
        """Point the detector to a transaction."""
        await self._detector.look_at(tx_hash)

    def cursor(self) -> int | None:
        """Return the cursor as a restart would find it."""
        found = self.database.committed("SELECT block_number FROM cursor")
        return int(found[0]) if found else None

    async def _on_signal(self, signal: Signal) -> None:
        if self.trouble:
            raise self.trouble.pop(0)
        await self.durable.wait()
        self.signals.append(signal)

    async def _on_fill(self, fill: Fill, _heard_us: int) -> None:
        self.fills.append(fill)


class Crash(Exception):
    """An error that nobody foresaw."""
