"""Percentiles by nearest rank: always a sample that was measured, never a number between two."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora.adapters.store.figures import percentile


@pytest.mark.parametrize(
    ("samples", "per_cent", "expected"),
    [
        ([], 50, 0),
        ([7], 1, 7),
        ([7], 100, 7),
        ([1, 2], 50, 1),  # rank ceil(2 x 0.50) = 1
        ([1, 2], 51, 2),  # rank ceil(1.02) = 2
        ([15, 20, 35, 40, 50], 5, 15),  # rank ceil(0.25) = 1
        ([15, 20, 35, 40, 50], 30, 20),  # rank ceil(1.5) = 2
        ([15, 20, 35, 40, 50], 40, 20),  # rank 2
        ([15, 20, 35, 40, 50], 50, 35),  # rank ceil(2.5) = 3
        ([15, 20, 35, 40, 50], 100, 50),
        ([50, 15, 40, 20, 35], 50, 35),
        (range(1, 101), 95, 95),
        (range(1, 101), 99, 99),
        (range(1, 102), 99, 100),  # rank ceil(99.99) = 100
        ([5, 5, 5, 9], 75, 5),
        ([-3, -1], 50, -3),
        ([7], 0, 7),
    ],
)
def test_nearest_rank(samples: list[int], per_cent: int, expected: int) -> None:
    assert percentile(samples, per_cent) == expected


@given(st.lists(st.integers(), min_size=1), st.integers(1, 100))
def test_that_share_of_the_samples_is_not_above_it(samples: list[int], per_cent: int) -> None:
    found = percentile(samples, per_cent)
    not_above = sum(sample <= found for sample in samples)
    below = sum(sample < found for sample in samples)
    assert found in samples
    assert 100 * not_above >= per_cent * len(samples)
    assert 100 * below < per_cent * len(samples)
