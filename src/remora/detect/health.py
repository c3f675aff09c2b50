"""How well the detector hears: how far behind it is, since when nothing came, and what it ignored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

DEAF_AFTER_US = 30_000_000
"""Without a new head; Polygon has one every two seconds."""

LAGGING_BLOCKS = 20
"""Blocks that are neither verified nor dealt with, beyond those that the cursor stays behind on purpose."""


class Hearing(StrEnum):
    """The state in a word."""

    STARTING = "starting"
    WELL = "well"
    LAGGING = "lagging"
    DEAF = "deaf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """A range that is being read, and how far."""

    first: int
    last: int
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorHealth:
    """What a look at the detector shows. Ages count from when something was last heard; None when nothing was."""

    head: int | None
    cursor: int | None
    reorg_depth: int
    block_time_us: int | None
    head_age_us: int | None
    log_age_us: int | None
    subscriptions: int
    backfill: Backfill | None
    unfinished: int
    ignored: Mapping[str, int]

    @property
    def lag_blocks(self) -> int | None:
        """How far the cursor is behind where it should be."""
        if self.head is None or self.cursor is None:
            return None
        return max(0, self.head - self.reorg_depth - self.cursor)

    @property
    def lag_s(self) -> int | None:
        """The same in seconds, rounded down, by the measured block time."""
        if self.lag_blocks is None or self.block_time_us is None:
            return None
        return self.lag_blocks * self.block_time_us // 1_000_000

    @property
    def hearing(self) -> Hearing:
        """The state in a word."""
        if self.head_age_us is None:
            return Hearing.STARTING
        if self.head_age_us > DEAF_AFTER_US or not self.subscriptions:
            return Hearing.DEAF
        return Hearing.LAGGING if (self.lag_blocks or 0) > LAGGING_BLOCKS else Hearing.WELL
