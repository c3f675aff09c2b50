"""`remora fleet rebalance` as it is typed: what would move, and what the supervisor is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from remora.adapters.store.database import opened
from remora.adapters.store.fleet import SqliteFleetStore
from remora.adapters.store.floats import SqliteFloatStore
from remora.adapters.store.settlements import SqliteSettlementStore
from remora.cli.fleet import app
from remora.domain.errors import Malformed
from remora.domain.fleet import WalletStanding, WalletState
from remora.domain.floats import FloatBounds, FloatRequest, TreasuryStanding
from remora.domain.ids import Address
from remora.domain.ledger import opening
from remora.domain.money import Collateral
from tests.contract.store.samples import NOW_US, wallet

HOARD = wallet(9)


def standing(number: int, balance: str, promised: str = "0", state: WalletState = WalletState.READY) -> WalletStanding:
    return WalletStanding(
        index=number,
        wallet=wallet(number),
        state=state,
        balance=Collateral.parse(balance),
        promised=Collateral.parse(promised),
    )


WALLETS = [standing(1, "180", "30"), standing(2, "10"), standing(3, "500", state=WalletState.UNHEALTHY)]


async def _remember(database: Path) -> None:
    with opened(database) as writer:
        for each in WALLETS:
            await SqliteSettlementStore(writer).post([opening(each.wallet, each.balance)])
        await SqliteFleetStore(writer).record(WALLETS, seen_us=NOW_US)
        treasury = TreasuryStanding(wallet=HOARD, balance=Collateral.parse("25"), seen_us=NOW_US)
        await SqliteFleetStore(writer).record_treasury(treasury)


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


def rows(result: Result) -> list[tuple[str, ...]]:
    """Return the cells of the table that was printed."""
    lines = [line for line in result.stdout.splitlines() if line.startswith("│")]
    return [tuple(cell.strip() for cell in line.strip("│").split("│")) for line in lines]


def asked() -> FloatRequest | None:
    async def read() -> FloatRequest | None:
        with opened(Path("remora.db")) as writer:
            return await SqliteFloatStore(writer).request()

    return asyncio.run(read())


def moves(of: Address, kind: str, amount: str) -> tuple[str, ...]:
    return (of, kind, amount)


def test_a_dry_run_says_what_would_move_and_asks_for_nothing() -> None:
    """150 of the first are free, 50 too much; the second lacks 90 of 100, and the treasury has 25 and these."""
    result = run("rebalance", "--target", "100", "--dry-run")
    assert rows(result) == [moves(wallet(1), "draw", "50"), moves(wallet(2), "top-up", "75")]
    assert "the treasury lacks 15 for all" in result.stdout
    assert "this is done" not in result.stdout
    assert asked() is None


@pytest.mark.usefixtures("supervised")
def test_a_supervisor_is_asked_now() -> None:
    assert "this is done now" in run("rebalance", "--target", "100").stdout


def test_without_a_supervisor_the_next_start_does_it() -> None:
    assert "this is done at the next start" in run("rebalance", "--target", "100.5").stdout
    request = asked()
    assert request is not None
    assert request.bounds == FloatBounds.exactly(Collateral.parse("100.5"))


def test_the_settings_bounds_hold_without_a_target(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("FLOAT_FLOOR", "20"), ("FLOAT_TARGET", "30"), ("FLOAT_CEILING", "160")):
        monkeypatch.setenv(f"REMORA_{name}", value)
    monkeypatch.setenv("REMORA_TREASURY_RESERVE", "15")
    assert rows(run("rebalance", "--dry-run")) == [moves(wallet(2), "top-up", "10")]


def test_a_fleet_that_is_well_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("FLOAT_FLOOR", "10"), ("FLOAT_TARGET", "30"), ("FLOAT_CEILING", "150")):
        monkeypatch.setenv(f"REMORA_{name}", value)
    assert "no float has to move" in run("rebalance", "--dry-run").stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "expected --target, or REMORA_FLOAT_FLOOR"),
        (("--target", "-5"), "expected a floor from 0"),
        (("--target", "much"), "expected a decimal number, found 'much'"),
    ],
)
def test_wrong_input_is_told_and_asks_for_nothing(arguments: tuple[str, ...], says: str) -> None:
    result = run("rebalance", *arguments)
    assert isinstance(result.exception, Malformed)
    assert says in str(result.exception)
    assert asked() is None


def test_before_the_first_run_nothing_is_known() -> None:
    Path("remora.db").unlink()
    result = run("rebalance", "--target", "5")
    assert isinstance(result.exception, Malformed)
    assert "a supervisor has looked at" in str(result.exception)
    assert asked() is None


def test_the_treasury_is_shown_with_the_fleet() -> None:
    assert f"the treasury {HOARD} holds 25 of collateral" in run().stdout
