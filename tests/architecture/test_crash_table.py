"""The crash table of ARCHITECTURE.md and the scenarios agree: no row without a scenario, no kill without a row.

A row's last column names its scenarios as `module: name`, the name being a test function or the id of one of its
cases. Modules are those of tests/scenario/crash, or paths below tests.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT, Module, dotted, expect_none

_TESTS = ROOT / "tests"
_CRASHES = _TESTS / "scenario" / "crash"
_SCENARIO = re.compile(r"`([\w/]+): ([\w-]+)`")
_COLUMNS = 4


def _rows() -> list[list[str]]:
    section = (ROOT / "ARCHITECTURE.md").read_text().partition("## Crash table")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def _module(name: str) -> Path:
    return (_TESTS if "/" in name else _CRASHES) / f"{name}.py"


def _named(row: list[str]) -> list[tuple[Path, str]]:
    return [(_module(module), name) for module, name in _SCENARIO.findall(row[-1])]


def _functions(path: Path) -> list[ast.AsyncFunctionDef]:
    return [
        node
        for node in Module(path).tree.body
        if isinstance(node, ast.AsyncFunctionDef) and node.name.startswith("test_")
    ]


def _cases(function: ast.AsyncFunctionDef) -> Iterator[str]:
    """Yield the ids that are written at a test's decorators."""
    calls = [
        node for decorator in function.decorator_list for node in ast.walk(decorator) if isinstance(node, ast.Call)
    ]
    for call in calls:
        for keyword in call.keywords:
            is_case = dotted(call.func) == "pytest.param" and keyword.arg == "id"
            if is_case or keyword.arg == "ids":
                yield from _texts(keyword.value)


def _texts(found: ast.expr) -> Iterator[str]:
    for node in ast.walk(found):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_there_is_a_table() -> None:
    assert len(_rows()) > 20


@pytest.mark.parametrize("row", _rows(), ids=lambda row: row[0])
def test_a_row_names_scenarios_that_exist(row: list[str]) -> None:
    assert len(row) == _COLUMNS
    assert _named(row), f"expected the scenarios of this row as `module: name`, found {row[-1]!r}"
    for path, name in _named(row):
        assert path.is_file(), f"there is no {path.relative_to(ROOT)}"
        known = {known for function in _functions(path) for known in (function.name, *_cases(function))}
        assert name in known, f"{path.relative_to(ROOT)} has no {name}"


def test_every_kill_is_in_the_table() -> None:
    named = {scenario for row in _rows() for scenario in _named(row)}
    kills = [
        (path, name)
        for path in sorted(_CRASHES.glob("test_*.py"))
        for function in _functions(path)
        for name in tuple(_cases(function)) or (function.name,)
    ]
    expect_none(f"no row names {path.stem}: {name}" for path, name in kills if (path, name) not in named)
