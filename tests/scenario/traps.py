"""Traps between the supervisor and its neighbours: when a message passes, something happens to it, or to the supervisor.

A proxy tells the traps of every message by name, before it goes on and after it was answered. The product has no hooks:
all it can notice is what a network can do to it.
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
    """Does something when a message of a name passes for the first time. `deed` may raise Swallowed."""

    name: str
    moment: Moment
    deed: Callable[[], Awaitable[None]]
    sprung: asyncio.Event = field(default_factory=asyncio.Event)

    def __str__(self) -> str:
        return f"{self.moment.value} {self.name}"


class Traps:
    """The traps that wait, and the names of all messages that passed."""

    def __init__(self) -> None:
        self.passed: list[str] = []
        self._waiting: list[Trap] = []

    def set(self, trap: Trap) -> Trap:
        """Let a trap wait."""
        self._waiting.append(trap)
        return trap

    async def pass_by(self, name: str, moment: Moment) -> None:
        """Let a message pass, if no trap keeps it."""
        if moment is Moment.BEFORE:
            self.passed.append(name)
        for trap in [each for each in self._waiting if (each.name, each.moment) == (name, moment)]:
            self._waiting.remove(trap)
            trap.sprung.set()
            await trap.deed()
