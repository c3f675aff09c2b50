"""Writes rules as a policy file, which reads back as the same rules."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml

from remora.domain.ids import Address
from remora.domain.policy import Bounds, Policy, Rulebook
from remora.settings.policies.sections import plain


def document(section: Policy | Bounds) -> str:
    """Return one policy, or bounds, as a line of JSON, which is YAML: the form in which each is stored."""
    return json.dumps(plain(section), separators=(",", ":"))


def written(book: Rulebook) -> str:
    """Return the rules as YAML. What is so by default is left out."""
    document: dict[str, Any] = {
        "service": plain(book.service),
        "leaders": _each(book.leaders),
        "followers": _each(book.followers),
    }
    parts = {name: part for name, part in document.items() if part}
    parts["policies"] = [plain(policy) for policy in book.policies]
    return yaml.dump(parts, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def _each(bounds: Mapping[Address, Bounds]) -> dict[str, Any]:
    return {str(wallet): plain(each) for wallet, each in bounds.items()}


_Dumper = yaml.CSafeDumper if yaml.__with_libyaml__ else yaml.SafeDumper
"""As fast as the reader."""
