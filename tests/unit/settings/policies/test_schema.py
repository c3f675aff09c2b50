"""The JSON schema knows every declared field, and refuses what one field alone cannot be."""

from __future__ import annotations

import json

import pytest
import yaml

from remora.domain.policy import Policy
from remora.settings.policies.reader import read_policy_file
from remora.settings.policies.schema import json_schema
from remora.settings.policies.sections import declared
from tests.architecture.tree import ROOT
from tests.fakes.json_schema import objections
from tests.unit.settings.policies.texts import entry, file


def test_every_field_is_in_it_with_its_meaning() -> None:
    policy = json_schema()["properties"]["policies"]["items"]["properties"]
    for name, section in declared(Policy).items():
        if isinstance(section.form, type):
            known = policy[name]["properties"]
            assert {field: each.doc.says for field, each in declared(section.form).items()} == {
                field: shape["description"] for field, shape in known.items()
            }


def test_the_file_that_editors_read_is_the_schema() -> None:
    """It lies beside the example, whose first line names it."""
    (first, *_) = (ROOT / "policies.example.yaml").read_text().splitlines()
    _, _, name = first.partition("# yaml-language-server: $schema=")
    assert json.loads((ROOT / name).read_text()) == json_schema()


def test_it_takes_the_example() -> None:
    path = ROOT / "policies.example.yaml"
    assert read_policy_file(path)
    assert not list(objections(json_schema(), yaml.safe_load(path.read_text())))


@pytest.mark.parametrize(
    ("section", "fields"),
    [
        ("limits", "{per_day: 10.5}"),
        ("limits", '{per_day: "-5"}'),
        ("limits", '{per_day: "0.0000001"}'),
        ("limits", "{per_dya: 5}"),
        ("limits", "{open_positions: -1}"),
        ("sizing", '{multiplier: "0.0"}'),
        ("sizing", "{multiplier: 0}"),
        ("sizing", "{mode: percentage}"),
        ("sizing", "{mode: tiers, tiers: [{above: 5}]}"),
        ("exits", "{max_slippage_bps: 10001}"),
        ("filters", "{sides: []}"),
        ("filters", "{tags: {allow: [a, a]}}"),
        ("filters", "{max_odds: 2}"),
        ("follower", '"nobody"'),
        ("colour", "red"),
    ],
)
def test_it_refuses(section: str, fields: str) -> None:
    (found, *_) = objections(json_schema(), yaml.safe_load(file(entry(**{section: fields}))))
    assert found.startswith(f".policies.0.{section}")
