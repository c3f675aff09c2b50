"""Switches: what pauses, stops or sells out a follower, a leader, one policy or everything, until it is lifted.

A person sets them, or a protection that tripped. They are stored, so that a restart changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from remora.domain.reasons import Because


class Halt(StrEnum):
    """pause: no entries, exits go on. stop: nothing is sent. panic: everything held is sold, and no entries."""

    PAUSE = "pause"
    STOP = "stop"
    PANIC = "panic"


class Scope(StrEnum):
    """Whose copying is halted."""

    SERVICE = "service"
    LEADER = "leader"
    FOLLOWER = "follower"
    POLICY = "policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """A halt in force. `subject` is an address, a policy id, or empty for the service; `because` is None by hand.

    It ends by itself at `until_us`, or when it is lifted.
    """

    scope: Scope
    subject: str
    halt: Halt
    because: Because | None
    set_us: int
    until_us: int | None = None
