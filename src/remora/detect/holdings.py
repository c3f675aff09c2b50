"""What leaders held right before their exits: one read per block with exits, none for entries."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import structlog

from remora.detect.positions import Happening
from remora.domain.errors import RemoraError
from remora.domain.ids import Address, TokenId
from remora.domain.money import Shares
from remora.domain.signal import Signal
from remora.ports import ChainReader, Clock

log = structlog.get_logger()

PAUSES_S = (0.1, 0.3)
"""Between attempts: a node may announce a block before it serves its state."""

_Position = tuple[Address, TokenId]


class Holdings:
    """The positions before each exit of one block. `changes` tells how each changed from then to the block's end."""

    def __init__(self, chain: ChainReader, clock: Clock, block_hash: str, changes: Mapping[Happening, int]) -> None:
        self._chain = chain
        self._clock = clock
        self._block_hash = block_hash
        self._changes = changes
        self._reading = asyncio.Lock()
        self._after: Mapping[_Position, Shares] | None = None

    async def before(self, happening: Happening) -> Shares | None:
        """Return what the leader held right before; None for what is no exit, and when no node can tell any more."""
        change = self._changes.get(happening)
        if change is None:
            return None
        async with self._reading:
            if self._after is None:
                self._after = await self._read()
        after = self._after.get((happening.wallet, happening.token_id))
        # Never less than what left: several moves of a transaction count as one, at the place of the first.
        return None if after is None else Shares(max(after.units - change, abs(happening.shares.units)))

    async def _read(self) -> Mapping[_Position, Shares]:
        positions = sorted({(each.wallet, each.token_id) for each in self._changes})
        for pause_s in (*PAUSES_S, None):
            if (held := await self._attempt(positions)) is not None:
                return dict(zip(positions, held, strict=True))
            if pause_s is not None:
                await self._clock.sleep(pause_s)
        log.warning("positions_unknown", block=self._block_hash, positions=len(positions))
        return {}

    async def _attempt(self, positions: Sequence[_Position]) -> list[Shares] | None:
        try:
            return await self._chain.shares_at(positions, self._block_hash)
        except RemoraError as trouble:
            log.info("positions_not_read", block=self._block_hash, error=str(trouble))
            return None


async def held_now(chain: ChainReader, signal: Signal) -> Shares | None:
    """Return what the leader of a pending sale holds, None when no node tells, or it has yet to get what it sells."""
    try:
        (held,) = await chain.shares_of([(signal.leader, signal.token_id)])
    except RemoraError as trouble:
        log.info("positions_not_read", signal=signal.signal_id, error=str(trouble))
        return None
    return held if held >= signal.shares else None
