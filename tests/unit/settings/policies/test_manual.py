"""The manual names every field, and its examples are policies."""

from __future__ import annotations

import re

import pytest

from remora.domain.policy import Policy
from remora.settings.policies.manual import manual
from remora.settings.policies.reader import read_rulebook
from remora.settings.policies.sections import declared
from tests.unit.settings.policies.texts import entry, file

FIELDS = [
    (name, which, field.doc.example)
    for name, section in declared(Policy).items()
    if isinstance(section.form, type)
    for which, field in declared(section.form).items()
]
NEEDS = {
    "amount": "mode: fixed, ",
    "tiers": "mode: tiers, ",
    "cool_down_s": "losses_in_row: 3, ",
    "rest_s": "kind: gtd, ",
    "mode": "amount: 5, ",
}
"""What an example goes with."""


@pytest.mark.parametrize(("section", "field", "example"), FIELDS)
def test_an_example_is_taken_and_is_not_the_default(section: str, field: str, example: str) -> None:
    needs = NEEDS.get(field, "") if (section, field) != ("exits", "mode") else ""
    (rules,) = read_rulebook(file(entry(**{section: f"{{{needs}{field}: {example}}}"})), "").policies
    assert getattr(getattr(rules, section), field) != declared(type(getattr(rules, section)))[field].default


def test_every_field_has_a_row() -> None:
    text = "\n".join(manual())
    for _, field, example in FIELDS:
        assert re.search(rf"^\| `{field}` \| .+ \| .+ \| `{re.escape(example)}` \| .+ \|$", text, re.MULTILINE), field


def test_the_example_at_its_head_is_a_policy_file() -> None:
    text = "\n".join(manual())
    example = text.split("```yaml\n")[1].split("```")[0]
    assert len(read_rulebook(example, "").policies) == 2
