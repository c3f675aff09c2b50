"""What operators are told of hearing: how well, through whom, how far behind, and what was ignored, by name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from remora.detect.health import Backfill, DetectorHealth
from remora.detect.report import HealthReport
from remora.domain.chain import Log
from remora.domain.contracts import ORDER_FILLED, TRANSFER_SINGLE
from remora.domain.ids import Address
from remora.domain.nodes import EndpointHealth
from tests.fakes.chain import FakeChain
from tests.fakes.clock import SimulatedClock
from tests.fakes.database import Database
from tests.fakes.receipts import TRADES, receipt_of, traded
from tests.worker.listening import Listening

WELL = DetectorHealth(
    head=120,
    cursor=100,
    reorg_depth=10,
    block_time_us=2_000_000,
    head_age_us=1_500_000,
    log_age_us=7_000_000,
    subscriptions=4,
    backfill=Backfill(first=90, last=110, at=100),
    unfinished=2,
    ignored={"spoofed token": 3},
)
NODES = (
    EndpointHealth(
        name="slow", streaming=False, leading=False, height=117, lag_blocks=3, lag_s=6, log_age_s=None, replaced=2
    ),
    EndpointHealth(
        name="fast", streaming=True, leading=True, height=120, lag_blocks=0, lag_s=0, log_age_s=7, replaced=0
    ),
)
CASE = TRADES["c05_buy_vs_3_sells_fees_all"]
STRANGER = Address("0x" + 40 * "5")


def test_the_line_names_endpoint_lag_last_log_subscriptions_backfill_and_what_was_ignored() -> None:
    report = HealthReport(detector=lambda: WELL, nodes=lambda: NODES, clock=SimulatedClock())
    with capture_logs() as said:
        report.look()
    assert said == [
        {
            "event": "hearing",
            "log_level": "info",
            "state": "well",
            "endpoint": "fast",
            "head": 120,
            "head_age_s": 1,
            "cursor": 100,
            "lag_blocks": 10,  # 120 - 10 - 100
            "lag_s": 20,
            "log_age_s": 7,
            "subscriptions": 4,
            "backfill": "block 100 of 90 to 110",
            "unfinished": 2,
            "ignored": {"spoofed token": 3},
            "nodes": [
                "slow: not subscribed, at block 117, 3 blocks (6 s) behind, no log yet, replaced 2 times",
                "fast: subscribed, at block 120, 0 blocks (0 s) behind, last log 7 s ago, replaced 0 times",
            ],
        }
    ]


def test_it_is_said_when_it_changes_and_every_minute() -> None:
    clock, seen = SimulatedClock(), [WELL]
    report = HealthReport(detector=lambda: seen[-1], nodes=lambda: NODES, clock=clock)

    def states() -> list[tuple[str, str]]:
        with capture_logs() as said:
            report.look()
        return [(each["state"], each["log_level"]) for each in said]

    assert states() == [("well", "info")]
    clock.advance(59)
    assert states() == []
    clock.advance(1)
    assert states() == [("well", "info")]
    seen.append(replace(WELL, subscriptions=0))
    assert states() == [("deaf", "warning")]
    clock.advance(30)
    assert states() == []


@pytest.fixture
async def listening(chain: FakeChain, database: Database, clock: SimulatedClock) -> AsyncIterator[Listening]:
    bench = Listening(chain=chain, database=database, clock=clock)
    yield bench
    await bench.stop()


def of(topic: str) -> Log:
    """Return the case's last log of an event: it names the taker."""
    return [log for log in receipt_of(CASE).logs if log.topics[0] == topic][-1]


FILL, TRANSFER = of(ORDER_FILLED), of(TRANSFER_SINGLE)
BAD_INPUT = {
    "malformed log": [FILL._replace(data=FILL.data[:-1])],
    "unknown contract": [TRANSFER, FILL._replace(address=STRANGER)],
    "unknown event": [TRANSFER, FILL._replace(topics=("0x" + 64 * "7", *FILL.topics[1:]))],
    "spoofed token": [TRANSFER, TRANSFER._replace(address=STRANGER, log_index=FILL.log_index)],
}


@pytest.mark.parametrize(("name", "logs"), BAD_INPUT.items())
async def test_bad_input_is_counted_by_name_and_ignored(listening: Listening, name: str, logs: list[Log]) -> None:
    leader = traded(CASE)[-1].wallet
    detector = await listening.start(leaders=frozenset({leader}))
    receipt = replace(receipt_of(CASE), logs=tuple(logs))
    with capture_logs() as said:
        listening.mine(receipt)
        await listening.dealt_with(receipt)
    assert listening.signals == []
    assert detector.health().ignored == {name: 1}
    assert [name in each["reasons"] for each in said if each["event"] == "no_trade"] == [True]
