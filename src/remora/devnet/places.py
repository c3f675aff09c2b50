"""A YAML file as plain texts, with the line of every place in it, so that what is wrong can be told with its line.

A place is the keys and indexes that lead to a value. Every scalar stays the text that was written: 0.10 is no
floating-point number, and NO is no boolean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from remora.devnet.faults.catalogue import Place, Problem
from remora.domain.errors import Malformed

#: An alias may name what contains it.
_DEEPEST = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A file's value, the line of each place, and the keys that were given twice, of which the last counts."""

    source: Path
    value: Any
    lines: Mapping[Place, int]
    twice: tuple[Problem, ...] = ()

    def at(self, place: Place) -> Any:
        """Return the value at a place, None where the file has no such place."""
        if place not in self.lines:
            return None
        value = self.value
        for part in place:
            value = value[part]
        return value

    def located(self, problem: Problem) -> str:
        """Say where in the file a problem is: on the line of the innermost thing that the file has."""
        places = (problem.place[:length] for length in range(len(problem.place), -1, -1))
        line = next((self.lines[place] for place in places if place in self.lines), 1)
        return f"{self.source}:{line}: {problem}"

    def complaint(self, problems: tuple[Problem, ...]) -> Malformed:
        """Return an error that tells all the problems, a line each, in the order of the file."""
        return Malformed("\n".join(self.located(problem) for problem in sorted(problems, key=self._line_of)))

    def _line_of(self, problem: Problem) -> int:
        return int(self.located(problem).removeprefix(f"{self.source}:").partition(":")[0])


def read_placed(source: Path) -> Placed:
    """Read a YAML (or JSON) file; raise Malformed with the line where it is none."""
    try:
        text = source.read_text()
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        walk = _Walk()
        value = walk.value_of(root, ()) if root is not None else None
    except OSError as error:
        raise Malformed(f"{source}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Malformed(f"{source}: expected a text in UTF-8") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise Malformed(f"{source}:{line}: {error.problem}") from None
    except yaml.YAMLError as error:
        raise Malformed(f"{source}: expected YAML, found {' '.join(str(error).split())}") from None
    return Placed(source=source, value=value, lines=walk.lines, twice=tuple(walk.twice))


@dataclass(slots=True)
class _Walk:
    """Takes the values out of a tree of YAML nodes."""

    lines: dict[Place, int] = field(default_factory=dict)
    twice: list[Problem] = field(default_factory=list)

    def value_of(self, node: yaml.Node, place: Place) -> Any:
        if len(place) > _DEEPEST:
            raise yaml.MarkedYAMLError(
                problem="expected less nesting, or no alias to itself", problem_mark=node.start_mark
            )
        self.lines[place] = node.start_mark.line + 1
        match node:
            case yaml.MappingNode():
                return self._mapping(node, place)
            case yaml.SequenceNode():
                return [self.value_of(item, (*place, index)) for index, item in enumerate(node.value)]
            case _:
                return node.value

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="expected a key that is a word", problem_mark=key.start_mark)
            if key.value in found:
                self.twice.append(Problem(place=(*place, key.value), text="expected the key once, found it twice"))
            found[key.value] = self.value_of(value, (*place, key.value))
        return found
