"""What the servers of one devnet share: the faults that are active, the time, and whose turn it is."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from remora.devnet.clock import VenueClock
from remora.devnet.faults.board import Board
from remora.devnet.turns import Turns


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """One of each; a server that stands alone has its own."""

    faults: Board = field(default_factory=lambda: Board(time.monotonic))
    clock: VenueClock = field(default_factory=VenueClock)
    turns: Turns = field(default_factory=Turns)
