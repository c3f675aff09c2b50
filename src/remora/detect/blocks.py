"""The blocks that concern us: which are to be read, which are being dealt with, and how far the cursor may go.

A block is announced by any of its logs, by whatever source and however often, and is one entry from then on. Blocks are
handed out in order of number, none above the gate: newer ones wait while older ones are still being looked for.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass

from remora.domain.signal import Source

ROOM = 1_000
"""Blocks that may wait to be read: half of them live ones, which are found again by reading when there is no room.

Who reads the past waits for room; were it all taken by newer blocks, which wait behind the gate, that had no end.
"""

TROUBLED = 2
"""A block that could not be read so often holds up no other."""

MOST_UNFINISHED = 10_000
"""Blocks that may wait for what was handed on of them."""

_REMEMBERED = 2_000
"""Finished and orphaned blocks that are known again."""


@dataclass(slots=True, kw_only=True, eq=False)
class Block:
    """A block of ours. `open_trades` are handed on and not yet durable.

    `failed`: set aside, to be read again later. `lost`: forgotten, because the chain changed below or at it. `tries`
    counts how often it could not be read.
    """

    number: int
    hash: str
    heard_us: int
    source: Source
    open_trades: int = 0
    failed: bool = False
    lost: bool = False
    tries: int = 0


class Blocks:
    """The ledger of blocks. `gate` is the highest number that may be handed out, None for all."""

    def __init__(self) -> None:
        self.gate: int | None = None
        self._waiting: dict[str, Block] = {}
        self._unfinished: dict[str, Block] = {}
        self._finished: OrderedDict[str, int] = OrderedDict()
        self._orphaned: OrderedDict[str, None] = OrderedDict()

    @property
    def has_room(self) -> bool:
        """Whether one more block of the past may wait."""
        return len(self._waiting) < ROOM and len(self._unfinished) < MOST_UNFINISHED

    @property
    def has_live_room(self) -> bool:
        """Whether one more block may wait that was just mined."""
        return len(self._waiting) < ROOM // 2 and self.has_room

    @property
    def unfinished(self) -> int:
        """How many blocks are not dealt with."""
        return len(self._unfinished)

    def is_orphaned(self, block_hash: str) -> bool:
        """Tell whether a block was in the chain and is not any more."""
        return block_hash in self._orphaned

    def holds(self, block_hash: str) -> bool:
        """Tell whether a block is announced or dealt with."""
        return block_hash in self._unfinished or block_hash in self._finished

    def announce(self, block: Block) -> None:
        """Add a block that is not known."""
        self._unfinished[block.hash] = self._waiting[block.hash] = block

    def next(self, count: int) -> list[Block]:
        """Return the first blocks, by number, that wait to be read and may be handed out; troubled ones come last."""
        gate = self.gate
        free = (each for each in self._waiting.values() if gate is None or each.number <= gate)
        return heapq.nsmallest(count, free, key=lambda each: (each.tries >= TROUBLED, each.number))

    def take(self, block: Block) -> None:
        """Note that a block was read and its trades are being handed on."""
        self._waiting.pop(block.hash, None)

    def set_aside(self, block: Block) -> None:
        """Note that a block could not be dealt with; the cursor waits before it until it was read again."""
        self._waiting.pop(block.hash, None)
        block.failed = True

    def finish(self, block: Block) -> None:
        """Note that all of a block is durable."""
        if self._unfinished.get(block.hash) is block:
            del self._unfinished[block.hash]
            self._waiting.pop(block.hash, None)
            _remember(self._finished, block.hash, block.number)

    def reopen(self, block_hash: str) -> None:
        """Let a finished block be announced again: not all of it was told."""
        self._finished.pop(block_hash, None)

    def retry_failed(self) -> None:
        """Let what was set aside be read again, unless something of it is still being handed on."""
        for block in self._unfinished.values():
            if block.failed and not block.open_trades:
                block.failed = False
                self._waiting[block.hash] = block

    def rewind(self, last: int, orphaned: Collection[str]) -> None:
        """Forget what stands above a number, to be announced again as far as it is still in the chain."""
        for block in [each for each in self._unfinished.values() if each.number > last or each.hash in orphaned]:
            block.lost = True
            del self._unfinished[block.hash]
            self._waiting.pop(block.hash, None)
        for block_hash in [each for each, number in self._finished.items() if number > last or each in orphaned]:
            del self._finished[block_hash]
        for block_hash in orphaned:
            _remember(self._orphaned, block_hash, None)

    def restore(self, block_hash: str) -> None:
        """Note that a block is in the chain, perhaps again."""
        self._orphaned.pop(block_hash, None)

    def safe(self, verified: int) -> int:
        """Return the last block that a restart may skip, when all up to `verified` are announced."""
        return min([verified, *(block.number - 1 for block in self._unfinished.values())])


def _remember(memory: OrderedDict[str, int] | OrderedDict[str, None], key: str, value: int | None) -> None:
    memory[key] = value  # type: ignore[assignment]  # each memory is given its own kind of value
    while len(memory) > _REMEMBERED:
        memory.popitem(last=False)
