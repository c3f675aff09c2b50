"""`remora policy` as it is typed, on a database of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from remora.cli.main import app
from remora.settings.policies.problems import BadRules
from tests.unit.settings.policies.texts import OTHER, entry, file, follower, leader

ID = f"{follower}:{leader}"
OTHER_ID = f"{OTHER}:{leader}"


@pytest.fixture(autouse=True)
def _database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REMORA_DATABASE", str(tmp_path / "remora.db"))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["policy", *arguments])


def said(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.exception
    return result.stdout


def listed(*arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(said("list", "--json", *arguments))
    return found


def imported(*entries: str, options: tuple[str, ...] = ("--add-leaders",)) -> str:
    Path("policies.yaml").write_text(file(*entries))
    return said("import", "policies.yaml", *options)


def test_a_file_is_imported_and_exported() -> None:
    says = imported(entry(limits='{per_day: "5"}'), entry(follower=f'"{OTHER}"'))
    assert says == f"listening to {leader}\npolicies: 2 added, 0 changed, 0 removed, 0 unchanged\n"
    said("export", "copy.yaml")
    assert said("import", "copy.yaml", "--replace") == "policies: 0 added, 0 changed, 0 removed, 2 unchanged\n"
    assert yaml.safe_load(said("export"))["policies"] == [
        {"follower": OTHER, "leader": leader},
        {"follower": follower, "leader": leader, "limits": {"per_day": "5"}},
    ]


def test_policies_are_listed_by_follower_and_leader() -> None:
    imported(entry(sizing='{multiplier: "2"}'), entry(follower=f'"{OTHER}"'), entry(leader=f'"{OTHER}"'))
    assert [each["id"] for each in listed()] == [OTHER_ID, f"{follower}:{OTHER}", ID]
    assert [each["id"] for each in listed("--follower", follower)] == [f"{follower}:{OTHER}", ID]
    assert [each["id"] for each in listed("--leader", leader)] == [OTHER_ID, ID]
    assert f"{ID}  {{sizing: {{multiplier: '2'}}}}\n" in said("list")


def test_a_second_file_adds_and_a_replacing_one_removes() -> None:
    imported(entry())
    imported(entry(follower=f'"{OTHER}"'))
    assert [each["id"] for each in listed()] == [OTHER_ID, ID]
    assert imported(entry(), options=("--replace",)).endswith("0 added, 0 changed, 1 removed, 1 unchanged\n")
    assert [each["id"] for each in listed()] == [ID]


def test_bounds_may_be_of_whom_policies_in_force_name() -> None:
    imported(entry())
    Path("bounds.yaml").write_text(f'followers: {{"{follower}": {{limits: {{per_day: "7"}}}}}}\npolicies: []\n')
    said("import", "bounds.yaml")
    assert yaml.safe_load(said("export"))["followers"] == {follower: {"limits": {"per_day": "7"}}}
    assert isinstance(run("import", "bounds.yaml", "--replace").exception, BadRules)


def test_an_unknown_leader_is_refused_with_its_place_and_nothing_is_imported() -> None:
    Path("policies.yaml").write_text(file(entry(limits="{per_dya: 5}"), entry(follower=f'"{OTHER}"')))
    result = run("import", "policies.yaml")
    assert isinstance(result.exception, BadRules)
    assert [(each.place, each.line) for each in result.exception.problems] == [
        (("policies", 0, "leader"), 3),
        (("policies", 0, "limits", "per_dya"), 4),
        (("policies", 1, "leader"), 6),
    ]
    assert listed() == []


def test_a_policy_is_shown_changed_and_removed() -> None:
    imported(entry(filters='{max_odds: "0.85"}'), entry(follower=f'"{OTHER}"'))
    assert said("set", ID, "filters.max_odds=", "filters.min_odds=0.1", "limits.open_positions=3").startswith("changed")
    (policy,) = yaml.safe_load(said("show", ID))["policies"]
    assert (policy["filters"], policy["limits"]) == ({"min_odds": "0.1"}, {"open_positions": 3})
    assert said("remove", ID.upper().replace("0X", "0x")) == f"removed {ID}\n"
    assert [each["id"] for each in listed()] == [OTHER_ID]


def test_bounds_go_with_the_last_policy() -> None:
    Path("policies.yaml").write_text(f'leaders: {{"{leader}": {{limits: {{per_day: "7"}}}}}}\n' + file(entry()))
    said("import", "policies.yaml", "--add-leaders")
    assert said("remove", ID) == f"removed {ID}\nremoved the bounds of {leader}, whom no policy names any more\n"
    assert yaml.safe_load(said("export")) == {"policies": []}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("show", "nobody"), "expected the id of a policy, found 'nobody'"),
        (("remove", OTHER_ID), f"expected the id of a policy, found '{OTHER_ID}'"),
        (("set", OTHER_ID, "limits.per_day=1"), "expected the id of a policy"),
        (("set", ID, "limits.per_day"), "expected a change such as filters.max_odds=0.85"),
        (
            ("set", ID, "filters.max_odds=1.5"),
            "filters.max_odds (line 1): expected odds above 0 and up to 1, found 1.5",
        ),
        (("set", ID, "sizing.mode.amount=1", "sizing.mode=fixed"), "expected one with mode fixed"),
        (("set", ID, "follower.name=1"), "expected a field of a policy, found 'follower.name'"),
        (("set", ID, f"follower={OTHER}"), f"expected the follower and leader of {ID}"),
        (("list", "--leader", "0x1"), "expected an address"),
        (("import", "nowhere.yaml"), "expected a policy file at nowhere.yaml"),
        (("export", "nowhere/policies.yaml"), "expected to write nowhere/policies.yaml"),
    ],
)
def test_wrong_input_is_told_and_changes_nothing(arguments: tuple[str, ...], says: str) -> None:
    imported(entry())
    before = said("export")
    assert says in str(run(*arguments).exception)
    assert said("export") == before
