"""Traps between the supervisor and its neighbours: when a message passes, something happens to it or to the supervisor.

A proxy tells its traps the name of every message, before it goes on and after it was answered. The product has no hooks
for this: all that it can notice is what a network, or `kill -9`, can do to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum


class Moment(Enum):
    """When a trap springs: before the neighbour has the message, or after it has answered and we have no answer."""

    BEFORE = "before"
    AFTER = "after"


class Swallowed(Exception):
    """The message, or its answer, does not arrive."""


@dataclass(slots=True, kw_only=True, eq=False)
class Trap:
    """Does something, once, when a message of a name passes, after `spare` of them have passed.

    `deed` may raise Swallowed.
    """

    name: str
    moment: Moment
    deed: Callable[[], Awaitable[None]]
    spare: int = 0
    sprung: asyncio.Event = field(default_factory=asyncio.Event)

    def springs(self, name: str, moment: Moment) -> bool:
        """Tell whether this is the message."""
        if (name, moment) != (self.name, self.moment) or self.sprung.is_set():
            return False
        self.spare -= 1
        return self.spare < 0


class Traps:
    """The traps of one supervisor's neighbours, and the names of all messages that came to them."""

    def __init__(self) -> None:
        self.came: list[str] = []
        self._set: list[Trap] = []

    def set(self, trap: Trap) -> Trap:
        """Let a trap wait."""
        self._set.append(trap)
        return trap

    async def pass_by(self, name: str, moment: Moment) -> None:
        """Let a message pass, if no trap keeps it."""
        if moment is Moment.BEFORE:
            self.came.append(name)
        for trap in [each for each in self._set if each.springs(name, moment)]:
            trap.sprung.set()
            await trap.deed()
