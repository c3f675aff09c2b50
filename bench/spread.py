"""How a figure that was measured several times is spread: never a single number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The smallest, the middle, the 95th and 99th percentile and the largest of `count` figures."""

    count: int
    min: float
    median: float
    p95: float
    p99: float
    max: float


def spread(figures: Iterable[float]) -> Spread:
    """Return the spread of at least one figure; percentiles are figures that were measured (nearest rank)."""
    ordered = sorted(figures)
    return Spread(
        count=len(ordered),
        min=round(ordered[0], 3),
        median=round(_ranked(ordered, 50), 3),
        p95=round(_ranked(ordered, 95), 3),
        p99=round(_ranked(ordered, 99), 3),
        max=round(ordered[-1], 3),
    )


def _ranked(ordered: Sequence[float], percent: int) -> float:
    return ordered[-(-len(ordered) * percent // 100) - 1]
