"""Pending signals that no block takes: whoever told of them, after a while the chain says what became of them.

The mempool's own watch ends with the process, and the public history tells of no end at all, so both leave signals that
would be pending for ever. Nothing is concluded while no node answers, or before the cursor has passed the block.
"""

from __future__ import annotations

import structlog

from remora.detect.worker import Detector
from remora.domain.errors import OperatorError, Retryable
from remora.domain.ids import SignalId
from remora.domain.records import KnownSignal
from remora.ports import ChainReader, Clock, SignalStore

log = structlog.get_logger()

US = 1_000_000

OVERDUE_S = 600
"""How long a trade may be pending: blocks take what they take within minutes."""

LOOK_EVERY_S = 60.0


class Overdue:
    """Has the detector take back what was pending for too long."""

    def __init__(self, *, chain: ChainReader, store: SignalStore, clock: Clock, detector: Detector) -> None:
        self._chain = chain
        self._store = store
        self._clock = clock
        self._detector = detector
        self._reread: frozenset[SignalId] = frozenset()

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await self.look()
            await self._clock.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Ask the chain about every signal that has been pending for too long, once."""
        overdue = await self._store.pending_signals(self._clock.now_us() - OVERDUE_S * US)
        self._reread &= {each.signal_id for each in overdue}
        try:
            for each in overdue:
                if await self._is_in_no_block(each):
                    self._detector.hear_overdue(each)
        except (Retryable, OperatorError) as trouble:
            log.warning("overdue_not_looked_for", error=str(trouble))

    async def _is_in_no_block(self, signal: KnownSignal) -> bool:
        """Tell whether the chain has no such trade. One whose block was read without it is read once more before."""
        receipt = await self._chain.receipt(signal.tx_hash)
        if receipt is None or receipt.block_hash is None:
            return True
        if not self._detector.has_passed(receipt.block_number):
            return False
        if signal.signal_id in self._reread:
            return True
        self._reread |= {signal.signal_id}
        return not self._detector.reread(receipt)
