"""What decides about money is pure: no waiting, no clock, no chance, no log, no input or output, no float."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.tree import PACKAGE, SOURCES, Module, dotted, expect_none, imported

STAGES = ("audit", "detect", "dispatch", "execute", "settle", "recover")

AWAITING = frozenset(
    {
        "audit/fills.py",
        "audit/worker.py",
        "detect/holdings.py",
        "detect/intake.py",
        "detect/lanes.py",
        "detect/reading.py",
        "detect/report.py",
        "detect/mempool.py",
        "detect/overdue.py",
        "detect/polling.py",
        "detect/times.py",
        "detect/verify.py",
        "detect/worker.py",
        "dispatch/books.py",
        "dispatch/gathering.py",
        "dispatch/recent.py",
        "dispatch/protector.py",
        "dispatch/resolutions.py",
        "dispatch/seller.py",
        "dispatch/switchboard.py",
        "dispatch/worker.py",
        "execute/fleet.py",
        "execute/inspector.py",
        "execute/late_fills.py",
        "execute/muster.py",
        "execute/pressure.py",
        "execute/orphans.py",
        "execute/rebalance.py",
        "execute/reconcile.py",
        "execute/refuel.py",
        "execute/retract.py",
        "execute/roster.py",
        "execute/worker.py",
        "recover/seller.py",
        "recover/worker.py",
        "settle/pursuit.py",
        "settle/roots.py",
        "settle/transactions.py",
        "settle/worker.py",
    }
)
"""The modules of the stages that await. All others, and the whole domain, are pure."""

IMPURE_IMPORTS = frozenset(
    {"time", "random", "secrets", "asyncio", "logging", "structlog", "os", "socket", "datetime", "threading", "pathlib"}
)
IMPURE_CALLS = frozenset({"float", "open", "print", "input"})
DECIMAL_READERS = frozenset({"domain/money.py"})
"""Where texts become base units."""


def place(module: Module) -> str:
    return module.path.relative_to(PACKAGE).as_posix()


def is_pure(module: Module) -> bool:
    folder = place(module).split("/")[0]
    return folder == "domain" or (folder in STAGES and place(module) not in AWAITING)


PURE = [module for module in SOURCES if is_pure(module)]


def impurities(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """Yield what a pure module must not do, apart from its imports."""
    for node in ast.walk(tree):
        match node:
            case ast.Await() | ast.AsyncFunctionDef() | ast.AsyncFor() | ast.AsyncWith():
                yield node, "awaits"
            case ast.comprehension(is_async=1, target=target):
                yield target, "awaits"
            case ast.Constant(value=float() | complex() as value):
                yield node, f"has the float {value}"
            case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
                yield node, "divides with /"
            case ast.Call(func=ast.Name(id=name)) if name in IMPURE_CALLS:
                yield node, f"calls {name}()"


def forbidden_imports(module: Module) -> Iterator[tuple[ast.AST, str]]:
    """Yield imports of the outside world, and of what is not pure in remora."""
    stage = f"remora.{place(module).split('/')[0]}."
    for node, name in imported(module):
        top = name.split(".")[0]
        if top in IMPURE_IMPORTS or (top == "decimal" and place(module) not in DECIMAL_READERS):
            yield node, f"imports {top}"
        elif top == "remora" and not name.startswith(("remora.domain.", stage)):
            yield node, f"imports {name}, which is neither of the domain nor of its stage"
        elif any(f"{name}.".startswith(awaiting) for awaiting in _names(AWAITING)):
            yield node, f"imports {name}, which awaits"


def _names(places: frozenset[str]) -> list[str]:
    return [f"remora.{each.removesuffix('.py').replace('/', '.')}." for each in sorted(places)]


def test_pure_modules_do_nothing_but_think() -> None:
    expect_none(
        f"{module.at(node)} {what}"
        for module in PURE
        for node, what in (*impurities(module.tree), *forbidden_imports(module))
    )


def test_exemptions_exist() -> None:
    assert {place(module) for module in SOURCES} >= AWAITING | DECIMAL_READERS
    assert len(PURE) > len(AWAITING)


def test_exempt_modules_need_their_exemption() -> None:
    """A module that awaits nothing has no reason to be exempt."""
    exempt = [module for module in SOURCES if place(module) in AWAITING]
    expect_none(module.place for module in exempt if not any(impurities(module.tree)))


@pytest.mark.parametrize(
    "code",
    [
        "async def f(): pass",
        "x = 0.5",
        "x = 1e6",
        "x = -2.0",
        "x = 1j",
        "x = a / b",
        "x /= 2",
        "x = float(a)",
        "x = open('file')",
        "print(1)",
        "async def f():\n    return [x async for x in y]",
        "def f(delay_s=1.0): pass",
    ],
)
def test_impurity_is_seen(code: str) -> None:
    assert list(impurities(ast.parse(code)))


@pytest.mark.parametrize(
    "code", ["x = a // b", "x = 10**6", "x = 'a / b'", "def f(rate: float) -> None: pass", "x = 1_000"]
)
def test_pure_code_is_left_alone(code: str) -> None:
    assert not list(impurities(ast.parse(code)))


def test_dotted_names_are_read() -> None:
    assert dotted(ast.parse("a.b.c", mode="eval").body) == "a.b.c"
    assert dotted(ast.parse("a().b", mode="eval").body) == ""
