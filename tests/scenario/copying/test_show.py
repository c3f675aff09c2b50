"""The demo from the first line to the verdict, with twelve followers."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from remora.devnet.demo.screen import Screen
from remora.devnet.demo.show import Wishes, play
from tests.scenario.theatre import Theatre

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_report_says_that_all_was_copied(theatre: Theatre) -> None:
    shown = io.StringIO()
    wishes = Wishes(once=True, followers=12, trades=6, seed=12)
    report, wrong = await play(
        wishes, lambda names: Screen(Console(file=shown, width=200), names), theatre.stage(fleet_size=4)
    )
    assert wrong == []
    assert report["signals"] == 6
    # Dan never pays above 0.40, and cleo may not enter again while she owes.
    assert report["denials"] == {"IN_DEBT": 1, "MAX_ODDS": 1}
    # By trade, the followers of its leader without those two: 4 + 5 + 2 + 5 + 3 + 4.
    assert report["intents"] == report["settled"] == 23
    assert report["orders"] == report["fills"] == 6
    assert report["debts"] == {"opened": 1, "recovered": 1, "outstanding": 0}
    assert report["fleet"] == {"size": 4, "ready": 4}
    assert report["books_balanced"] is True
    assert set(report["gas_per_leg"]) == {"deliver", "collect", "remit"}
    assert len(report["followers"]) == 12
    assert set(report["latency_ms"]) == {
        "heard_to_stored",
        "heard_to_sent",
        "sent_to_acknowledged",
        "acknowledged_to_filled",
        "filled_to_settled",
    }
    assert all(p["p50"] <= p["p95"] <= p["p99"] for p in report["latency_ms"].values())
    for sentence in ("refueled", "cleo, underfunded owes", "recovered", "equal the chain to the base unit"):
        assert sentence in shown.getvalue()
