"""All faults there are, by name; how a request to inject some is read, whole or not at all; and how they are listed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from remora.devnet.faults import house, node, settlement, state, streams, venue
from remora.devnet.faults.fault import Fault, Lasting

Place = tuple[str | int, ...]

SECTIONS: dict[str, tuple[type[Fault], ...]] = {
    "Order book server, HTTP": (
        *(venue.ErrorBefore, venue.ErrorAfter, venue.DropBefore, venue.DropAfter, venue.TimeoutAfter),
        *(venue.Restarting, venue.RateLimited, venue.PostOnly, venue.CancelOnly, venue.NullHashes, venue.StaleBook),
    ),
    "Order book server, who may trade": (house.RefuseOrders,),
    "Order book server, settlement": settlement.SETTLEMENT_FAULTS,
    "Order book server, WebSocket": streams.STREAM_FAULTS,
    "Nodes": (*node.NODE_FAULTS, node.Reorg),
    "Chain, state (done once)": (
        *(state.BlockTime, state.SetCollateral, state.SetShares, state.SetAllowance, state.SetApproval),
        *(state.PauseToken, state.PauseExchange, state.Depeg),
    ),
}
BY_NAME = {kind.name: kind for kinds in SECTIONS.values() for kind in kinds}

HEADING = """\
Every fault that lasts can be limited: to what mentions a `wallet` or a `token`, to an `endpoint`, to a `count` or a
`duration_s`, and to `chance_percent` of the occasions, picked by a `seed`. Without an end it lasts until it is cleared.
`remora devnet fault clear` also ends pauses and lets stuck transactions go to the chain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong in a request, and where: the keys and indexes that lead there."""

    place: Place
    text: str

    def __str__(self) -> str:
        path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.place)
        return f"{path.removeprefix('.') or 'document'}: {self.text}"


class Invalid(Exception):
    """A request that nothing was done of."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


def read(document: Any) -> list[Fault]:
    """Read `{"faults": [{"fault": name, parameter: value, ...}, ...]}`; raise Invalid with every problem in it."""
    if not isinstance(document, dict) or set(document) != {"faults"} or not isinstance(document["faults"], list):
        raise Invalid(Problem(place=(), text="expected an object with one key, faults, and a list under it"))
    faults: list[Fault] = []
    problems: list[Problem] = []
    for index, entry in enumerate(document["faults"]):
        try:
            faults.append(_read_one(entry, ("faults", index)))
        except Invalid as invalid:
            problems.extend(invalid.problems)
    if problems:
        raise Invalid(*problems)
    return faults


def _read_one(entry: Any, place: Place) -> Fault:
    if not isinstance(entry, dict):
        raise Invalid(Problem(place=place, text="expected an object"))
    name = entry.get("fault")
    kind = BY_NAME.get(name) if isinstance(name, str) else None
    if kind is None:
        raise Invalid(Problem(place=(*place, "fault"), text=f"expected one of {', '.join(BY_NAME)}; found {name!r}"))
    try:
        return kind.model_validate({key: value for key, value in entry.items() if key != "fault"})
    except ValidationError as error:
        raise Invalid(*(_problem(found, place) for found in error.errors())) from None


def _problem(found: ErrorDetails, place: Place) -> Problem:
    return Problem(place=(*place, *found["loc"]), text=f"{found['msg']}; found {found['input']!r}")


def written(fault: Fault) -> dict[str, Any]:
    """Return a fault as it would be injected."""
    return {"fault": fault.name, **fault.model_dump(exclude_defaults=True)}


def listed() -> list[dict[str, Any]]:
    """Return the catalogue as JSON: name, section, what it does, whether it lasts, parameters."""
    return [
        {
            "name": kind.name,
            "section": section,
            "does": _does(kind),
            "lasts": issubclass(kind, Lasting),
            "parameters": {name: field.description for name, field in kind.model_fields.items()},
        }
        for section, kinds in SECTIONS.items()
        for kind in kinds
    ]


def documented() -> Iterator[str]:
    """Yield the list in docs/devnet.md, line by line."""
    yield from HEADING.splitlines()
    for section, kinds in SECTIONS.items():
        yield from ("", f"**{section}**", "", "| Fault | What happens | Parameters |", "|---|---|---|")
        for kind in kinds:
            parameters = "; ".join(_parameter(name, field) for name, field in _own(kind).items())
            yield f"| `{kind.name}` | {_does(kind)} | {parameters} |"


def _does(kind: type[Fault]) -> str:
    return (kind.__doc__ or "").partition("\n")[0]


def _own(kind: type[Fault]) -> dict[str, FieldInfo]:
    return {name: field for name, field in kind.model_fields.items() if name not in Lasting.model_fields}


def _parameter(name: str, field: FieldInfo) -> str:
    default = "" if field.is_required() else f" ({field.get_default()})"
    return f"`{name}`{default}: {field.description}"
