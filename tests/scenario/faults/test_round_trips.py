"""An entry and an exit, each under a fault that delays, hides or repeats something: both are copied once."""

from __future__ import annotations

import asyncio

import pytest
from _pytest.mark import ParameterSet

from tests.scenario.faults.sabotage import Sabotage
from tests.scenario.rehearsal import Rehearsal
from tests.scenario.theatre import LongRun

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(240)]


def at_wallet(fault: str, name: str, **more: object) -> ParameterSet:
    """Return a fault that strikes what the only wallet sends next, or what becomes of it."""
    return pytest.param(fault, {"count": 1, **more}, id=name)


def at_order(fault: str, name: str, **more: object) -> ParameterSet:
    """Return a fault that strikes the only wallet's next order."""
    return at_wallet(fault, name, endpoint="POST /order", **more)


def at_all(fault: str, name: str, **more: object) -> ParameterSet:
    """Return a fault that strikes whoever asks or listens."""
    return pytest.param(fault, {"wallet": None, **more}, id=name)


def at_books(fault: str, name: str, **more: object) -> ParameterSet:
    """Return a fault of the channel that tells of books."""
    return at_all(fault, name, endpoint="/ws/market", **more)


def at_node(fault: str, name: str, **more: object) -> ParameterSet:
    """Return a fault of the only node."""
    return at_all(fault, name, node=1, **more)


ORDERS = [
    at_order("drop-before", "connection-lost-before-acceptance"),
    at_order("drop-after", "connection-lost-after-acceptance"),
    at_order("timeout-after", "time-out-after-acceptance", hold_s=2),
    at_order("error-before", "500-before-acceptance"),
    at_order("error-after", "500-after-acceptance"),
    at_order("null-hashes", "null-hashes"),
    at_order("restarting", "425-storm", count=3),
    at_order("rate-limited", "429-storm", count=3),
    at_order("cancel-only", "503-storm", count=2),
    at_order("post-only", "503-post-only"),
    at_wallet("refuse-orders", "match-stalls", reason="stalled"),
]
TRADES = [
    at_wallet("delayed-match", "delayed-match", seconds=1),
    at_wallet("retried-trade", "retried-trade", seconds=2),
]
BOOKS = [
    at_all("stale-book", "stale-book"),
    at_books("stream-duplicate", "channel-repeats-itself"),
    at_books("stream-disorder", "channel-mixes-up"),
    at_books("stream-silence", "channel-is-silent"),
    at_books("stream-silence", "channel-is-silent-even-to-pings", answers_pings=False),
    at_books("stream-close", "channel-closes"),
]
NODES = [
    at_node("node-silence", "logs-are-silent", endpoint="logs"),
    at_node("node-silence", "heads-are-silent-for-a-while", endpoint="newHeads", duration_s=2),
    at_node("lagging-head", "head-lags", blocks=5),
    at_node("null-receipt", "receipts-are-null-for-a-while", duration_s=2),
    at_node("node-close", "closed-at-heads", endpoint="newHeads", count=1),
    at_node("node-close", "closed-at-logs", endpoint="logs", count=1),
    at_node("node-close", "closed-at-broadcast", endpoint="eth_sendRawTransaction", count=1),
    at_node("node-close", "closed-at-receipt", endpoint="eth_getTransactionReceipt", count=1),
]
TRANSACTIONS = [
    at_wallet("nonce-error", "nonce-too-low", message="nonce too low"),
    at_wallet("nonce-error", "nonce-too-high", message="nonce too high"),
    at_wallet("nonce-error", "already-known", message="already known"),
    at_wallet("dropped-transaction", "dropped"),
    at_wallet("stuck-transaction", "stuck"),
]


@pytest.mark.parametrize(("fault", "parameters"), [*ORDERS, *TRADES, *BOOKS, *NODES, *TRANSACTIONS])
async def test_an_entry_and_an_exit_are_copied_once(
    run: LongRun, sabotage: Sabotage, fault: str, parameters: dict[str, object]
) -> None:
    async with run.scene() as rehearsal:
        (operator,) = rehearsal.performance.stage.fleet
        for trade in (rehearsal.buy, rehearsal.sell):
            if parameters.get("endpoint") == "/ws/market":
                await channel_is_back(rehearsal)
            await sabotage.inject(fault, **{"wallet": operator, **parameters})
            await trade()
            await rehearsal.settled()
            assert await sabotage.is_spent()
            assert await sabotage.has_struck()
            await sabotage.end()
        assert await rehearsal.wrong() == []


async def channel_is_back(rehearsal: Rehearsal) -> None:
    """Let a channel that the fault before this took away be subscribed again: nothing else can be struck."""
    for lost in rehearsal.life.told("market_feed_lost")[-1:]:
        await asyncio.sleep(lost["again_in_s"] + 1)
