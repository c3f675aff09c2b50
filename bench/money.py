"""How fast money follows a fill: shared out among 1,000 followers, delivered to them on chain, and at what cost.

    python -m bench.money --json

Allocation is timed alone. Settlement is the whole product, in a process of its own, on a devnet in a third one.
README.md says what the figures mean.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import uvloop
from sqlalchemy import func, select

from bench.machine import watched
from bench.spread import spread
from remora.adapters.store import schema
from remora.devnet.accounts import Role, scripted, scripted_range
from remora.devnet.demo.cast import Cast, Follower
from remora.devnet.demo.performance import Performance
from remora.devnet.demo.script import Act, leaders_of
from remora.devnet.demo.stage import staged
from remora.devnet.rpc import Node
from remora.devnet.supervised import Supervisor
from remora.devnet.traders.crew import quote_once
from remora.devnet.traders.market_maker import Ladder
from remora.devnet.traders.outcome import Outcome
from remora.domain.errors import InvariantBroken
from remora.domain.ids import IntentId
from remora.domain.money import ONE, Collateral, Price, Shares
from remora.domain.order import IntentState, LegState, Part, SettlementStep
from remora.domain.policy import Sizing, SizingMode
from remora.domain.signal import Side
from remora.execute.allocation import allocate
from remora.supervisor.memory import set_aside

FOLLOWERS = 1_000
FLEET_SIZE = 20
ROUNDS = 200
SEED = 4_000
TARGET_ALLOCATE_MS, TARGET_BLOCKS, TARGET_PEAK_MB = 5, 4, 250
_FIRST, _STAKE = Collateral(20 * ONE), Collateral(3 * ONE)
_BOOK = Ladder(shares=Shares(20_000 * ONE))
"""Deep enough for everybody at the best price."""

_NS_PER_MS = 1_000_000
_KB_PER_MB = 1_024
_PATIENCE_S = 180.0


def allocation_ms() -> list[float]:
    """Return the processor time that it took to share out one fill among all followers, each time."""
    names = [follower.wallet for follower in _cast().followers]
    parts = [
        Part(
            intent_id=IntentId(f"0x{number:064x}"),
            follower=wallet,
            budget=Collateral(ONE + number),
            shares=Shares(0),
        )
        for number, wallet in enumerate(names)
    ]
    spent, limit = Collateral(sum(part.budget.units for part in parts)), Price(520_000)
    took = []
    set_aside()  # as the service does once it has started
    for round_ in range(ROUNDS):
        shares = Shares(limit.shares_floor(spent).units + round_)
        began = time.process_time_ns()
        allocate(parts, side=Side.BUY, limit=limit, shares=shares, collateral=spent, fee=Collateral(12_345))
        took.append((time.process_time_ns() - began) / _NS_PER_MS)
    return took


async def settlement() -> dict[str, Any]:
    """Have a leader's purchase copied for all followers; return when which delivery was mined, and what it took."""
    cast = _cast()
    with TemporaryDirectory() as folder:
        async with staged(Path(folder), fleet_size=FLEET_SIZE) as stage:
            await stage.admit(cast)
            await quote_once(stage.endpoints, stage.funding, stage.endpoints.markets[0], _BOOK)
            with closing(Performance(stage=stage, cast=cast)) as performance:
                async with _supervised(performance) as supervisor, leaders_of(cast, stage.endpoints) as leaders:
                    await performance.act(
                        Act(leader=0, market=0, outcome=Outcome.YES, side=Side.BUY, amount=_FIRST), leaders
                    )
                    await performance.settled(patience_s=_PATIENCE_S)
                    _check_all_settled(performance)
                    peak_mb = _peak_mb(supervisor.process.pid)
                return {"peak_mb": peak_mb, **await _figures(performance)}


@asynccontextmanager
async def _supervised(performance: Performance) -> AsyncIterator[Supervisor]:
    """Run a supervisor, from when it listens, and stop it as an operator would."""
    stage, listening = performance.stage, asyncio.Event()
    supervisor = await Supervisor.start(stage.folder, stage.environment())

    async def listen() -> None:
        async for event in supervisor.events():
            if event["event"] == "listening":
                listening.set()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(listen())
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await listening.wait()
            yield supervisor
        finally:
            await supervisor.stop()


