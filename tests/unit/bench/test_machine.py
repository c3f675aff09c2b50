"""The report says what ran beside a measurement: others, and not the measurement itself."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.machine import _others, _Process, watched


@pytest.mark.skipif(not Path("/proc/stat").exists(), reason="only Linux tells")
def test_the_measurement_is_not_its_own_neighbour() -> None:
    with watched() as machine:
        sum(number * number for number in range(2_000_000))
    assert machine.busy_percent is not None
    assert machine.others_percent is not None
    assert machine.others_percent <= machine.busy_percent
    assert len(machine.load_before) == len(machine.load_after) == 3


def test_descendants_are_ours_and_others_are_summed_by_name() -> None:
    us = os.getpid()
    before = {us: _Process("us", 1, 5), 90: _Process("other", 1, 10), 93: _Process("idle", 1, 7)}
    after = {
        us: _Process("us", 1, 50),
        80: _Process("child", us, 30),
        81: _Process("grandchild", 80, 30),
        90: _Process("other", 1, 14),
        91: _Process("other", 1, 3),  # it started meanwhile
        93: _Process("idle", 1, 7),
    }
    assert _others(before, after) == {"other": 7}  # 14 - 10 + 3
