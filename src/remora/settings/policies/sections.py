"""Sections of a policy file: the fields of one declaration, read and written by name.

A field's form follows from its declared type. Every problem is kept with its place and its line, and reading goes on,
so that all of a file's problems are told at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from enum import StrEnum
from functools import cache
from types import UnionType
from typing import Annotated, Any, NewType, get_args, get_origin, get_type_hints

import yaml

from remora.domain.errors import Malformed
from remora.domain.ids import Address, PolicyId
from remora.domain.money import Collateral, Price, Ratio
from remora.domain.policy import Doc
from remora.settings.policies.coherence import contradictions
from remora.settings.policies.forms import (
    Choice,
    Choices,
    Flag,
    Form,
    Wallet,
    Words,
    amount,
    items,
    name_of,
    whole,
    word_of,
)
from remora.settings.policies.problems import Place, Problem

UNDOCUMENTED = Doc("", "")


@dataclass(frozen=True, slots=True)
class Sections:
    """The type of a list of sections, such as the tiers."""

    kind: type[object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A declared field: its form if it is one value, else the declaration of the section (or of each) in it."""

    name: str
    doc: Doc
    form: Form | type[object] | Sections
    default: Any
    required: bool


def declared(kind: type[object]) -> Mapping[str, Field]:
    """Return a declaration's fields by name, but for identities and what follows from others, which are not written."""
    once: Callable[[Any], Mapping[str, Field]] = _declared
    return once(kind)


def required(kind: type[object]) -> tuple[str, ...]:
    """Return the names of a declaration's fields that have no default."""
    once: Callable[[Any], tuple[str, ...]] = _required
    return once(kind)


@cache
def _required(kind: type[object]) -> tuple[str, ...]:
    return tuple(each.name for each in declared(kind).values() if each.required)


@cache
def _declared(kind: type[object]) -> Mapping[str, Field]:
    hints = get_type_hints(kind, include_extras=True)
    assert is_dataclass(kind), f"expected a declaration, found {kind}"
    written = (each for each in fields(kind) if each.init and hints[each.name] is not PolicyId)
    return {each.name: _field(each, hints[each.name]) for each in written}


def _field(declaration: Any, hint: Any) -> Field:
    doc = UNDOCUMENTED
    if get_origin(hint) is Annotated:
        hint, doc = get_args(hint)
    made = declaration.default_factory() if declaration.default_factory is not MISSING else declaration.default
    return Field(
        name=declaration.name,
        doc=doc,
        form=_form(_present(hint), doc),
        default=None if made is MISSING else made,
        required=made is MISSING,
    )


def _present(hint: Any) -> Any:
    """Return X of X | None."""
    return get_args(hint)[0] if get_origin(hint) is UnionType or isinstance(hint, UnionType) else hint


def _form(hint: Any, doc: Doc) -> Form | type[object] | Sections:  # noqa: PLR0911  one line for each type there is
    if hint is Address or isinstance(hint, NewType):
        return Wallet()
    if hint in (Collateral, Price, Ratio):
        return amount(hint, doc)
    if hint is bool:
        return Flag()
    if hint is int:
        return whole(doc)
    if get_origin(hint) is frozenset:
        return Choices(Choice(get_args(hint)[0]))
    if get_origin(hint) is tuple:
        return Words() if get_args(hint)[0] is str else Sections(get_args(hint)[0])
    if issubclass(hint, StrEnum):
        return Choice(hint)
    return _section(hint)


def _section(hint: type[object]) -> type[object]:
    assert is_dataclass(hint), f"expected a type that a policy file can hold, found {hint}"
    return hint


@dataclass(slots=True)
class Reading:
    """Reads sections of one file, and keeps what is wrong with them. Equal sections are the same object."""

    problems: list[Problem] = field(default_factory=list)
    _same: dict[Any, Any] = field(default_factory=dict)

    def complain(self, place: Place, node: yaml.Node, says: str) -> None:
        """Keep a problem."""
        self.problems.append(Problem(place=place, line=node.start_mark.line + 1, says=says))

    def section(
        self, kind: type[object], node: yaml.Node, place: Place, make: Callable[..., Any] | None = None
    ) -> Any | None:
        """Return a section, made of its values; of those that are sound where something in it is wrong.

        What the sound ones contradict each other in is told beside it. None without a value that must be there.
        """
        before = len(self.problems)
        nodes = dict(self.named(node, place, declared(kind)))
        values = self._values(kind, nodes, place)
        if isinstance(node, yaml.MappingNode):
            self._miss(kind, node, place, nodes)
        wrong = {problem.place[len(place)] for problem in self.problems[before:] if len(problem.place) > len(place)}
        sound = {name: value for name, value in values.items() if value is not None}
        if any(name in wrong or name not in sound for name in required(kind)):
            return None
        made = (make or kind)(**sound)
        for contradiction in contradictions(made):
            if wrong.isdisjoint(contradiction.fields):
                field = contradiction.field
                self.complain((*place, field), nodes.get(field, node), contradiction.says)
        return self._same.setdefault(made, made)

    def named(self, node: yaml.Node, place: Place, known: Collection[str]) -> Iterator[tuple[str, yaml.Node]]:
        """Yield the named entries of a mapping; one that is unknown, or comes again, is a problem."""
        seen: set[str] = set()
        for key, value in self.entries(node, place):
            name = word_of(key)
            if name not in known:
                self.complain((*place, name), key, f"expected one of {', '.join(known)}, found {name!r}")
            elif name in seen:
                self.complain((*place, name), key, "expected it once, found it again")
            else:
                seen.add(name)
                yield name, value

    def entries(self, node: yaml.Node, place: Place) -> list[tuple[yaml.Node, yaml.Node]]:
        """Return a mapping's entries; what is no mapping is a problem."""
        if isinstance(node, yaml.MappingNode):
            return list(node.value)
        self.complain(place, node, f"expected fields, found {name_of(node)}")
        return []

    def _values(self, kind: type[object], nodes: Mapping[str, yaml.Node], place: Place) -> dict[str, Any]:
        known = declared(kind)
        return {name: self._value(known[name], node, (*place, name)) for name, node in nodes.items()}

    def _miss(self, kind: type[object], node: yaml.Node, place: Place, found: Collection[str]) -> None:
        for name in required(kind):
            if name not in found:
                self.complain((*place, name), node, "expected a value, found none")

    def _value(self, which: Field, node: yaml.Node, place: Place) -> Any:
        try:
            match which.form:
                case Sections(kind):
                    parts = items(node, "a list")
                    read = (self.section(kind, each, (*place, n)) for n, each in enumerate(parts))
                    return tuple(each for each in read if each is not None)
                case type() as kind:
                    return self.section(kind, node, place)
                case form:
                    return form.read(node)
        except Malformed as error:
            self.complain(place, node, str(error))
            return None


def plain(section: Any) -> dict[str, Any]:
    """Return a section as plain YAML, without the fields that say what is so by default."""
    values = ((each, getattr(section, name)) for name, each in declared(type(section)).items())
    return {each.name: _plain(each, value) for each, value in values if each.required or value != each.default}


def _plain(which: Field, value: Any) -> Any:
    match which.form:
        case Sections():
            return [plain(each) for each in value]
        case type():
            return plain(value)
        case form:
            return form.write(value)
