"""A play in which leaders do more than trade, and what they are known to have held before each exit."""

from __future__ import annotations

from collections.abc import Sequence

from remora.domain.chain import Receipt
from remora.domain.signal import Side, Signal
from tests.fakes.database import Database
from tests.fakes.dealings import LEDGER, DealingChain, Deed, Exit
from tests.worker.playing import Play


class Dealing(Play):
    """A play in which leaders do more than trade. `untrue` are signals that say what the chain does not."""

    def __init__(self, database: Database, seed: int) -> None:
        super().__init__(database, seed)
        self.chain: DealingChain = DealingChain()
        self.known = self.known.adding(ledgers=[LEDGER])
        self.untrue: list[Signal] = []

    def deal(self, planned: Sequence[Sequence[Deed]], *, head_first: bool) -> None:
        """Mine a block with a transaction of each of these lists of deeds."""
        self._tell(self.chain.mine([self.transaction(each) for each in planned]).logs, head_first=head_first)

    def transaction(self, planned: Sequence[Deed]) -> Receipt:
        """Return a transaction, in no block yet, in which all of this is done."""
        return self.chain.transaction(planned)

    def exits(self) -> list[Exit]:
        """Return the exits of the chain as it is now."""
        return [exit_ for block in self.chain.chain for exit_ in self.chain.exits[block.head.hash]]

    def stored(self) -> list[Exit]:
        """Return the exits that are stored as being in the chain."""
        rows = self.database.committed(
            "SELECT tx_hash, leader, token_id, kind, shares FROM signals WHERE side = 'SELL' AND state = 'mined'"
        )
        return [(tx_hash, leader, int(token_id), kind, units) for tx_hash, leader, token_id, kind, units in rows]

    async def _decide(self, signal: Signal) -> None:
        if signal.side is Side.SELL and not self._is_true(signal):
            self.untrue.append(signal)
        await super()._decide(signal)

    def _is_true(self, signal: Signal) -> bool:
        """Compare with the branch that the signal's block is on; nobody can tell of one that is orphaned."""
        if signal.block_hash is None or signal.held_before is None:
            return signal.block_hash not in {block.head.hash for block in self.chain.chain}
        exit_ = (signal.tx_hash, signal.leader, signal.token_id, signal.kind.value, signal.shares.units)
        return self.chain.exits[signal.block_hash].get(exit_) == signal.held_before.units
