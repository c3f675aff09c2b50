"""The board: the faults that are active now, and whether one of them strikes an occasion."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from remora.devnet.faults.fault import Lasting
from remora.devnet.faults.occasion import Occasion

_F = TypeVar("_F", bound=Lasting)


@dataclass(slots=True, kw_only=True, eq=False)
class Active:
    """A fault on the board; `until_s` is on the board's clock, `met` and `struck` count occasions in its scope."""

    id: int
    fault: Lasting
    until_s: float | None
    met: int = 0
    struck: int = 0

    def strikes(self, occasion: Occasion) -> bool:
        """Count an occasion, and tell whether it is struck."""
        if not self.fault.matches(occasion):
            return False
        self.met += 1
        if not self.fault.chooses(self.met - 1):
            return False
        self.struck += 1
        return True

    def is_over(self, now_s: float) -> bool:
        """Tell whether the count is used up or the time has passed."""
        is_spent = self.fault.count is not None and self.struck >= self.fault.count
        return is_spent or (self.until_s is not None and now_s >= self.until_s)


class Board:
    """Active faults, in the order of injection. `now_s` is a monotonic clock in seconds."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._ids = itertools.count(1)
        self._active: dict[int, Active] = {}

    def inject(self, fault: Lasting) -> Active:
        """Let a fault strike from now on."""
        until_s = None if fault.duration_s is None else self._now_s() + fault.duration_s
        active = Active(id=next(self._ids), fault=fault, until_s=until_s)
        self._active[active.id] = active
        return active

    def clear(self, fault_id: int | None = None) -> list[Active]:
        """Take one fault, or all, off the board, and return what was there."""
        gone = [active for active in self.active() if fault_id in (None, active.id)]
        for active in gone:
            del self._active[active.id]
        return gone

    def active(self) -> list[Active]:
        """Return what is on the board."""
        now_s = self._now_s()
        for active in [each for each in self._active.values() if each.is_over(now_s)]:
            del self._active[active.id]
        return list(self._active.values())

    def holds(self, *kinds: type[Lasting]) -> bool:
        """Tell whether a fault of these kinds is active, for whom it is costly to describe an occasion."""
        return bool(self._active) and any(isinstance(active.fault, kinds) for active in self.active())

    def take(self, kind: type[_F], occasion: Occasion) -> _F | None:
        """Return the first fault of a kind that strikes the occasion, and count the strike."""
        if not self._active:
            return None
        for active in self.active():
            if isinstance(active.fault, kind) and active.strikes(occasion):
                return active.fault
        return None
