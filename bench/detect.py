"""How fast a leader's trade becomes a decision: from the log on the socket to the signal decided.

    python -m bench.detect --json

The parts are remora's own from the socket to the decision; node, store and venue are not. README.md says what the
figures mean.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvloop

from bench.blocks import wallets
from bench.deciding import CalmVenue, MemoryStore
from bench.machine import watched
from bench.mempool import mempool_leads
from bench.node import LEADERS, BusyNode, running_node
from bench.spread import spread
from bench.venue import pinned
from remora.adapters.chain.endpoint import Endpoint
from remora.adapters.chain.pool import NodePool
from remora.adapters.chain.reader import NodeReader
from remora.adapters.chain.rpc import RpcClient
from remora.adapters.chain.sender import NodeSender
from remora.adapters.clock import SystemClock
from remora.adapters.telemetry import logs
from remora.detect.identity import RecentlySeen
from remora.detect.watch import Watch
from remora.detect.worker import Detector
from remora.dispatch.books import BookCache
from remora.dispatch.gathering import Gathering, Sources
from remora.dispatch.matching import by_leader
from remora.dispatch.worker import Dispatcher
from remora.domain.contracts import COLLATERAL, CONDITIONAL_TOKENS, POLYGON, POSITION_MANAGER, Ledgers
from remora.domain.ids import Address, PolicyId
from remora.domain.money import Collateral
from remora.domain.policy import Policy, Rulebook, Sizing, SizingMode
from remora.ports import ChainReader, SignalStore
from remora.supervisor.memory import set_aside

_CLEARINGHOUSE = Address("0x" + 40 * "c")
NODE_CORE, DETECTOR_CORE = 0, 1
BLOCKS = {5_000: 12, 200: 60, 1: 100}
"""How many blocks are mined, by how many logs each has at least: a match has a dozen, and is never torn apart.

The largest first: a node that makes them takes longer over it, and would be silent for longer than one learned to wait.
"""

PAUSE_S = 0.1
"""Between blocks, for what is done between blocks on a chain: every fifth is compared with eth_getLogs."""

WARM_UP_BLOCKS = 4
CPU_OVER = 5_000
TARGET_CPU_US_PER_LOG = 60
US = 1_000_000
NS_PER_US, NS_PER_MS = 1_000, 1_000_000
_PATIENCE_S = 60


@dataclass(slots=True, kw_only=True)
class Heard:
    """What was measured over blocks of one size."""

    blocks: int = 0
    logs: int = 0
    notifications: int = 0
    signals: int = 0
    cpu_us: float = 0
    late_ms: list[float] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        """Return the report of it."""
        late = spread(self.late_ms)
        return {
            "blocks": self.blocks,
            "logs": self.logs,
            "leaders_logs": self.notifications,
            "signals": self.signals,
            "p50_ms": late.median,
            "p99_ms": late.p99,
            "most_ms": late.max,
            "cpu_us_per_log": round(self.cpu_us / self.logs, 1),
            "cpu_us_per_leaders_log": round(self.cpu_us / self.notifications, 1),
            "cpu_us_per_signal": round(self.cpu_us / self.signals, 1),
        }


async def detected() -> dict[str, Any]:
    """Hear blocks of each size, one after the other, with the node on one core and all of ours on the other."""
    store = MemoryStore()
    async with running_node(NODE_CORE) as node, _listening(node, store):
        with pinned(DETECTOR_CORE):
            await _heard(node, store, max(BLOCKS), WARM_UP_BLOCKS)
            set_aside()  # as the service does once it has started
            found = {least: await _heard(node, store, least, blocks) for least, blocks in BLOCKS.items()}
    assert store.intents == len(store.decided_ns)
    return {
        "leaders": LEADERS,
        "policies": LEADERS,
        "cpu_us_per_log": found[CPU_OVER]["cpu_us_per_log"],
        "target_cpu_us_per_log": TARGET_CPU_US_PER_LOG,
        "by_logs_per_block": {str(least): figures for least, figures in found.items()},
    }


async def _heard(node: BusyNode, store: MemoryStore, least_logs: int, blocks: int) -> dict[str, Any]:
    heard, cpu_ns = Heard(), time.process_time_ns()
    for _ in range(blocks):
        await _hear(node, store, least_logs, heard)
        await asyncio.sleep(PAUSE_S)
    heard.cpu_us = (time.process_time_ns() - cpu_ns) / NS_PER_US
    return heard.figures()


async def _hear(node: BusyNode, store: MemoryStore, least_logs: int, heard: Heard) -> None:
    """Have a block mined, and wait until every leader's trade in it is decided, with the amounts that it has."""
    told = await node.mine(least_logs)
    async with asyncio.timeout(_PATIENCE_S):
        await store.all_decided(told.sent_ns)
    assert {order: store.traded[order] for order in told.traded} == told.traded
    heard.blocks += 1
    heard.logs += told.logs
    heard.notifications += told.notifications
    heard.signals += len(told.sent_ns)
    heard.late_ms += [(store.decided_ns[order] - sent_ns) / NS_PER_MS for order, sent_ns in told.sent_ns.items()]


