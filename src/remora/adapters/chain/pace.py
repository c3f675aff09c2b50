"""How fast blocks come: measured, because Polygon has changed it before and may again (polymarket.md, section 6)."""

from __future__ import annotations

import itertools
from collections import deque
from statistics import median_low

US = 1_000_000

UNMEASURED_US = 5 * US
"""What a block is taken to need before any two were heard."""

LEAST_PATIENCE_US = 2 * US
"""Shorter silences say more about our own machine than about a node."""

_WINDOW = 33
_PATIENCE_BLOCKS = 3


class Pace:
    """The intervals at which new blocks were heard."""

    def __init__(self) -> None:
        self._heard_us: deque[tuple[int, int]] = deque(maxlen=_WINDOW)

    def hear(self, number: int, now_us: int) -> None:
        """Note that a block was heard; blocks heard before, or out of order, say nothing."""
        if not self._heard_us or number > self._heard_us[-1][0]:
            self._heard_us.append((number, now_us))

    @property
    def block_us(self) -> int:
        """The median time between two blocks, in microseconds."""
        heard = list(self._heard_us)
        intervals = [
            (later_us - earlier_us) // (later - earlier)
            for (earlier, earlier_us), (later, later_us) in itertools.pairwise(heard)
        ]
        return median_low(intervals) if intervals else UNMEASURED_US

    @property
    def patience_us(self) -> int:
        """How long a node may be silent: three blocks' time."""
        return max(_PATIENCE_BLOCKS * self.block_us, LEAST_PATIENCE_US)
