"""What is wrong with rules, and where: told in the same words by the command line, the API and the start."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from remora.domain.errors import Malformed

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong, and where: the place by names and positions, the line counted from 1 if it is one of a text's.

    `says` is "expected …, found …".
    """

    place: Place
    line: int | None
    says: str

    def __str__(self) -> str:
        at = "" if self.line is None else f" (line {self.line})"
        return f"{'.'.join(map(str, self.place)) or 'file'}{at}: {self.says}"

    def facts(self) -> dict[str, str | int | None]:
        """Return the problem in parts, for programs."""
        expected, _, found = self.says.removeprefix("expected ").partition(", found ")
        return {
            "place": ".".join(map(str, self.place)),
            "line": self.line,
            "expected": expected,
            "found": found or None,
        }


class BadRules(Malformed):
    """Rules that are refused whole; `problems` holds everything that is wrong with them, in the order of the text."""

    def __init__(self, name: str, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line or 0))
        count = "a problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        super().__init__("\n".join([f"{name} has {count}:", *(f"  {problem}" for problem in self.problems)]))
