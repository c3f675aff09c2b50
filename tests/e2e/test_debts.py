"""`remora debts` as it is typed, on a database in which two followers owe, and an operator."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from remora.adapters.store.database import opened
from remora.cli.debts import app
from remora.domain.errors import Malformed
from remora.domain.records import DebtSide
from remora.domain.signal import Side
from tests.contract.store import samples
from tests.contract.store.implementations import sqlite_stores
from tests.contract.store.journey import Journey

ANN, BOB = samples.follower("ann"), samples.follower("bob")


async def _owe(folder: Path) -> None:
    with sqlite_stores(folder) as stores:
        journey = Journey(stores)
        legs = await journey.fill(await journey.decide("ann", "bob"))
        await journey.mine(legs, [samples.unpaid(leg) for leg in legs])
        exits = await journey.decide("cleo", side=Side.SELL)
        await journey.collect(exits)
        (proceeds,) = await journey.fill(exits)
        await journey.mine([proceeds], [samples.unpaid(proceeds, DebtSide.OPERATOR)])
        debts = await stores.debts.open_debts()
        await stores.debts.record_tries({debt.debt_id: 2 * samples.NOW_US for debt in debts}, tried_us=samples.NOW_US)


@pytest.fixture(autouse=True)
def _database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REMORA_DATABASE", str(tmp_path / "remora.db"))
    asyncio.run(_owe(tmp_path))


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[None]:
    """Hold the database as a supervisor does."""
    with opened(tmp_path / "remora.db"):
        yield


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def listed() -> list[dict[str, Any]]:
    result = run("list", "--json")
    assert result.exit_code == 0
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def of(follower: str) -> dict[str, Any]:
    (found,) = [each for each in listed() if each["follower"] == follower]
    return found


def test_debts_are_listed() -> None:
    debt = of(ANN)
    assert len(listed()) == 3
    assert (debt["side"], debt["cause"], debt["tries"]) == ("follower", "COLLATERAL_REFUSED", 1)
    assert (debt["due"], debt["collected"], debt["left"], debt["held"]) == ("9", "0", "9", "20")
    assert debt["next_try_in_s"] > 0
    table = run("list").stdout
    assert "due" in table
    assert table.count("0x") >= 3


def test_one_debt_is_tried_again() -> None:
    result = run("retry", of(ANN)["id"])
    assert result.stdout == "1 debt will be tried when the supervisor starts\n"
    assert (of(ANN)["next_try_in_s"], of(BOB)["next_try_in_s"] > 0) == (0, True)


@pytest.mark.usefixtures("supervised")
def test_a_followers_debts_and_all_debts_are_tried_beside_a_supervisor() -> None:
    assert run("retry", "--follower", BOB).stdout == "1 debt will be tried now\n"
    assert (of(ANN)["next_try_in_s"] > 0, of(BOB)["next_try_in_s"]) == (True, 0)
    assert run("retry").stdout == "3 debts will be tried now\n"
    assert [each["next_try_in_s"] for each in listed()] == [0, 0, 0]


@pytest.mark.usefixtures("supervised")
def test_a_debt_is_written_off_by_the_beginning_of_its_id() -> None:
    result = run("write-off", of(ANN)["id"][:12], "--reason", "lost the key")
    assert result.stdout.startswith(f"wrote off 9 of 9 that {ANN} owed; 20 shares stay with {samples.OPERATOR}")
    assert ANN not in [each["follower"] for each in listed()]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("retry", "0xdead"), "found '0xdead', none begins so"),
        (("retry", "0x"), "found '0x', more than one begins so"),
        (("retry", "0x1", "--follower", ANN), "expected an id or --follower, found both"),
        (("retry", "--follower", samples.LEADER), "expected a follower with an open debt"),
        (("retry", "--follower", "ann"), "expected an address"),
        (("write-off", "0xdead", "--reason", "gone"), "none begins so"),
        (("write-off", "0x", "--reason", " "), "expected --reason to say why"),
    ],
)
def test_wrong_input_is_told_and_changes_nothing(arguments: tuple[str, ...], says: str) -> None:
    before = [each["next_try_in_s"] > 0 for each in listed()]
    result = run(*arguments)
    assert isinstance(result.exception, Malformed)
    assert says in str(result.exception)
    assert [each["next_try_in_s"] > 0 for each in listed()] == before


def test_what_an_operator_owes_is_not_written_off() -> None:
    result = run("write-off", of(samples.follower("cleo"))["id"], "--reason", "no")
    assert isinstance(result.exception, Malformed)
    assert "what the operators owe is paid" in str(result.exception)
    assert len(listed()) == 3


def test_without_debts_it_says_so() -> None:
    Path("remora.db").unlink()
    assert "nothing is owed" in run("list").stdout
