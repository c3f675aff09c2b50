"""A start with a policy file that is not right: refused whole, with the problems that an import tells."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from remora.cli.main import app
from remora.settings.policies.problems import BadRules
from tests.fakes.contracts import CONTRACTS
from tests.unit.settings.policies.texts import OTHER, entry, file, leader

NOWHERE = {"REMORA_RPC_WS_URL": "ws://127.0.0.1:1", "REMORA_CLOB_URL": "http://127.0.0.1:1"}
MNEMONIC = "test test test test test test test test test test test junk"


@pytest.fixture(autouse=True)
def _settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in {**CONTRACTS, **NOWHERE, "TRADING_MNEMONIC": MNEMONIC, "REMORA_CHAIN_ID": "31337"}.items():
        monkeypatch.setenv(name, value)


def remora(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def test_command_and_start_refuse_a_bad_file_with_the_same_problems(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("good.yaml").write_text(file(entry()))
    assert remora("policy", "import", "good.yaml", "--add-leaders").exit_code == 0
    before = remora("policy", "export").stdout
    assert leader in before
    Path("bad.yaml").write_text(
        file(
            entry(filters='{max_odds: "1.5"}', sizing="{mode: fixed}"),
            entry(follower='"0x1"'),
            entry(leader=f'"{OTHER}"'),
        )
    )
    monkeypatch.setenv("REMORA_POLICIES", "bad.yaml")
    by_command, by_start = remora("policy", "import", "bad.yaml", "--replace").exception, remora("run").exception
    assert isinstance(by_command, BadRules)
    assert isinstance(by_start, BadRules)
    assert by_start.problems == by_command.problems
    assert str(by_start).splitlines() == [
        "bad.yaml has 4 problems:",
        "  policies.0.filters.max_odds (line 4): expected odds above 0 and up to 1, found 1.5",
        "  policies.0.sizing.amount (line 5): expected one with mode fixed, found none",
        "  policies.1.follower (line 6): expected an address of 0x and 40 hex digits, found '0x1'",
        f"  policies.2.leader (line 9): expected a leader of the registry (remora leaders add), found {OTHER}",
    ]
    assert remora("policy", "export").stdout == before
