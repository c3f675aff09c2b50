"""How far the chain is dealt with: the highest block of which nothing is unfinished."""

from __future__ import annotations

from collections import Counter


class Progress:
    """Tracks the blocks whose transactions are in work, to know where a restart must begin to listen again."""

    def __init__(self) -> None:
        self._working: Counter[int] = Counter()
        self._head = 0

    def head(self, block_number: int) -> None:
        """Note that the chain has reached a block; its own logs may still arrive."""
        self._head = max(self._head, block_number)

    def start(self, block_number: int) -> None:
        """Note that a transaction of a block is being dealt with."""
        self._working[block_number] += 1

    def finish(self, block_number: int) -> None:
        """Note that a transaction of a block is dealt with durably."""
        self._working[block_number] -= 1
        if not self._working[block_number]:
            del self._working[block_number]

    def safe(self) -> int:
        """Return the last block that a restart may skip; the head is not trusted yet."""
        return min([self._head, *self._working]) - 1
