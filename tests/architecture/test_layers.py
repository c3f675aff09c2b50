"""Imports point down and neighbours do not see each other, and every top-level module has a place in that order."""

from __future__ import annotations

import configparser

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

from tests.architecture.tree import PACKAGE, ROOT

CONTRACTS = ROOT / ".importlinter"


def test_contracts_are_kept(capsys: pytest.CaptureFixture[str]) -> None:
    status = lint_imports(config_filename=str(CONTRACTS), no_cache=True)
    assert status == EXIT_STATUS_SUCCESS, capsys.readouterr().out


def test_every_top_level_module_has_a_place_and_every_place_a_module() -> None:
    config = configparser.ConfigParser()
    config.read(CONTRACTS)
    layers = config["importlinter:contract:layers"]["layers"].replace("|", " ").split()
    existing = [path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()]
    assert sorted(layers) == sorted(set(existing) - {"__init__"})
