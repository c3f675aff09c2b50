"""A detector at work on a chain that forks, and a node that tells of it as a test lets it."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress

from remora.detect.identity import RecentlySeen
from remora.detect.watch import Watch
from remora.detect.worker import Detector
from remora.domain.chain import Gap, Head, Log, Receipt
from remora.domain.contracts import Contracts
from remora.domain.errors import OperatorError, Retryable
from remora.domain.ids import Address
from remora.domain.order import IntentState
from remora.domain.signal import Fill, Signal
from tests.fakes.clock import US, SimulatedClock
from tests.fakes.database import Database
from tests.fakes.forks import ForkingChain
from tests.fakes.specimens import CHAIN_ID, EXCHANGE, intent
from tests.fakes.waiting import until

LEADERS = tuple(Address(f"0x{number:040x}") for number in (0xA1, 0xA2, 0xA3))
KNOWN = Contracts(exchanges=frozenset({EXCHANGE}), ledgers=frozenset(), collaterals=frozenset(), adapters=frozenset())
DEPTH = 10
PATIENCE = 1_000
"""Blocks after which the cursor must have passed what was before them."""


class Play:
    """A chain, a detector, and what the node has yet to tell it."""

    def __init__(self, database: Database, seed: int) -> None:
        self.chain = ForkingChain()
        self.database = database
        self.clock = SimulatedClock()
        self.chance = random.Random(seed)
        self.untold: list[Log | Head] = []
        self.told: list[Log] = []
        self.decided: defaultdict[Address, list[str]] = defaultdict(list)
        self.trouble: list[OperatorError] = []
        self.leaders = LEADERS
        self.known = KNOWN
        self.running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start a process; it knows what is durable, and is told nothing of before."""
        await self.stop()
        self.detector = Detector(
            chain=self.chain,
            store=self.database.signals,
            clock=self.clock,
            watch=Watch(chain_id=CHAIN_ID, known=self.known, leaders=frozenset(self.leaders), fleet=frozenset()),
            recently=RecentlySeen(60 * US),
            on_signal=self._decide,
            on_fill=self._no_fill,
            reorg_depth=DEPTH,
        )
        self.chain.live = asyncio.Queue()
        self.untold.clear()
        self.running = asyncio.create_task(self.detector.run())
        # A process that is killed before it has a cursor has promised nothing: the next one begins at the head.
        await until(lambda: self.cursor() > 0)
        await self.settle()

    async def stop(self) -> None:
        """Kill the process; what it has handed to the database is written before anything else."""
        if self.running is not None:
            self.running.cancel()
            with suppress(asyncio.CancelledError):
                await self.running
        await self._written()

    async def settle(self) -> None:
        """Let everything happen that will."""
        for _ in range(8):
            await asyncio.sleep(0.0005)
        await self._written()

    def mine(self, leaders: Sequence[int], *, head_first: bool) -> None:
        """Mine a block with a trade of each of these leaders."""
        self._tell(self.chain.mine([self.chain.trade(LEADERS[each]) for each in leaders]).logs, head_first=head_first)

    def reorganise(self, depth: int, *, removed: bool, head_first: bool) -> None:
        """Replace the last blocks; some of their transactions come back, elsewhere, and some never do."""
        lost = self.chain.orphan(depth)
        if removed:
            self.untold += [log._replace(removed=True) for block in reversed(lost) for log in reversed(block.logs)]
        pool: list[Receipt] = [each for block in lost for each in block.receipts]
        self.chance.shuffle(pool)
        coming = pool[: self.chance.randint(0, len(pool))]
        for left in range(len(lost), -1, -1):
            now = coming if left == 0 else [coming.pop() for _ in range(self.chance.randint(0, len(coming)))]
            self._tell(self.chain.mine(now).logs, head_first=head_first)

    def tell(self, count: int) -> None:
        """Let the node tell what happened, in order."""
        for _ in range(min(count, len(self.untold))):
            item = self.untold.pop(0)
            self.chain.live.put_nowait(item)
            if isinstance(item, Log) and not item.removed:
                self.told.append(item)

    def tell_again(self) -> None:
        """Let the node tell a log twice, as late as it likes."""
        if self.told:
            self.chain.live.put_nowait(self.chance.choice(self.told))

    def swallow(self) -> None:
        """Let a subscription lose a log."""
        logs = [item for item in self.untold if isinstance(item, Log)]
        if logs:
            self.untold.remove(self.chance.choice(logs))

    def cut(self, *, pool: bool) -> None:
        """Lose the connection: what was not told never is. A pool of nodes says so, a single one fails."""
        self.untold.clear()
        self.chain.live.put_nowait(Gap(reason="replaced") if pool else Retryable("connection lost", 0))

    async def end(self) -> None:
        """Let the node tell everything, and the chain grow until the cursor has passed all of it."""
        self.trouble.clear()
        last = self.chain.chain[-1].head.number
        for _ in range(PATIENCE):
            if self.cursor() > last:
                break
            self.mine([], head_first=False)
            self.tell(len(self.untold))
            await self.settle()
        await self.stop()
        assert self.cursor() > last

    def cursor(self) -> int:
        """Return the cursor as a restart would find it."""
        return int((self.database.committed("SELECT block_number FROM cursor") or [0])[0])

    def check(self, *, in_order: bool) -> None:
        """Compare what is stored with the chain."""
        rows = self.database.committed("SELECT tx_hash, block_hash, state FROM signals ORDER BY rowid")
        trades = {each.tx_hash: block.head.hash for block in self.chain.chain for each in block.receipts}
        mined = {tx_hash: block_hash for tx_hash, block_hash, state in rows if state == "mined"}
        assert mined == trades
        assert {state for tx_hash, _, state in rows if tx_hash not in trades} <= {"withdrawn"}
        pending = self.database.committed(
            "SELECT s.tx_hash FROM intents i JOIN signals s USING (signal_id) WHERE i.state = 'pending'"
        )
        assert sorted(pending) == sorted(trades)  # each is copied once, and nothing else
        stored = [tx_hash for tx_hash, _, _ in rows]
        for leader in LEADERS:
            chain = [
                each.tx_hash
                for block in self.chain.chain
                for each in block.receipts
                if each.logs[0].topics[2].endswith(leader[2:])
            ]
            assert not in_order or sorted(chain, key=stored.index) == chain

    def _tell(self, logs: Sequence[Log], *, head_first: bool) -> None:
        head = self.chain.chain[-1].head
        self.untold += [head, *logs] if head_first else [*logs, head]

    async def _written(self) -> None:
        """Wait until all is written that was asked for: who asks the store stands behind the others."""
        await self.database.signals.cursor()

    async def _decide(self, signal: Signal) -> None:
        await asyncio.sleep(0)
        if self.trouble:
            raise self.trouble.pop()
        wanted = [intent(1, of=signal)]
        if await self.database.signals.record_decision(
            signal, wanted, [], stored_us=self.clock.now_us(), state=IntentState.PENDING
        ):
            self.decided[signal.leader].append(signal.tx_hash)

    async def _no_fill(self, _fill: Fill, _heard_us: int) -> None:
        raise AssertionError("there is no fleet")
