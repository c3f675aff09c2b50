"""`remora leaders` as it is typed, on a database of its own."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from remora.adapters.store.database import opened
from remora.adapters.store.fleet import SqliteFleetStore
from remora.cli.leaders import app
from remora.cli.main import app as whole_app
from remora.cli.switches import Stores, hand_set, on_the_store
from remora.domain.errors import Malformed
from remora.domain.fleet import WalletStanding, WalletState
from remora.domain.ids import Address
from remora.domain.money import Collateral
from remora.domain.switches import Halt, Scope
from tests.fakes.contracts import CONTRACTS

WHALE = "0x335ac48637a3bc37c2eac9e0c9799c32b3cda494"
CHECKSUMMED = "0x335Ac48637a3bC37C2eaC9E0C9799c32B3cDa494"


@pytest.fixture(autouse=True)
def _database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in {**CONTRACTS, "REMORA_DATABASE": str(tmp_path / "remora.db")}.items():
        monkeypatch.setenv(name, value)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def listed() -> list[dict[str, Any]]:
    result = run("list", "--json")
    assert result.exit_code == 0
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def test_a_leader_is_added_paused_resumed_and_removed() -> None:
    assert listed() == []
    assert run("add", CHECKSUMMED, "--label", "whale").stdout == "listening to whale\n"
    assert listed() == [{"wallet": WHALE, "label": "whale", "halt": None, "has_traded": False}]
    run("pause", "whale")
    assert listed()[0]["halt"] == "pause"
    run("resume", CHECKSUMMED)
    assert listed()[0]["halt"] is None
    run("remove", WHALE)
    assert listed() == []


def test_a_leader_gets_another_label_that_nobody_else_has() -> None:
    run("add", WHALE)
    assert run("label", WHALE, "whale").stdout == f"{WHALE} is whale now\n"
    assert listed()[0]["label"] == "whale"
    again = run("add", WHALE, "--label", "shark")
    assert "it is there; remora leaders label gives it another label" in str(again.exception)
    run("add", f"0x{40 * '2'}", "--label", "shark")
    answers = [run("label", "shark", label) for label in ("whale", "", f"0x{40 * '3'}")]
    refused = {str(answer.exception).split(", found ")[1] for answer in answers}
    assert refused == {f"'whale': it is {WHALE}'s", "none", f"the address 0x{40 * '3'}"}
    assert [each["label"] for each in listed()] == ["whale", "shark"]


def test_a_leader_that_is_not_halted_is_not_resumed() -> None:
    run("add", WHALE, "--label", "whale")
    result = run("resume", "whale")
    assert str(result.exception) == "expected a leader that is halted, found whale: remora switches shows who is"


def test_an_operator_wallet_is_no_leader(tmp_path: Path) -> None:
    """What it trades is copies, which must not be copied again."""
    standing = WalletStanding(
        index=0, wallet=Address(WHALE), state=WalletState.READY, balance=Collateral(0), promised=Collateral(0)
    )
    with opened(tmp_path / "remora.db") as writer:
        asyncio.run(SqliteFleetStore(writer).record([standing], seen_us=1))
    result = run("add", WHALE)
    assert str(result.exception) == f"expected no wallet of remora's own, found the operator wallet {WHALE}"
    text = f'policies: [{{follower: "{WHALE}", leader: "0x{40 * "1"}"}}]'
    (tmp_path / "policies.yaml").write_text(text)
    refused = CliRunner().invoke(whole_app, ["policy", "import", "policies.yaml", "--add-leaders"])
    assert "policies.0.follower (line 1): expected no wallet of remora's own" in str(refused.exception)
    assert listed() == []


def test_a_leader_whom_a_policy_follows_is_not_removed(tmp_path: Path) -> None:
    """It would be heard and copied all the same."""
    (tmp_path / "policies.yaml").write_text(f'policies: [{{follower: "0x{40 * "1"}", leader: "{WHALE}"}}]')
    policies = partial(CliRunner().invoke, whole_app)
    assert policies(["policy", "import", "policies.yaml", "--add-leaders"]).exit_code == 0
    refused = run("remove", WHALE)
    assert isinstance(refused.exception, Malformed)
    assert f"expected a leader whom no policy follows, found 1 for {WHALE}" in str(refused.exception)
    assert len(listed()) == 1
    assert policies(["policy", "remove", f"0x{40 * '1'}:{WHALE}"]).exit_code == 0
    assert run("remove", WHALE).exit_code == 0
    assert listed() == []


def test_without_a_label_the_address_is_the_label() -> None:
    run("add", WHALE)
    assert listed() == [{"wallet": WHALE, "label": WHALE, "halt": None, "has_traded": False}]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("add", "0x12"), "expected an address of 0x and 40 hex digits, found '0x12'"),
        (("add", CHECKSUMMED.replace("B3c", "b3c")), "expected an address whose capitals match its checksum"),
        (("pause", "nobody"), "expected a leader's wallet or label, found 'nobody'"),
        (("resume", WHALE), "expected a leader's wallet or label"),
        (("add", WHALE, "--label", " "), f"expected a name as the label of {WHALE}, found none"),
        (("remove", "nobody"), "remora leaders list shows them"),
    ],
)
def test_wrong_input_is_told_and_changes_nothing(arguments: tuple[str, ...], says: str) -> None:
    result = run(*arguments)
    assert isinstance(result.exception, Malformed)
    assert says in str(result.exception)
    assert listed() == []


@pytest.mark.parametrize(
    ("halt", "shown"),
    [(Halt.PAUSE, "paused: exits only"), (Halt.STOP, "stopped: nothing"), (Halt.PANIC, "panic: sold")],
)
def test_the_list_shows_who_is_halted_and_how_in_100_columns(
    halt: Halt, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    run("add", WHALE, "--label", "whale")
    assert "copied" in run("list").stdout

    async def halted(stores: Stores) -> None:
        await stores.switches.set_switch(hand_set(halt, (Scope.LEADER, Address(WHALE))))

    on_the_store(None, halted)
    (line,) = (line for line in run("list").stdout.splitlines() if "whale" in line)
    assert shown in line
    assert CHECKSUMMED in line


def test_another_wallets_address_is_no_label() -> None:
    refused = run("add", WHALE, "--label", "0x" + 40 * "A")
    assert "expected a name as the label" in str(refused.exception)
    assert listed() == []


def test_a_leader_that_is_known_is_refused() -> None:
    run("add", WHALE, "--label", "whale")
    again = run("add", WHALE, "--label", "other")
    assert "it is there" in str(again.exception)
    assert [each["label"] for each in listed()] == ["whale"]


def test_there_is_nothing_to_show_before_the_first_trade() -> None:
    assert json.loads(run("stats", "--json").stdout) == []
    assert "no trades were heard yet" in run("stats").stdout
