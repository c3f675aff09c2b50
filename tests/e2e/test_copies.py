"""`remora copies` as it is typed, on a database in which trades were copied, denied, failed and are owed for."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from remora.adapters.clock import SystemClock
from remora.cli.copies import since_us
from remora.cli.main import app
from remora.cli.story import at
from remora.domain.errors import Malformed
from remora.domain.order import IntentState, OrderState
from remora.domain.signal import Side
from tests.contract.store import samples
from tests.contract.store.implementations import sqlite_stores
from tests.contract.store.journey import Journey

ANN, BOB, CLEO = (samples.follower(name) for name in ("ann", "bob", "cleo"))
LONG_AGO = "2020-01-01"


async def _trade(folder: Path) -> None:
    with sqlite_stores(folder) as stores:
        journey = Journey(stores)
        bought = await journey.decide("ann", "bob")
        legs = await journey.fill(bought)  # 20 shares for 9 each: 0.45 where the leader paid 0.5
        await journey.mine(legs, [samples.settled(legs[0]), samples.unpaid(legs[1])])
        sold = await journey.decide("ann", side=Side.SELL)
        await journey.collect(sold)
        await journey.mine(legs := await journey.fill(sold), [samples.settled(leg) for leg in legs])
        denied = samples.signal(7)
        await stores.signals.record_decision(
            denied, [], [samples.denial(denied, "ann")], stored_us=samples.NOW_US, state=IntentState.PENDING
        )
        failing = await journey.decide("ann")
        order = await journey.order(failing)
        await stores.orders.finish_order(
            order.order_hash,
            state=OrderState.REJECTED,
            allocations=[],
            failures={failing[0].intent_id: samples.NOTHING_FILLED},
            legs=[],
            postings=[],
        )
        await journey.decide("bob")


@pytest.fixture(autouse=True)
def _database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REMORA_DATABASE", str(tmp_path / "remora.db"))
    asyncio.run(_trade(tmp_path))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["copies", *arguments])


def listed(follower: str = ANN, since: str = LONG_AGO) -> list[dict[str, Any]]:
    result = run("--follower", follower, "--since", since, "--json")
    assert result.exit_code == 0, result.exception
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def of(fate: str, follower: str = ANN) -> list[dict[str, Any]]:
    return [row for row in listed(follower) if row["fate"] == fate]


def test_every_trade_of_the_leaders_has_an_outcome() -> None:
    assert Counter(row["fate"] for row in listed()) == {"executed": 2, "denied": 1, "failed": 1, "undecided": 1}
    assert Counter(row["fate"] for row in listed(BOB)) == {"owed": 1, "pending": 1, "undecided": 3}


def test_what_was_executed_says_at_which_price_and_how_fast() -> None:
    bought, sold = of("executed")
    assert (bought["side"], bought["shares"], bought["collateral"], bought["price"]) == ("BUY", "20", "9", "0.45")
    # 0.45 instead of 0.5 is 10 % better for who buys, and 10 % worse for who sells.
    assert (bought["leader_price"], bought["slippage_bps"], sold["slippage_bps"]) == ("0.5", -1000, 1000)
    # Mined 400 ms before it was heard; the order left 1 us after the signal was stored.
    assert bought["latency_ms"]["heard"] == 400
    assert (bought["latency_ms"]["decided"], bought["latency_ms"]["sent"]) == (0, 0)
    assert bought["reason"] is None


def test_what_was_denied_or_failed_says_why() -> None:
    (denied,), (failed,) = of("denied"), of("failed")
    assert denied["sentence"] == "MAX_ODDS: price 0.92 is above the policy's 0.85"
    assert denied["facts"] == {"price": "0.92", "max_odds": "0.85"}
    assert failed["sentence"] == "NOT_FILLED: nobody in the book would trade at 0.52 or better"
    assert (failed["shares"], failed["price"]) == ("0", None)


def test_the_table_says_the_same() -> None:
    said = run("--follower", ANN, "--since", LONG_AGO).stdout
    assert "MAX_ODDS: price 0.92 is above the policy's 0.85" in said
    assert said.splitlines()[-1] == "2 executed, 1 denied, 1 failed, 1 undecided"
    assert "BUY 20 @ 0.5" in said


def test_a_narrow_terminal_shows_the_whole_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes it for a terminal
    said = run("--follower", ANN, "--since", LONG_AGO).stdout
    for each in listed(since=LONG_AGO):
        assert each["heard"][:19].replace("T", " ") in said


def test_only_what_was_heard_since_is_shown() -> None:
    assert len(listed(since=at(samples.NOW_US))) == 5
    assert listed(since=at(samples.NOW_US + 1_000)) == []
    said = run("--follower", ANN, "--since", at(samples.NOW_US + 1_000)).stdout
    assert "its leaders did nothing since" in said


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("30s", 100_000_000 - 30_000_000),
        ("1m", 40_000_000),
        ("1970-01-01T00:00:10", 10_000_000),
        ("1970-01-01T00:00:10Z", 10_000_000),
        ("1970-01-01T01:00:10+01:00", 10_000_000),
    ],
)
def test_times_are_read(text: str, us: int) -> None:
    assert since_us(text, now_us=100_000_000) == us


@pytest.mark.parametrize("text", ["", "yesterday", "5", "m", "-5m", "1y", "2026-13-01"])
def test_no_time_is_told(text: str) -> None:
    with pytest.raises(Malformed, match="--since: expected 30s, 15m, 2h, 7d or"):
        since_us(text, now_us=SystemClock().now_us())


@pytest.mark.parametrize(
    ("follower", "says"),
    [
        (CLEO, "expected the follower of a policy"),
        ("ann", "expected an address of 0x and 40 hex digits, found 'ann'"),
    ],
)
def test_an_unknown_follower_is_refused(follower: str, says: str) -> None:
    result = run("--follower", follower)
    assert isinstance(result.exception, Malformed)
    assert says in str(result.exception)
