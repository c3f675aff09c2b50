"""Judges a document by a JSON schema, as far as the schema of policy files goes; other keywords are refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import NoneType
from typing import Any

TYPES: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "boolean": bool,
    "null": NoneType,
}
WORDS_ABOUT = {"$schema", "title", "description"}


def objections(schema: dict[str, Any], document: Any, place: str = "") -> Iterator[str]:
    """Yield what in the document the schema does not allow."""
    for keyword, wanted in schema.items():
        if keyword not in WORDS_ABOUT:
            yield from _objections(keyword, wanted, schema, document, place)


def _objections(  # noqa: C901, PLR0912  one case for each keyword
    keyword: str, wanted: Any, schema: dict[str, Any], document: Any, place: str
) -> Iterator[str]:
    match keyword:
        case "type":
            if not isinstance(document, TYPES[wanted]) or (wanted == "integer" and isinstance(document, bool)):
                yield f"{place}: no {wanted}"
        case "anyOf":
            if all(list(objections(option, document, place)) for option in wanted):
                yield f"{place}: none of the options"
        case "enum":
            if document not in wanted:
                yield f"{place}: none of {wanted}"
        case "pattern":
            if isinstance(document, str) and not re.search(wanted, document):
                yield f"{place}: not like {wanted}"
        case "minimum" | "maximum":
            if isinstance(document, int) and (document < wanted if keyword == "minimum" else document > wanted):
                yield f"{place}: beyond the {keyword}"
        case "minItems":
            if isinstance(document, list) and len(document) < wanted:
                yield f"{place}: too few"
        case "uniqueItems":
            if isinstance(document, list) and any(document.count(each) > 1 for each in document):
                yield f"{place}: not unique"
        case "items":
            for number, each in enumerate(document if isinstance(document, list) else ()):
                yield from objections(wanted, each, f"{place}.{number}")
        case "required":
            yield from (f"{place}.{name}: missing" for name in wanted if name not in document)
        case "properties":
            for name in wanted.keys() & (document if isinstance(document, dict) else {}):
                yield from objections(wanted[name], document[name], f"{place}.{name}")
        case "propertyNames":
            for name in document:
                yield from objections(wanted, name, f"{place}.{name}")
        case "additionalProperties":
            for name in document if isinstance(document, dict) else ():
                if name not in schema.get("properties", {}):
                    unknown = [f"{place}.{name}: unknown"]
                    yield from unknown if wanted is False else objections(wanted, document[name], f"{place}.{name}")
        case _:
            raise AssertionError(f"expected a known keyword, found {keyword}")
