"""How one value is written in a policy file: a form for each type that a field is declared with.

A form reads a YAML node, writes the value back as plain YAML, and describes itself in JSON schema. Amounts are texts: a
bare `0.85` in YAML is a floating-point number, which remora refuses for money.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import yaml

from remora.domain.errors import Malformed
from remora.domain.ids import Address
from remora.domain.money import BPS, ONE, Collateral, Price, Ratio
from remora.domain.policy import Doc
from remora.settings.addresses import checked_address

LARGEST: dict[type[Collateral | Price | Ratio], int] = {Collateral: 10**12, Price: 1, Ratio: 10**6}
"""The largest amounts in whole units: what is made of them still fits into a database's integer."""

LARGEST_INTEGER = 10**9

_TAG = "tag:yaml.org,2002:"
_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")


class Form(Protocol):
    """How values of one type are written. `read` raises Malformed: what was expected and what was found."""

    def read(self, node: yaml.Node) -> Any: ...

    def write(self, value: Any) -> Any: ...

    def schema(self) -> dict[str, Any]: ...

    @property
    def says(self) -> str:
        """What is expected, in a few words."""


@dataclass(frozen=True, slots=True)
class Amount:
    """Collateral, a ratio or odds: a decimal text of at most six decimals, or an integer."""

    type: type[Collateral | Price | Ratio]
    positive: bool

    @property
    def says(self) -> str:
        what = "odds" if self.type is Price else "a number"
        return f"{what} {'above 0 and up' if self.positive else 'from 0'} to {LARGEST[self.type]}"

    def read(self, node: yaml.Node) -> Collateral | Price | Ratio:
        text = scalar(node, self.says)
        if not _DECIMAL.fullmatch(text):
            raise Malformed(f"expected {self.says}, found {text!r}")
        if kind_of(node) == "float":
            raise Malformed(f'expected the number in quotes, "{text}", found a floating-point number')
        amount = self.type.parse(text)
        if not int(self.positive) <= amount.units <= LARGEST[self.type] * ONE:
            raise Malformed(f"expected {self.says}, found {amount}")
        return amount

    def write(self, value: Any) -> str:
        return str(value)

    def schema(self) -> dict[str, Any]:
        nonzero = "(?=.*[1-9])" if self.positive else ""
        whole = {"type": "integer", "minimum": int(self.positive), "maximum": LARGEST[self.type]}
        return {"anyOf": [{"type": "string", "pattern": rf"^{nonzero}[0-9]+(\.[0-9]{{1,6}}0*)?$"}, whole]}


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number, such as seconds or basis points."""

    least: int
    most: int

    @property
    def says(self) -> str:
        return f"a whole number from {self.least} to {self.most}"

    def read(self, node: yaml.Node) -> int:
        text = scalar(node, self.says)
        if kind_of(node) != "int" or not _INTEGER.fullmatch(text) or not self.least <= int(text) <= self.most:
            raise Malformed(f"expected {self.says}, found {text!r}")
        return int(text)

    def write(self, value: Any) -> int:
        return int(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    says = "true or false"

    def read(self, node: yaml.Node) -> bool:
        text = scalar(node, self.says)
        if text not in {"true", "false"} or kind_of(node) != "bool":
            raise Malformed(f"expected {self.says}, found {text!r}")
        return text == "true"

    def write(self, value: Any) -> bool:
        return bool(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    options: type[StrEnum]

    @property
    def says(self) -> str:
        return f"one of {', '.join(self.options)}"

    def read(self, node: yaml.Node) -> StrEnum:
        text = scalar(node, self.says)
        if text not in set(self.options):
            raise Malformed(f"expected {self.says}, found {text!r}")
        return self.options(text)

    def write(self, value: Any) -> str:
        return str(value)

    def schema(self) -> dict[str, Any]:
        return {"enum": [str(option) for option in self.options]}


@dataclass(frozen=True, slots=True)
class Choices:
    """Some of a few words, at least one."""

    choice: Choice

    @property
    def says(self) -> str:
        return f"a list of at least {self.choice.says}"

    def read(self, node: yaml.Node) -> frozenset[StrEnum]:
        chosen = [self.choice.read(each) for each in items(node, self.says)]
        _refuse_repeats(chosen)
        if not chosen:
            raise Malformed(f"expected {self.says}, found an empty list")
        return frozenset(chosen)

    def write(self, value: Any) -> list[str]:
        return [str(option) for option in self.choice.options if option in value]

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": self.choice.schema(), "uniqueItems": True, "minItems": 1}


@dataclass(frozen=True, slots=True)
class Words:
    """Free words, compared in any case: they are kept in lower case. A bare yes or no is the word, not a truth."""

    says = "a list of words"

    def read(self, node: yaml.Node) -> tuple[str, ...]:
        words = [scalar(each, "a word").strip().lower() for each in items(node, self.says)]
        if not all(words):
            raise Malformed("expected words, found an empty one")
        _refuse_repeats(words)
        return tuple(words)

    def write(self, value: Any) -> list[str]:
        return list(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": {"type": "string", "pattern": r"\S"}, "uniqueItems": True}


@dataclass(frozen=True, slots=True)
class Wallet:
    """An address."""

    says = "an address"

    def read(self, node: yaml.Node) -> Address:
        text = scalar(node, self.says)
        if kind_of(node) != "str":
            raise Malformed(f'expected the address in quotes, "{text}", found a number')
        return checked_address(text)

    def write(self, value: Any) -> str:
        return str(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": "^0[xX][0-9a-fA-F]{40}$"}


def amount(kind: type[Collateral | Price | Ratio], doc: Doc) -> Amount:
    """Return the form of an amount."""
    return Amount(kind, doc.positive)


def whole(doc: Doc) -> Whole:
    """Return the form of a whole number: basis points are at most 10,000."""
    return Whole(int(doc.positive), BPS if doc.unit == "bps" else LARGEST_INTEGER)


def scalar(node: yaml.Node, expected: str) -> str:
    """Return a single value as it is written; Malformed when there is none, or more than one."""
    if not isinstance(node, yaml.ScalarNode) or kind_of(node) == "null":
        raise Malformed(f"expected {expected}, found {name_of(node)}")
    return str(node.value)


def items(node: yaml.Node, expected: str) -> list[yaml.Node]:
    """Return the entries of a list; Malformed when it is none."""
    if not isinstance(node, yaml.SequenceNode):
        raise Malformed(f"expected {expected}, found {name_of(node)}")
    return list(node.value)


def kind_of(node: yaml.Node) -> str:
    """Return YAML's own type of a value, such as "int" or "str"."""
    return str(node.tag).removeprefix(_TAG)


def name_of(node: yaml.Node) -> str:
    """Return what to call a node that was not expected."""
    match node:
        case yaml.MappingNode():
            return "fields"
        case yaml.SequenceNode():
            return "a list"
        case _:
            return "nothing" if kind_of(node) == "null" else repr(str(node.value))


def word_of(node: yaml.Node) -> str:
    """Return a field's name as it is written, whatever it is."""
    return str(node.value) if isinstance(node, yaml.ScalarNode) else name_of(node)


def _refuse_repeats(found: list[Any]) -> None:
    repeated = sorted({str(each) for each in found if found.count(each) > 1})
    if repeated:
        raise Malformed(f"expected each once, found {', '.join(repeated)} more than once")