async def _figures(performance: Performance) -> dict[str, Any]:
    """Read from database and chain in which blocks orders filled and their legs settled."""
    leg, a, f, t = schema.legs.c, schema.allocations.c, schema.fills.c, schema.transactions.c
    settled = (leg.state == LegState.SETTLED) & (leg.step == SettlementStep.DELIVER)
    delivered = select(leg.tx_hash, a.order_hash).join(schema.allocations, a.intent_id == leg.intent_id).where(settled)
    filled = select(f.order_hash, func.max(f.block_number).label("block")).group_by(f.order_hash)
    gas = select(func.sum(t.gas_used), func.sum(t.attempt)).where(t.purpose == SettlementStep.DELIVER)
    with performance.database() as connection:
        legs = connection.execute(delivered).all()
        fills = {row.order_hash: int(row.block) for row in connection.execute(filled)}
        gas_used, replaced = (int(figure) for figure in connection.execute(gas).one())
    blocks = await _blocks(performance.stage.node, sorted({row.tx_hash for row in legs}))
    return {
        "legs": len(legs),
        "transactions": len(blocks),
        "replaced": replaced,
        "gas_per_leg": -(-gas_used // len(legs)),
        "most_legs_in_one_block": max(Counter(blocks[row.tx_hash] for row in legs).values()),
        "blocks_from_own_fill": dataclasses.asdict(spread(blocks[row.tx_hash] - fills[row.order_hash] for row in legs)),
        "blocks_from_last_fill": max(blocks.values()) - max(fills.values()),
        "blocks_from_first_fill": max(blocks.values()) - min(fills.values()),
    }


def _check_all_settled(performance: Performance) -> None:
    found = performance.read()
    if found.intents != {IntentState.SETTLED: FOLLOWERS}:
        raise InvariantBroken(f"expected {FOLLOWERS} copies, all settled, found {found}")


async def _blocks(node: Node, hashes: Sequence[str]) -> dict[str, int]:
    receipts = [await node.call("eth_getTransactionReceipt", tx_hash) for tx_hash in hashes]
    return {tx_hash: int(receipt["blockNumber"], 16) for tx_hash, receipt in zip(hashes, receipts, strict=True)}


def _peak_mb(pid: int) -> int | None:
    """Return the most memory that a process has held so far; None where the system does not tell."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return None
    (peak_kb,) = (line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(peak_kb) // _KB_PER_MB


def _cast() -> Cast:
    leader = scripted(Role.LEADER, seed=SEED)
    followers = tuple(
        Follower(
            account=account,
            name=f"follower {number}",
            collateral=Collateral(100 * ONE),
            leader=leader,
            sizing=Sizing(mode=SizingMode.FIXED, amount=_STAKE),
        )
        for number, account in enumerate(scripted_range(Role.FOLLOWER, FOLLOWERS, seed=SEED))
    )
    return Cast(leaders=(leader,), followers=followers)


async def measured() -> dict[str, Any]:
    """Measure both, one after the other, and say on what."""
    with watched() as machine:
        allocated, settled = spread(allocation_ms()), await settlement()
    return {
        "bench": "money",
        "machine": dataclasses.asdict(machine),
        "allocate_ms_1000": allocated.median,
        "blocks_to_settle_1000": settled["blocks_from_own_fill"]["max"],
        "gas_per_leg": settled["gas_per_leg"],
        "peak_mb": settled["peak_mb"],
        "allocated_ms": dataclasses.asdict(allocated),
        "settled": settled,
        "targets": {
            "allocate_ms_1000": TARGET_ALLOCATE_MS,
            "blocks_to_settle_1000": TARGET_BLOCKS,
            "peak_mb": TARGET_PEAK_MB,
        },
    }


def main() -> None:
    """Measure and print: a summary, or with --json everything."""
    parser = argparse.ArgumentParser(prog="python -m bench.money", description="Measure how fast money follows a fill.")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    as_json = parser.parse_args().json
    report = uvloop.run(measured())
    sys.stdout.write((json.dumps(report, indent=2) if as_json else _summary(report)) + "\n")


def _summary(report: dict[str, Any]) -> str:
    targets = report["targets"]
    lines = [f"{name}: {report[name]}; target {target}" for name, target in targets.items()]
    return "\n".join([*lines, f"gas_per_leg: {report['gas_per_leg']}"])


if __name__ == "__main__":
    main()
