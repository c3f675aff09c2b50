"""Whether the chain still has the blocks that ended our transactions.

A block stands as long as one after it does, so those that were found standing are told by the highest of them; whatever
came since is asked for by itself. The highest is asked for first: one that stands after a reorganisation that came in
between tells nothing of a higher one, and that one no longer tells of it. Nodes of two branches may answer one look all
the same, so now and then every block is asked for by itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from remora.domain.chain import BlockId
from remora.ports import ChainReader, Clock

UPROOTED_WITHIN_S = 300
"""So long after it ended a transaction a block is watched: none is taken back later than that."""

FIRST_LOOK_S = 86_400
"""How far back the first look goes: what was taken back while nobody looked."""

EACH_AFTER_S = 60
"""So long after every block was asked for by itself each is asked for again."""

MOST_BLOCKS = 64
"""As many of the last blocks are watched; a reorganisation takes a few."""

US = 1_000_000

Ends = Callable[[int, int], Awaitable[Sequence[BlockId]]]
"""Names the blocks that ended transactions since a time, the highest first, and so many at most."""


class Roots:
    """Watches the blocks that are named as ends of transactions."""

    def __init__(self, *, chain: ChainReader, ends: Ends, clock: Clock) -> None:
        self._chain = chain
        self._ends = ends
        self._clock = clock
        self._standing: set[BlockId] = set()
        self._each_us = 0
        self._since_us: int | None = None

    async def gone(self) -> list[BlockId]:
        """Return the blocks that the chain has no more; they are returned again until they are named no more.

        Raises Retryable while no node can be asked, or the chain is shorter than it was; it is to be asked again.
        """
        now_us = self._clock.now_us()
        since_us = now_us - FIRST_LOOK_S * US if self._since_us is None else self._since_us
        if now_us - self._each_us >= EACH_AFTER_S * US:
            self._standing, self._each_us = set(), now_us
        gone = await self._uprooted(await self._ends(since_us, MOST_BLOCKS))
        if not gone:
            self._since_us = now_us - UPROOTED_WITHIN_S * US
        return gone

    async def _uprooted(self, blocks: Sequence[BlockId]) -> list[BlockId]:
        gone: list[BlockId] = []
        is_told = False
        for block in blocks:
            was_standing = block in self._standing
            if was_standing and is_told:
                continue
            found = await self._chain.block(block.number)
            if found.hash != block.hash:
                gone.append(block)
            elif was_standing:
                is_told = True
        self._standing = set(blocks).difference(gone)
        return gone
