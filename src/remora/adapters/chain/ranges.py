"""How many blocks a node lets one eth_getLogs span: providers allow 5 to 10,000, and find it too many now and then."""

from __future__ import annotations

WIDEST_BLOCKS = 10_000

WIDE_BLOCKS = 100
"""An answer of more blocks that is lost may have been too much for the node; fewer are lost with a node that goes."""

_CALM = 256
"""Successes in a row after which widths that failed are tried again."""


class Width:
    """The widest range that is asked for: halved until it succeeds, then closed in on what just does."""

    def __init__(self) -> None:
        self.blocks = WIDEST_BLOCKS
        self._good = 0
        self._failed = WIDEST_BLOCKS + 1
        self._calm = 0

    def last_of(self, first: int, last: int) -> int:
        """Return the last block of the next range."""
        return min(last, first + self.blocks - 1)

    def succeed(self, blocks: int) -> None:
        """Note that a range of so many blocks was answered; only the widest ones prove anything."""
        if blocks < self.blocks:
            return
        self._good = blocks
        self._calm += 1
        if self._calm >= _CALM:
            self._failed, self._calm = WIDEST_BLOCKS + 1, 0
        self.blocks = min(2 * blocks, (blocks + self._failed) // 2, WIDEST_BLOCKS)

    def fail(self, blocks: int) -> None:
        """Note that a range of so many blocks was too wide."""
        self._failed, self._calm = blocks, 0
        self._good = min(self._good, blocks // 2)
        self.blocks = max(1, (self._good + blocks) // 2 if self._good else blocks // 2)

    def lose(self, blocks: int) -> None:
        """Note that the answer for so many blocks was lost, which proves of few blocks nothing: they grow again soon.

        Were each a failure, a node that went away a few times would be asked for single blocks from then on.
        """
        if blocks > WIDE_BLOCKS:
            self.fail(blocks)
        else:
            self.blocks = max(1, blocks // 2)
