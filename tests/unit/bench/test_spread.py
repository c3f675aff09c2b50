"""Percentiles are figures that were measured, by nearest rank."""

from __future__ import annotations

import pytest

from bench.spread import spread


@pytest.mark.parametrize(
    ("figures", "median", "p95", "p99"),
    [
        ([7.0], 7.0, 7.0, 7.0),
        ([3.0, 1.0, 2.0], 2.0, 3.0, 3.0),  # ranks: ceil(1.5) = 2, ceil(2.85) = 3
        ([float(n) for n in range(1, 101)], 50.0, 95.0, 99.0),
        ([float(n) for n in range(1, 9)], 4.0, 8.0, 8.0),  # ranks: 4, ceil(7.6) = 8
    ],
)
def test_a_spread_is_of_measured_figures(figures: list[float], median: float, p95: float, p99: float) -> None:
    found = spread(figures)
    assert (found.count, found.min, found.max) == (len(figures), min(figures), max(figures))
    assert (found.median, found.p95, found.p99) == (median, p95, p99)
