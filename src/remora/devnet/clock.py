"""The venue's clock: the computer's time, and how far it was moved from it.

Chain and venue are moved together, so that what expires by one expires by the other. Clients are not moved: what they
sign says the time of the computer, or the time that the venue told them.
"""

from __future__ import annotations

import time


def wall_ms() -> int:
    """Return the computer's unix time in milliseconds."""
    return time.time_ns() // 10**6


def wall_s() -> int:
    """Return the computer's unix time in seconds."""
    return time.time_ns() // 10**9


class VenueClock:
    """A clock that runs as the computer's does, from wherever it was set to."""

    def __init__(self) -> None:
        self._ahead_ms = 0

    def now_ms(self) -> int:
        """Return the venue's unix time in milliseconds."""
        return wall_ms() + self._ahead_ms

    def now_s(self) -> int:
        """Return the venue's unix time in seconds."""
        return self.now_ms() // 1000

    def advance(self, seconds: int) -> None:
        """Move it forward."""
        self._ahead_ms += 1000 * seconds

    def state(self) -> int:
        """Return what time it is, to be continued from there."""
        return self.now_ms()

    def resume(self, state: int) -> None:
        """Go on from another time."""
        self._ahead_ms = state - wall_ms()
