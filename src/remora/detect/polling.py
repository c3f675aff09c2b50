"""The public history as a cross-check of the nodes, and as the fallback while none of them answers.

It tells trades some seconds late, and without orders, so the chain is let speak first: a trade that no node told is
looked up by its transaction, and its block read anew. Only when no node has answered for a while does a polled trade
become a signal itself; the block that has it then finds it stored. A round over n leaders takes n / QUESTIONS_PER_S
seconds, or the time that is set, whichever is longer. All times of the history are seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine, Sequence
from dataclasses import dataclass, field

import structlog

from remora.detect.health import DEAF_AFTER_US
from remora.detect.worker import Detector
from remora.domain.errors import OperatorError, RemoraError, Retryable
from remora.domain.history import PolledTrade, PublicTrade, TradeKey, sum_by_trade
from remora.domain.ids import Address
from remora.domain.ignored import Ignored
from remora.ports import ChainReader, Clock, PublicHistory, SignalStore

log = structlog.get_logger()

US = 1_000_000

QUESTIONS_PER_S = 10
"""Half of what the venue allows (200 in 10 s, polymarket.md 3.7): a busy wallet's answer has several pages."""

AT_ONCE = 8
"""Leaders whose answers are waited for at the same time."""

OVERLAP_S = 60
"""How far behind the newest row is read again: rows appear out of order, and 22 s late or more."""

GRACE_S = 20
"""How old a trade is before it is missed: nodes tell it sooner, and all of its rows are there."""

GIVE_UP_S = 600
"""After this long, a transaction that nodes answer for and do not have is no longer asked for."""


@dataclass(slots=True, kw_only=True)
class _Cursor:
    """How far a leader's history is read: what is older than `first_s` is not polled for, what is settled is done."""

    first_s: int
    newest_s: int
    settled: dict[TradeKey, int] = field(default_factory=dict)
    known_to_trade: bool | None = None

    @property
    def since_s(self) -> int:
        return max(self.first_s, self.newest_s - OVERLAP_S)

    def open(self, trades: Sequence[PolledTrade], now_s: int) -> list[PolledTrade]:
        """Return the trades that are old enough to be asked for, and not settled."""
        return [trade for trade in trades if trade.traded_s <= now_s - GRACE_S and trade.key not in self.settled]

    def advance(self, trades: Sequence[PolledTrade]) -> None:
        """Move on to the newest trade, but never past one that is not settled."""
        waiting = [trade.traded_s for trade in trades if trade.key not in self.settled]
        newest = max((trade.traded_s for trade in trades), default=self.newest_s)
        self.newest_s = max(self.newest_s, min([newest, *waiting]))
        self.settled = {key: at_s for key, at_s in self.settled.items() if at_s >= self.since_s}


