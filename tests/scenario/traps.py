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


class Belied(Exception):
    """The message arrives, and the answer says that it was refused."""


@dataclass(slots=True, kw_only=True, eq=False)
class Trap:
    """Does something, once, when a message of a name passes, after `spare` of them have passed.

    Others of the name that come meanwhile wait until it is done. `deed` may raise Swallowed, or Belied.
    """

    name: str
    moment: Moment
    deed: Callable[[], Awaitable[None]]
    spare: int = 0
    sprung: asyncio.Event = field(default_factory=asyncio.Event)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def springs(self, name: str, moment: Moment) -> bool:
        """Tell whether this is the message."""
        if (name, moment) != (self.name, self.moment) or self.sprung.is_set():
            return False
        self.spare -= 1
        return self.spare < 0

    async def spring(self) -> None:
        """Do the deed."""
        self.sprung.set()
        try:
            await self.deed()
        finally:
            self.done.set()

    async def let_by(self, name: str, moment: Moment) -> None:
        """Hold a message up while the deed for another of its name is being done."""
        if (name, moment) == (self.name, self.moment) and self.sprung.is_set():
            await self.done.wait()


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
        springing = [each for each in self._set if each.springs(name, moment)]
        for trap in list(self._set):
            await (trap.spring() if trap in springing else trap.let_by(name, moment))
