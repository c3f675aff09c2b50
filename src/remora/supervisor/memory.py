"""What the garbage collector need not look at: all that stays for as long as the process runs.

A busy block makes a hundred thousand objects within half a second. Looking again and again at what cannot be garbage,
code, settings, policies, markets, cost a sixth of the processor time of reading it (bench/README.md).
"""

from __future__ import annotations

import gc

YOUNG_OBJECTS = 100_000
"""New objects between two looks at the youngest: those of a busy block come and go between two.

Reading and deciding make no cycles, so hardly anything waits for a look. What does is bounded by this number.
"""


def set_aside() -> None:
    """Exempt everything that exists now from garbage collection, and collect what comes later less eagerly.

    What is exempt is still freed when nobody refers to it; only cycles of it are not.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])
