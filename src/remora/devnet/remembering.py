"""What the parts of a devnet remember, so that a snapshot can keep it without knowing the parts.

Each part says itself what it remembers, and takes it back. Parts share things: a trade of the order book is also on its
way to the chain. Therefore all of them are copied together, and what was one thing stays one thing.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol


class Part(Protocol):
    """A part of the devnet with a memory."""

    def state(self) -> Any:
        """Return all that it remembers, as it is: who asks copies it and changes nothing."""
        ...

    def resume(self, state: Any) -> None:
        """Remember this instead; it belongs to the part from now on."""
        ...


class Remembering:
    """A part whose memory is some of its attributes."""

    remembered: ClassVar[tuple[str, ...]]

    def state(self) -> Mapping[str, Any]:
        """Return the attributes."""
        return {name: getattr(self, name) for name in self.remembered}

    def resume(self, state: Mapping[str, Any]) -> None:
        """Set the attributes."""
        for name in self.remembered:
            setattr(self, name, state[name])


class Memory:
    """What some parts remembered at one moment."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = tuple(parts)
        self._states = copy.deepcopy([part.state() for part in self._parts])

    def bring_back(self) -> None:
        """Have the parts remember it, as often as wanted."""
        for part, state in zip(self._parts, copy.deepcopy(self._states), strict=True):
            part.resume(state)