class Polling:
    """Polls leaders' public histories. `fleet` are our wallets: a trade that an order of ours made is no signal."""

    def __init__(
        self,
        *,
        history: PublicHistory,
        chain: ChainReader,
        store: SignalStore,
        clock: Clock,
        detector: Detector,
        leaders: Collection[Address],
        fleet: Collection[Address],
        ignored: Ignored,
        every_s: int,
    ) -> None:
        self._history = history
        self._chain = chain
        self._store = store
        self._clock = clock
        self._detector = detector
        self._leaders = frozenset(leaders)
        self._fleet = tuple(sorted(fleet))
        self._ignored = ignored
        self._every_s = every_s
        self._cursors: dict[Address, _Cursor] = {}
        self._turn = asyncio.Lock()
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._silent_since_us: int | None = None

    def watch(self, leaders: Collection[Address], fleet: Collection[Address] = ()) -> None:
        """Poll these leaders from now on, beside a fleet that grows; what a new one traded before is the chain's."""
        self._fleet = tuple(sorted({*self._fleet, *fleet}))
        self._leaders = frozenset(leaders)
        self._cursors = {leader: cursor for leader, cursor in self._cursors.items() if leader in self._leaders}

    async def run(self) -> None:
        """Poll for ever."""
        while True:
            started_us = self._clock.now_us()
            await self.look()
            left_us = self._every_s * US - (self._clock.now_us() - started_us)
            await self._clock.sleep(max(0, left_us) / US)

    async def look(self) -> None:
        """Poll every leader once."""
        await self._probe()
        untold: list[PolledTrade] = []
        async with asyncio.TaskGroup() as tasks:
            for leader in sorted(self._leaders):
                tasks.create_task(self._look_at(leader, untold))
        if untold and self._is_silent():
            await self._contain(self._tell(untold), what="fallback")

    async def _probe(self) -> None:
        """Ask nodes for anything: how long they have been silent is known before a trade needs it."""
        try:
            await self._chain.head()
        except (Retryable, OperatorError) as trouble:
            self._note_silence(trouble)
        else:
            self._silent_since_us = None

    async def _look_at(self, leader: Address, untold: list[PolledTrade]) -> None:
        now_s = self._clock.now_us() // US
        cursor = self._cursors.setdefault(leader, _Cursor(first_s=now_s, newest_s=now_s))
        async with self._at_once:
            await self._contain(self._compare(leader, cursor, untold), what=leader)

    async def _compare(self, leader: Address, cursor: _Cursor, untold: list[PolledTrade]) -> None:
        """Look up what the history has and the store has not; `untold` gets what no node could be asked for."""
        rows = await self._ask(leader, cursor.since_s)
        trades = sum_by_trade(row for row in rows if row.traded_s >= cursor.since_s)
        if open_trades := cursor.open(trades, self._clock.now_us() // US):
            mined = await self._store.mined_trades([trade.key for trade in open_trades])
            for trade in open_trades:
                if trade.key in mined or await self._is_settled(trade, untold):
                    cursor.settled[trade.key] = trade.traded_s
        cursor.advance(trades)
        if cursor.known_to_trade is None:
            cursor.known_to_trade = bool(rows) or await self._has_traded(leader)

    async def _has_traded(self, leader: Address) -> bool:
        """Tell whether a leader ever traded, and say it of one that did not: it may be a login key."""
        await self._wait_for_turn()
        has_traded = await self._history.has_traded(leader)
        if not has_traded:
            log.warning(
                "leader_without_fills",
                says="[Supervisor] {leader} has no fills: is it a login key? remora leaders add names its wallets.",
                leader=leader,
            )
        return has_traded

    async def _is_settled(self, trade: PolledTrade, untold: list[PolledTrade]) -> bool:
        """Let the chain speak of a trade; False while it has to be asked again."""
        try:
            receipt = await self._chain.receipt(trade.key.tx_hash)
        except (Retryable, OperatorError) as trouble:
            self._note_silence(trouble)
            untold.append(trade)
            return False
        self._silent_since_us = None
        if receipt is None or receipt.block_hash is None:
            return self._is_given_up(trade)
        if not self._detector.has_passed(receipt.block_number):
            return False
        if self._detector.reread(receipt):
            self._ignored.add("missed_by_nodes")
            log.warning("missed_by_nodes", leader=trade.key.leader, tx_hash=trade.key.tx_hash)
        return True

    def _is_given_up(self, trade: PolledTrade) -> bool:
        if self._clock.now_us() // US - trade.traded_s < GIVE_UP_S:
            return False
        log.warning("polled_trade_in_no_block", leader=trade.key.leader, tx_hash=trade.key.tx_hash)
        return True

    async def _tell(self, untold: Sequence[PolledTrade]) -> None:
        """Make signals of what no node tells, unless an order of ours made the trade: it is in our histories too."""
        since_s = min(trade.traded_s for trade in untold)
        ours = {row.tx_hash for wallet in self._fleet for row in await self._ask(wallet, since_s)}
        heard_us = self._clock.now_us()
        for trade in sorted(untold, key=lambda each: each.traded_s):
            cursor = self._cursors.get(trade.key.leader)
            if cursor is None:
                continue
            cursor.settled[trade.key] = trade.traded_s
            if trade.key.tx_hash not in ours:
                self._detector.hear_polled(trade, heard_us)

    async def _ask(self, wallet: Address, since_s: int) -> list[PublicTrade]:
        """Ask for a wallet's trades, in turn with all other questions."""
        await self._wait_for_turn()
        return await self._history.trades(wallet, since_s)

    async def _wait_for_turn(self) -> None:
        async with self._turn:
            await self._clock.sleep(1 / QUESTIONS_PER_S)

    def _note_silence(self, trouble: RemoraError) -> None:
        if self._silent_since_us is None:
            self._silent_since_us = self._clock.now_us()
            log.warning("no_node_answers", error=str(trouble))

    def _is_silent(self) -> bool:
        since_us = self._silent_since_us
        return since_us is not None and self._clock.now_us() - since_us >= DEAF_AFTER_US

    async def _contain(self, work: Coroutine[None, None, None], *, what: str) -> None:
        """Do it, and let a failure concern this leader and round only."""
        try:
            await work
        except RemoraError as trouble:
            log.warning("history_not_polled", what=what, error=str(trouble))
