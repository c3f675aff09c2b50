"""Habits that a reader relies on: where errors are caught, where the environment is read, how modules are named."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.architecture.tree import BENCHES, ROOT, SOURCES, TESTS, Module, dotted, expect_none, imported

EVERYTHING = (*SOURCES, *TESTS, *BENCHES)

VAGUE_NAMES = frozenset({"util", "utils", "helper", "helpers", "common", "manager", "managers", "base", "misc"})

CATCH_ALL = frozenset({"src/remora/supervisor/guard.py", "src/remora/adapters/store/writer.py"})
"""The guard restarts whatever failed; the store's writer hands every failure to the one who waits for it."""

ENVIRONMENT_READERS = ("src/remora/settings/", "src/remora/devnet/supervised.py")
"""The settings; and the devnet, which hands its own environment to the supervisor that it starts."""

UNFINISHED = re.compile(r"\b(?:TO[D]O|FIX[M]E|X[X]X|HA[C]K)\b")
SUPPRESSION = re.compile(r"#\s*(?:type:\s*ignore|no[q]a)(?P<codes>\S*(?:,\s*[A-Z]+\d+)*)(?P<reason>.*)")


def lines(module: Module) -> Iterator[tuple[str, str]]:
    """Yield each line with its place."""
    for number, line in enumerate(module.text.splitlines(), start=1):
        yield f"{module.place}:{number}", line


def test_modules_open_with_a_docstring() -> None:
    expect_none(f"{module.place}:1" for module in EVERYTHING if not ast.get_docstring(module.tree))


def test_names_say_what_is_inside() -> None:
    places = {part for module in EVERYTHING for part in (module.path, *module.path.relative_to(ROOT).parents)}
    expect_none(str(place) for place in sorted(places) if place.stem in VAGUE_NAMES)


def test_everything_is_caught_in_two_places_only() -> None:
    found = {module.place: _catch_alls(module) for module in SOURCES}
    expect_none(at for place, ats in found.items() if place not in CATCH_ALL for at in ats)
    expect_none(f"{place} needs no exemption" for place in CATCH_ALL if not found.get(place))


def _catch_alls(module: Module) -> list[str]:
    """Return where a module catches, or suppresses, every error."""
    caught: list[tuple[ast.AST, ast.expr | None]] = []
    for node in module.nodes:
        if isinstance(node, ast.ExceptHandler):
            caught.append((node, node.type))
        elif isinstance(node, ast.Call) and dotted(node.func).endswith("suppress"):
            caught += [(node, argument) for argument in node.args]
    return [module.at(node) for node, what in caught if what is None or _is_everything(what)]


def _is_everything(caught: ast.expr) -> bool:
    return any(isinstance(node, ast.Name) and node.id in {"Exception", "BaseException"} for node in ast.walk(caught))


def test_tests_patch_nothing() -> None:
    """Fakes implement ports; a patched name is a port that is missing."""
    mocks = re.compile(r"^(?:unittest\.)?mock\b|^pytest_mock\b|^unittest\.mock\b")
    found = [module.at(node) for module in TESTS for node, name in imported(module) if mocks.match(name)]
    fixtures = [
        module.at(node)
        for module in TESTS
        for node in module.nodes
        if isinstance(node, ast.arg) and node.arg in {"mocker", "class_mocker", "session_mocker"}
    ]
    expect_none(found + fixtures)


def test_only_the_command_line_prints() -> None:
    found = [
        module.at(node)
        for module in SOURCES
        if not module.place.startswith("src/remora/cli/")
        for node in module.nodes
        if isinstance(node, ast.Call) and dotted(node.func) == "print"
    ]
    expect_none(found)


def test_the_environment_has_one_reader() -> None:
    readers = {"os.environ", "os.environb", "os.getenv", "os.getenvb"}
    found = [
        module.at(node)
        for module in SOURCES
        if not module.place.startswith(ENVIRONMENT_READERS)
        for node, name in (*imported(module), *((each, dotted(each)) for each in module.nodes))
        if name in readers
    ]
    expect_none(found)


def test_nothing_is_left_for_later() -> None:
    expect_none(at for module in EVERYTHING for at, line in lines(module) if UNFINISHED.search(line))


def test_every_suppressed_finding_has_a_code_and_a_reason() -> None:
    unexplained = [
        f"{at} {line.strip()}"
        for module in EVERYTHING
        for at, line in lines(module)
        if (found := SUPPRESSION.search(line)) and not (found["codes"] and len(found["reason"].strip(" #")) > 4)
    ]
    expect_none(unexplained)


# Words: one thing has one name (design: glossary).


def identifiers(module: Module) -> Iterator[tuple[ast.AST, str]]:
    """Yield every name that the code gives or uses."""
    for node in module.nodes:
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) | ast.alias(name=name):
                yield node, name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield node, name
            case ast.keyword(arg=str(name)):
                yield node, name


def test_operator_wallets_are_never_workers() -> None:
    """A worker is an async loop."""
    found = [
        f"{module.at(node)} {name}"
        for module in EVERYTHING
        for node, name in identifiers(module)
        if "workerwallet" in name.lower().replace("_", "") or "walletworker" in name.lower().replace("_", "")
    ]
    expect_none(found)


def test_collateral_is_called_collateral() -> None:
    """Which token it is, is configuration; only the list of Polygon's contracts and the devnet name one."""
    elsewhere = ("src/remora/domain/contracts.py", "src/remora/devnet/")
    found = [
        at
        for module in SOURCES
        if not module.place.startswith(elsewhere)
        for at, line in lines(module)
        if "usdc" in line.lower()
    ]
    expect_none(found)
