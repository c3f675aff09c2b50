"""For all tests: no network but where a devnet runs, simulated time, and no deadline that a busy machine could miss."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import settings

from tests.fakes.clock import SimulatedClock

NETWORKED = frozenset({"contract", "e2e", "scenario"})
"""The folders whose tests talk to servers that they started, on loopback."""

settings.register_profile("remora", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None)
"""The examples of the first are the same each time, so that a change is judged by what it changed; others are drawn
with `--hypothesis-profile explore`."""
settings.load_profile("remora")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Leave unix sockets alone: an event loop wakes itself through a pair of them."""
    config.option.allow_unix_socket = True


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """Take the sockets from every test outside the networked folders."""
    here = Path(__file__).parent
    for item in items:
        folder, *_ = item.path.relative_to(here).parts
        if folder not in NETWORKED:
            item.add_marker(pytest.mark.disable_socket)


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock()
