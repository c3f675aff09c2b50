"""The JSON schema of a policy file, for editors and for who writes policies by program.

It says what the declarations say of each field; what fields must not say together is checked by the reader only.
"""

from __future__ import annotations

from typing import Any

from remora.domain.policy import Bounds, Policy
from remora.settings.policies.forms import Wallet
from remora.settings.policies.sections import Field, Sections, declared


def json_schema() -> dict[str, Any]:
    """Return the schema of a whole policy file (JSON schema, draft 2020-12)."""
    wallets = {"type": "object", "propertyNames": Wallet().schema(), "additionalProperties": _section(Bounds)}
    parts = {
        "service": _section(Bounds),
        "leaders": wallets,
        "followers": wallets,
        "policies": {"type": "array", "items": _section(Policy)},
    }
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "remora's policy file"}
    return head | _object(parts, ["policies"])


def _section(kind: type[object]) -> dict[str, Any]:
    known = declared(kind)
    return _object({name: _field(each) for name, each in known.items()}, [n for n, e in known.items() if e.required])


def _object(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    shape = {"type": "object", "properties": properties, "additionalProperties": False}
    return shape | ({"required": required} if required else {})


def _field(which: Field) -> dict[str, Any]:
    described = {"description": which.doc.says} if which.doc.says else {}
    match which.form:
        case Sections(kind):
            return {"type": "array", "items": _section(kind)} | described
        case type() as kind:
            return _section(kind) | described
        case form:
            return form.schema() | described