@asynccontextmanager
async def _listening(node: BusyNode, store: MemoryStore) -> AsyncIterator[None]:
    """Run the detector and the dispatcher over a node, with a policy for each leader, until the context ends."""
    clock, ledgers = SystemClock(), Ledgers(conditional_tokens=CONDITIONAL_TOKENS, position_manager=POSITION_MANAGER)
    async with RpcClient(node.url) as rpc:
        reader = NodeReader(rpc, collateral=COLLATERAL, ledgers=ledgers)
        endpoint = Endpoint(name=rpc.host, reader=reader, sender=NodeSender(rpc), drop=rpc.drop)
        async with NodePool([endpoint], clock=clock) as chain, asyncio.TaskGroup() as tasks:
            running = tasks.create_task(_detector(chain, store, _dispatcher(chain, store, clock), clock).run())
            await store.started.wait()
            yield
            running.cancel()


def _detector(chain: ChainReader, store: SignalStore, dispatcher: Dispatcher, clock: SystemClock) -> Detector:
    async def on_fill(*_: object) -> None:
        raise AssertionError("expected no fill of ours")

    leaders = frozenset(wallets("leader", LEADERS))
    return Detector(
        chain=chain,
        store=store,
        clock=clock,
        watch=Watch(chain_id=137, known=POLYGON, leaders=leaders, fleet=frozenset()),
        recently=RecentlySeen(60 * US),
        on_signal=dispatcher.dispatch,
        on_fill=on_fill,
    )


def _dispatcher(chain: ChainReader, store: SignalStore, clock: SystemClock) -> Dispatcher:
    leaders, followers = wallets("leader", LEADERS), wallets("follower", LEADERS)
    policies = [
        Policy(
            policy_id=PolicyId(f"policy {number}"),
            leader=leader,
            follower=follower,
            sizing=Sizing(mode=SizingMode.FIXED, amount=Collateral.parse("10")),
        )
        for number, (leader, follower) in enumerate(zip(leaders, followers, strict=True))
    ]
    venue = CalmVenue()
    books = BookCache(venue=venue, live=None, clock=clock, ttl_us=5 * US)
    return Dispatcher(
        policies=by_leader(policies),
        bounds=Rulebook,
        chain=chain,
        venue=venue,
        store=store,
        clock=clock,
        books=books,
        gathering=Gathering(Sources(chain=chain, clearinghouse=_CLEARINGHOUSE, store=store, books=books, clock=clock)),
        halts=dict,
        on_intents=lambda _intents: None,
        followers_per_order=25,
        paper=False,
    )


async def measured() -> dict[str, Any]:
    """Run both measurements, one after the other, and say on what."""
    with watched() as machine:
        figures, leads = await detected(), await mempool_leads()
    return {"bench": "detect", "machine": dataclasses.asdict(machine), **figures, "mempool_lead_ms": leads}


def main() -> None:
    """Measure and print: a summary, or with --json everything."""
    parser = argparse.ArgumentParser(prog="python -m bench.detect", description="Measure how fast trades are detected.")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    as_json = parser.parse_args().json
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        logs.configure("text")  # said as the service says it, to nobody
        report = uvloop.run(measured())
    sys.stdout.write((json.dumps(report, indent=2) if as_json else _summary(report)) + "\n")


def _summary(report: dict[str, Any]) -> str:
    late = "\n".join(
        f"{least} logs per block: log to decision p50 {found['p50_ms']} ms, p99 {found['p99_ms']} ms; "
        f"processor time per log {found['cpu_us_per_log']} us"
        for least, found in report["by_logs_per_block"].items()
    )
    lead = report["mempool_lead_ms"]
    cpu = f"processor time per log: target {TARGET_CPU_US_PER_LOG} us"
    return f"{late}\n{cpu}\nmempool before the block: {lead['p50']} ms ({lead['least']} to {lead['most']})"


if __name__ == "__main__":
    main()
