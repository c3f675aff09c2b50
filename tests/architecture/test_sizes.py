"""Small files of small functions: hard limits where one becomes hard to read, medians for the tree as a whole.

Migrations do not count: they are generated, and never changed again.
"""

from __future__ import annotations

import ast
from statistics import median

from tests.architecture.tree import SOURCES, Module, expect_none

LONGEST_FILE = 600
LONGEST_FUNCTION = 80
MEDIAN_FILE = 120
MEDIAN_FUNCTION = 10

WRITTEN = [module for module in SOURCES if "/migrations/versions/" not in module.place]
FILES = {module.place: len(module.text.splitlines()) for module in WRITTEN}


def functions(module: Module) -> dict[str, int]:
    """Return the lines of each function of a module, from `def` to its last line."""
    return {
        f"{module.at(node)} {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for node in module.nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


FUNCTIONS = {name: size for module in WRITTEN for name, size in functions(module).items()}


def largest(sizes: dict[str, int], above: int) -> list[str]:
    """Return those above a limit, largest first, with their sizes."""
    ranked = sorted(sizes.items(), key=lambda item: -item[1])
    return [f"{name}: {size}" for name, size in ranked if size > above]


def test_files_are_short() -> None:
    expect_none(largest(FILES, LONGEST_FILE))


def test_functions_are_short() -> None:
    expect_none(largest(FUNCTIONS, LONGEST_FUNCTION))


def test_median_file() -> None:
    code = {name: size for name, size in FILES.items() if not name.endswith("__init__.py")}
    found = median(code.values())
    assert found <= MEDIAN_FILE, f"the median of {len(code)} files is {found}: {largest(code, MEDIAN_FILE)}"


def test_median_function() -> None:
    found = median(FUNCTIONS.values())
    assert found <= MEDIAN_FUNCTION, f"the median of {len(FUNCTIONS)} functions is {found}: {largest(FUNCTIONS, 40)}"
