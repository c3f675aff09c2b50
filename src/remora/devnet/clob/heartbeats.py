"""Dead man's switches: who sends heartbeats and then falls silent has all its orders cancelled (polymarket.md 3.2).

Each heartbeat names the id that the one before was answered with, the first one none. A trader that never sends any is
not watched.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from remora.devnet.remembering import Remembering

#: Ten seconds, and five more to be sure.
SILENCE_MS = 15_000


class WrongHeartbeat(Exception):
    """A heartbeat that names another id than the `expected` one; it does not count."""

    def __init__(self, expected: str) -> None:
        super().__init__(f"expected heartbeat id {expected!r}")
        self.expected = expected


@dataclass(frozen=True, slots=True)
class _Beat:
    id: str
    at_ms: int


class Heartbeats(Remembering):
    """The last heartbeat of everybody who is watched."""

    remembered = ("_last",)

    def __init__(self) -> None:
        self._last: dict[str, _Beat] = {}

    def beat(self, trader: str, heartbeat_id: str, now_ms: int) -> str:
        """Record a heartbeat and return the id for the next one; raise WrongHeartbeat."""
        last = self._last.get(trader)
        expected = last.id if last else ""
        if heartbeat_id != expected:
            raise WrongHeartbeat(expected)
        self._last[trader] = _Beat(str(uuid.uuid4()), now_ms)
        return self._last[trader].id

    def silenced(self, now_ms: int) -> list[str]:
        """Return who has been silent too long; they are not watched any more."""
        silent = [trader for trader, beat in self._last.items() if now_ms - beat.at_ms > SILENCE_MS]
        for trader in silent:
            del self._last[trader]
        return silent
