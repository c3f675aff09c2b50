"""`remora pause`, `stop`, `panic`, `resume` and `switches` as they are typed, on a database of their own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from remora.cli.main import app
from remora.domain.errors import Malformed
from tests.fakes.contracts import CONTRACTS

WHALE = "0x335ac48637a3bc37c2eac9e0c9799c32b3cda494"
ANN = "0x" + 39 * "0" + "1"
BOB = "0x" + 39 * "0" + "2"
POLICY = f"{ANN}:{WHALE}"


@pytest.fixture(autouse=True)
def _database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in {**CONTRACTS, "REMORA_DATABASE": str(tmp_path / "remora.db")}.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "policies.yaml").write_text(f'policies: [{{follower: "{ANN}", leader: "{WHALE}"}}]')
    assert run("policy", "import", "policies.yaml", "--add-leaders").exit_code == 0


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def shown() -> list[dict[str, Any]]:
    result = run("switches", "--json")
    assert result.exit_code == 0
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def named() -> list[tuple[str, str, str]]:
    return [(each["halt"], each["scope"], each["subject"]) for each in shown()]


def test_whom_each_command_halts() -> None:
    assert run("pause", "--follower", ANN).stdout == f"pause of follower {ANN}\n"
    assert run("stop", "--policy", POLICY.upper().replace("X", "x")).stdout == f"stop of policy {POLICY}\n"
    assert run("panic", "--leader", WHALE).stdout == f"panic of leader {WHALE}\n"
    assert run("pause", "--all", "--for", "2h").stdout == "pause of the service for 2h\n"
    assert named() == [
        ("pause", "follower", ANN),
        ("stop", "policy", POLICY),
        ("panic", "leader", WHALE),
        ("pause", "service", ""),
    ]
    *by_hand, two_hours = shown()
    assert {(each["because"], each["facts"], each["until"]) for each in by_hand} == {("by hand", None, None)}
    assert two_hours["until"] > two_hours["since"]
    assert [each["unsold"] for each in shown()] == [None, None, {"lots": 0, "cost": "0"}, None]


def test_resume_lifts_one_subject_and_names_what_is_left() -> None:
    run("pause", "--all")
    run("stop", "--all")
    run("stop", "--follower", ANN)
    assert run("resume", "--all").stdout == f"resumed the service\nstill in force: stop of follower {ANN}\n"
    assert named() == [("stop", "follower", ANN)]


def test_a_leader_goes_by_its_label_and_its_pause_is_a_switch() -> None:
    run("policy", "remove", POLICY)
    run("leaders", "remove", WHALE)
    run("leaders", "add", WHALE, "--label", "whale")
    run("leaders", "pause", "whale")
    assert named() == [("pause", "leader", WHALE)]
    run("resume", "--leader", "whale")
    assert named() == []


def test_what_is_in_force_is_shown_to_people() -> None:
    assert "nothing is halted" in run("switches").stdout
    run("panic", "--all")
    assert "the service" in run("switches").stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("pause",), "expected one of --follower, --leader, --policy or --all, found 0"),
        (("panic", "--all", "--follower", ANN), "--policy or --all, found 2"),
        (("stop", "--follower", "0x12"), "expected an address of 0x and 40 hex digits, found '0x12'"),
        (("stop", "--leader", "nobody"), "found 'nobody'"),
        (("stop", "--leader", BOB), f"expected a leader that is known, found {BOB}: remora leaders list"),
        (("pause", "--follower", BOB), f"expected the follower of a policy, found {BOB}: remora policy list"),
        (("panic", "--policy", f"{BOB}:{WHALE}"), f"expected the id of a policy, found '{BOB}:{WHALE}'"),
        (("pause", "--all", "--for", "2 hours"), "expected a duration such as 90s, 30m, 2h or 1d, found '2 hours'"),
        (("pause", "--all", "--for", "0s"), "found '0s'"),
        (("resume", "--all"), "expected a switch to lift, found none of the service"),
    ],
)
def test_wrong_input_is_told_and_changes_nothing(arguments: tuple[str, ...], says: str) -> None:
    result = run(*arguments)
    assert isinstance(result.exception, Malformed)
    assert says in str(result.exception)
    assert shown() == []
