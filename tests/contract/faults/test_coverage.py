"""Every fault in the catalogue has a test here that shows its effect: the mark `shows` says which."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from remora.devnet.faults.catalogue import BY_NAME

HERE = Path(__file__).parent
COLLECTING = f"""
import sys, pytest

class Register:
    def pytest_collection_finish(self, session):
        for item in session.items:
            for mark in item.iter_markers("shows"):
                print("shows", *mark.args)

sys.exit(pytest.main(["--collect-only", "--quiet", "-p", "no:cacheprovider", {str(HERE)!r}], plugins=[Register()]))
"""


@pytest.fixture(scope="module")
def shown() -> set[str]:
    """Return the faults that are shown by tests which would run if all of this folder did."""
    command = [sys.executable, "-c", COLLECTING]
    output = subprocess.run(command, cwd=HERE.parents[2], check=True, capture_output=True, text=True).stdout
    marks = (line.split()[1:] for line in output.splitlines() if line.startswith("shows "))
    return {fault for faults in marks for fault in faults}


def test_every_fault_is_shown(shown: set[str]) -> None:
    assert set(BY_NAME) - shown == set()


def test_what_is_shown_is_in_the_catalogue(shown: set[str]) -> None:
    assert shown - set(BY_NAME) == set()
