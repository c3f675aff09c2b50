"""The devnet's faults and the scenarios agree: no fault without one, and each names the faults that it is there for.

ARCHITECTURE.md says which: a row names faults, and scenarios as `module: test`, the module being one of
tests/scenario/faults or a path below tests.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from remora.devnet.faults.catalogue import BY_NAME
from tests.architecture.tree import ROOT, Module

_TESTS = ROOT / "tests"
_FAULTS = _TESTS / "scenario" / "faults"
_HEADING = "| Faults | Scenarios |"
_SCENARIO = re.compile(r"`([\w/]+): (\w+)`")
_FAULT = re.compile(r"`([a-z-]+)`")


def _rows() -> list[list[str]]:
    lines = (ROOT / "ARCHITECTURE.md").read_text().partition(_HEADING)[2].partition("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def _module(name: str) -> Module:
    return Module((_TESTS if "/" in name else _FAULTS) / f"{name}.py")


def _tests(module: Module) -> set[str]:
    return {node.name for node in module.tree.body if isinstance(node, ast.AsyncFunctionDef)}


def _texts(path: Path) -> set[str]:
    nodes = Module(path).nodes
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def test_every_fault_is_in_the_table_once() -> None:
    named = [fault for faults, _ in _rows() for fault in _FAULT.findall(faults)]
    assert sorted(named) == sorted(BY_NAME)


@pytest.mark.parametrize(("faults", "scenarios"), _rows(), ids=lambda cell: cell)
def test_a_rows_scenarios_exist_and_their_modules_name_its_faults(faults: str, scenarios: str) -> None:
    found = [(_module(module), test) for module, test in _SCENARIO.findall(scenarios)]
    assert found, f"expected scenarios as `module: test`, found {scenarios!r}"
    for module, test in found:
        assert test in _tests(module), f"{module.place} has no {test}"
    texts = set().union(*(_texts(module.path) for module, _ in found))
    assert set(_FAULT.findall(faults)) <= texts
