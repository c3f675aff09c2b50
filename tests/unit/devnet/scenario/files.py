"""Scenario files of the tests: written to a folder, and read."""

from __future__ import annotations

from pathlib import Path

import pytest

from remora.devnet.scenario.reading import read_scenario
from remora.devnet.scenario.scenario import Scenario
from remora.domain.errors import Malformed

EXAMPLES = Path(__file__).parents[4] / "scenarios"


def scenario(folder: Path, text: str) -> Scenario:
    """Read a scenario that is right."""
    file = folder / "scenario.yaml"
    file.write_text(text)
    return read_scenario(file)


def complaints(folder: Path, text: str) -> list[str]:
    """Return what is told against a scenario, without the folder."""
    with pytest.raises(Malformed) as told:
        scenario(folder, text)
    return str(told.value).replace(f"{folder}/", "").splitlines()
