"""Which blocks are the chain, as far as we were told, and which ones a reorganisation took out of it.

The last blocks are remembered by number. A head that does not follow from them is traced back, block by block, to where
both agree: the fork. What we had above it is orphaned. Holes are fine: a block that nobody named holds nothing of ours.
But one that replaced it may, so the true fork can be deeper than the one that is found, and the holes are read again.
A block that only a log named is no proof of what is below it: the heads in between may have been lost.
"""

from __future__ import annotations

from collections.abc import Sequence

from remora.domain.chain import Head

REMEMBERED_BLOCKS = 128
"""Deeper reorganisations are not followed: Polygon's milestones make blocks final long before."""


class Heads:
    """The hashes of the last blocks, by number."""

    def __init__(self) -> None:
        self._hashes: dict[int, str] = {}
        self._claimed: set[int] = set()

    def has(self, number: int, block_hash: str) -> bool:
        """Tell whether a block is ours."""
        return self._hashes.get(number) == block_hash

    def claim(self, number: int, block_hash: str) -> bool:
        """Note a block that a log names; False when it contradicts what is known, and one must ask who is right."""
        if number not in self._hashes:
            self._hashes[number] = block_hash
            self._claimed.add(number)
            self._prune()
        return self._hashes.get(number, block_hash) == block_hash

    def recollect(self, number: int, block_hash: str) -> None:
        """Note a block of which an earlier process knew that it follows from those below."""
        self._hashes[number] = block_hash
        self._claimed.discard(number)

    def contradicts(self, head: Head) -> bool:
        """Tell whether another block of this number is known."""
        return self._hashes.get(head.number, head.hash) != head.hash

    def unproven(self, head: Head) -> int | None:
        """Return the number of the block that must be asked for to know that the head follows from ours, if any."""
        if self._hashes.get(head.number) == head.hash and head.number not in self._claimed:
            return None
        below = max((number for number in self._hashes if number < head.number), default=None)
        if below is None:
            return None
        is_parent = below == head.number - 1 and self._hashes[below] == head.parent_hash
        return None if is_parent and below not in self._claimed else below

    def adopt(self, branch: Sequence[Head]) -> dict[int, str]:
        """Make a branch, from its head down to where it is proven, ours; return the orphaned blocks by number."""
        orphaned: dict[int, str] = {}
        for head in reversed(branch):
            if self.contradicts(head):
                lost = [number for number in self._hashes if number >= head.number]
                orphaned |= {number: self._hashes.pop(number) for number in lost}
            self._hashes[head.number] = head.hash
            self._claimed.discard(head.number)
        self._prune()
        return {number: lost for number, lost in orphaned.items() if self._hashes.get(number) != lost}

    def _prune(self) -> None:
        for number in sorted(self._hashes)[:-REMEMBERED_BLOCKS]:
            del self._hashes[number]
        self._claimed &= self._hashes.keys()
