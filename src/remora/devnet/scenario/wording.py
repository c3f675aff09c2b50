"""Says what is wrong in a scenario file: what pydantic found, as what was expected and found, with its place."""

from __future__ import annotations

import re
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from remora.devnet.faults.catalogue import Place, Problem
from remora.devnet.places import Placed
from remora.devnet.scenario.format import ScenarioFile

_WISH = re.compile(r"^(Input|String|Value|Tuple|Dictionary|Decimal) should")


def problem_of(found: ErrorDetails, placed: Placed) -> Problem:
    """Return what pydantic found as a problem of the file."""
    place, text = _place_of(found, placed), found["msg"].removeprefix("Value error, ")
    written = _shown(placed.at(place))
    match found["type"]:
        case "missing":
            text = "expected this key, found none"
        case "extra_forbidden":
            text = f"expected one of {', '.join(_keys_at(place[:-1]))}; found an unknown key"
        case "model_type" | "dict_type":
            text = f"expected keys and values; found {written}"
        case "tuple_type":
            text = f"expected a list; found {written}"
        case "literal_error" | "enum":
            text = f"expected {found['ctx']['expected']}; found {written}"
        case _ if "found" not in text:
            text = f"{_WISH.sub('expected to', text)}; found {written}"
    return Problem(place=place, text=text)


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, str) else "a list" if isinstance(value, list) else "keys and values"


def _place_of(found: ErrorDetails, placed: Placed) -> Place:
    """Return pydantic's location without the steps that are not in the file; a key that is missing comes last."""
    place: Place = ()
    for part in found["loc"]:
        if (*place, part) in placed.lines or part == found["loc"][-1]:
            place = (*place, part)
    return place


def _keys_at(place: Place) -> list[str]:
    """Return the keys that the file may have at a place."""
    kind: Any = ScenarioFile
    for part in place:
        if isinstance(part, str):
            fields = {field.alias or name: field.annotation for name, field in kind.model_fields.items()}
            kind = _entry_in(fields[part])
    return [field.alias or name for name, field in kind.model_fields.items()]


def _entry_in(annotation: Any) -> Any:
    """Return the entry class in an annotation such as `tuple[Entry, ...] | None`."""
    if get_origin(annotation) in (Union, UnionType, tuple):
        return next(_entry_in(each) for each in get_args(annotation) if each is not type(None))
    assert issubclass(annotation, BaseModel)
    return annotation
