"""`remora fleet` as it is typed, beside a supervisor and without one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from remora.adapters.store.database import opened
from remora.adapters.store.fleet import SqliteFleetStore
from remora.cli.fleet import app
from remora.domain.errors import Malformed
from remora.domain.fleet import WalletStanding, WalletState
from remora.domain.money import Collateral, Wei
from tests.contract.store.samples import NOW_US, wallet


async def _remember(database: Path) -> None:
    first = WalletStanding(
        index=20,
        wallet=wallet(1),
        state=WalletState.READY,
        balance=Collateral(10_500_000),
        promised=Collateral(500_000),
        native=Wei(2 * 10**18),
        nonce=9,
        missing=0,
    )
    second = WalletStanding(
        index=21,
        wallet=wallet(2),
        state=WalletState.UNHEALTHY,
        why="no operator",
        balance=Collateral(0),
        promised=Collateral(0),
    )
    with opened(database) as writer:
        await SqliteFleetStore(writer).record([first, second], seen_us=NOW_US)


@pytest.fixture(autouse=True)
def _database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REMORA_DATABASE", str(tmp_path / "remora.db"))
    asyncio.run(_remember(tmp_path / "remora.db"))


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[None]:
    """Hold the database as a supervisor does."""
    with opened(tmp_path / "remora.db"):
        yield


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def listed() -> list[dict[str, Any]]:
    result = run("--json")
    assert result.exit_code == 0
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def states() -> list[str]:
    return [each["state"] for each in listed()]


def test_every_wallet_is_shown() -> None:
    first, second = listed()
    assert first.pop("seen_s_ago") >= 0
    assert first == {
        "index": 20,
        "address": wallet(1),
        "state": "ready",
        "why": "",
        "float": "10.5",
        "promised": "0.5",
        "native": "2",
        "nonce": 9,
        "missing_approvals": 0,
    }
    assert (second["state"], second["why"], second["native"]) == ("unhealthy", "no operator", None)
    shown = run().stdout
    assert "21 is unhealthy: no operator\n" in shown
    assert "no supervisor runs" in shown


@pytest.mark.usefixtures("supervised")
def test_a_wallet_is_retired_by_index_and_returned_by_address() -> None:
    assert run("retire", "20").stdout == f"{wallet(1)} is retired\n"
    assert run("retire", "20").stdout == f"{wallet(1)} was so already\n"
    assert states() == ["retired", "unhealthy"]
    assert run("return", wallet(1).upper().replace("0X", "0x")).stdout == f"{wallet(1)} is back\n"
    assert states() == ["unhealthy", "unhealthy"]
    assert "no supervisor runs" not in run().stdout


def test_the_fleet_is_resized() -> None:
    assert run("resize", "30").stdout == "the fleet has 30 wallets from the next start\n"


@pytest.mark.usefixtures("supervised")
def test_the_fleet_is_resized_beside_a_supervisor() -> None:
    assert run("resize", "1").stdout == "the fleet has 1 wallets now\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("retire", "19"), "expected the index or address of one of 2 wallets, found 19"),
        (("return", wallet(3)), "expected the index or address of one of 2 wallets"),
        (("retire", "first"), "expected an address"),
        (("resize", "0"), "expected a size from 1 to 1000, found 0"),
        (("resize", "1001"), "found 1001"),
    ],
)
def test_wrong_input_is_told_and_changes_nothing(arguments: tuple[str, ...], says: str) -> None:
    result = run(*arguments)
    assert isinstance(result.exception, Malformed)
    assert says in str(result.exception)
    assert states() == ["ready", "unhealthy"]


def test_before_the_first_run_no_wallet_is_known() -> None:
    Path("remora.db").unlink()
    assert "no wallet is known" in run().stdout
