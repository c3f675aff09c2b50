"""The source tree as the architecture rules see it: files as git would list them, modules as syntax trees."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "remora"


@dataclass(frozen=True)
class Module:
    """One Python file of the project. `place` is its path from the project's root, with slashes."""

    path: Path

    @property
    def place(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.place)

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        return tuple(ast.walk(self.tree))

    def at(self, node: ast.AST) -> str:
        """Return where a node stands, as a line that an editor can jump to."""
        return f"{self.place}:{getattr(node, 'lineno', 0)}"


def modules(*folders: Path) -> tuple[Module, ...]:
    """Return all modules under the folders, by path."""
    return tuple(Module(path) for folder in folders for path in sorted(folder.rglob("*.py")))


SOURCES = modules(PACKAGE)
TESTS = modules(ROOT / "tests")
BENCHES = modules(ROOT / "bench")


def imported(module: Module) -> Iterator[tuple[ast.AST, str]]:
    """Yield every name that a module imports, absolute and with its module: `a.b.C` for `from a.b import C`."""
    for node in module.nodes:
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node, f"{node.module}.{alias.name}") for alias in node.names)


def dotted(node: ast.AST) -> str:
    """Return `a.b.c` for such an expression, and an empty text for any other."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name) if dotted(value):
            return f"{dotted(value)}.{name}"
        case _:
            return ""


def expect_none(found: Iterable[str]) -> None:
    """Fail if anything was found, and name all of it, a place per line."""
    listed = list(found)
    assert not listed, "\n".join(["", *listed])


def listed_files() -> list[Path]:
    """Return the files of the project: what git tracks and what it would add, without what it ignores."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout.decode()
    found = (ROOT / name for name in output.split("\0") if name)
    return sorted(path for path in set(found) if path.is_file() and not path.is_symlink())
