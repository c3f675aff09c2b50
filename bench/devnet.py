"""How fast the devnet is: orders that its order book accepts, with every signature checked, and matches it settles.

    python -m bench.devnet --json

README.md says what the figures mean.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import sys
import time
from typing import Any

import uvloop

from bench.machine import watched
from bench.spread import spread
from bench.traders import CONNECTIONS, Floor, trading_floor
from bench.venue import Venue, pinned, running_venue
from remora.adapters.venue.wire import Request
from remora.domain.order import OrderKind
from remora.domain.signal import Side

SERVER_CORE, CLIENT_CORE = 0, 1
WARM_UP_ORDERS = 200
ORDERS_PER_ROUND, ROUNDS = 500, 8
MATCHES, SETTLEMENTS = 1_000, 3
MAKER_CENTS = 52
TARGET_ORDERS_PER_S = 500
TARGET_SETTLED_S = 5.0


async def accepted_orders() -> dict[str, Any]:
    """Place orders that rest, round after round, with the server on one core and the client on the other."""
    rates, server_rates, took_ms = list[float](), list[float](), list[float]()
    async with running_venue(core=SERVER_CORE) as venue, trading_floor(venue.endpoints) as floor:
        with pinned(CLIENT_CORE):
            await floor.place(_resting(floor, WARM_UP_ORDERS))
            for _ in range(ROUNDS):
                requests = _resting(floor, ORDERS_PER_ROUND)
                cpu_s, began = await venue.cpu_s(), time.perf_counter()
                took_ms += await floor.place(requests)
                rates.append(ORDERS_PER_ROUND / (time.perf_counter() - began))
                server_rates.append(ORDERS_PER_ROUND / (await venue.cpu_s() - cpu_s))
    return {
        "orders": ORDERS_PER_ROUND * ROUNDS,
        "connections": CONNECTIONS,
        "orders_per_s": dataclasses.asdict(spread(rates)),
        "orders_per_server_cpu_s": dataclasses.asdict(spread(server_rates)),
        "answer_ms": dataclasses.asdict(spread(took_ms)),
        "target_orders_per_s": TARGET_ORDERS_PER_S,
    }


async def settled_matches() -> dict[str, Any]:
    """Match 1000 orders with 1000 others, and wait until the chain has confirmed every trade."""
    async with running_venue(core=None) as venue, trading_floor(venue.endpoints) as floor:
        runs = [await _settled(venue, floor) for _ in range(SETTLEMENTS)]
    return {
        "matches": MATCHES,
        "block_time_s": venue.endpoints.block_time_s,
        "matched_s": dataclasses.asdict(spread(matched for matched, _, _ in runs)),
        "settled_s": dataclasses.asdict(spread(settled for _, settled, _ in runs)),
        "server_cpu_s": dataclasses.asdict(spread(cpu for _, _, cpu in runs)),
        "target_settled_s": TARGET_SETTLED_S,
    }


async def _settled(venue: Venue, floor: Floor) -> tuple[float, float, float]:
    """Return the seconds until all orders were matched and until all trades were confirmed, and the server's own."""
    maker, taker = floor.traders[:2]
    market = floor.endpoints.markets[0]
    await floor.place([maker.order(market, Side.SELL, MAKER_CENTS, OrderKind.GTC) for _ in range(MATCHES)])
    taking = [taker.order(market, Side.BUY, MAKER_CENTS, OrderKind.FAK) for _ in range(MATCHES)]
    subscribed = asyncio.Event()
    confirmed = asyncio.create_task(floor.until_confirmed(taker, MATCHES, subscribed))
    await subscribed.wait()
    cpu_s, began = await venue.cpu_s(), time.perf_counter()
    await floor.place(taking)
    matched_s = time.perf_counter() - began
    await confirmed
    return matched_s, time.perf_counter() - began, await venue.cpu_s() - cpu_s


def _resting(floor: Floor, count: int) -> list[Request]:
    """Return orders of all traders in turn, bids from 40 to 49 cents and asks from 51 to 60."""
    market, traders = floor.endpoints.markets[0], floor.traders
    sides = ((Side.BUY, 40), (Side.SELL, 51))
    return [
        traders[number % len(traders)].order(market, side, cheapest + number % 10, OrderKind.GTC)
        for number in range(count)
        for side, cheapest in (sides[number // len(traders) % 2],)
    ]


async def measured() -> dict[str, Any]:
    """Run both measurements, one after the other, and say on what."""
    with watched() as machine:
        accepted, settled = await accepted_orders(), await settled_matches()
    return {"bench": "devnet", "machine": dataclasses.asdict(machine), "accepted": accepted, "settled": settled}


def main() -> None:
    """Measure and print: a summary, or with --json everything."""
    parser = argparse.ArgumentParser(prog="python -m bench.devnet", description="Measure the devnet's speed.")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    as_json = parser.parse_args().json
    report = uvloop.run(measured())
    sys.stdout.write((json.dumps(report, indent=2) if as_json else _summary(report)) + "\n")


def _summary(report: dict[str, Any]) -> str:
    accepted, settled = report["accepted"], report["settled"]
    own = accepted["orders_per_server_cpu_s"]["median"]
    rates = f"orders accepted per second: {_shown(accepted['orders_per_s'])}; target {TARGET_ORDERS_PER_S}"
    seconds = f"seconds until {MATCHES} matches are confirmed on chain: {_shown(settled['settled_s'])}"
    return f"{rates}\n(per second of the server's processor time: {own:.0f})\n{seconds}; target {TARGET_SETTLED_S}"


def _shown(figures: dict[str, float]) -> str:
    return f"{figures['median']:.1f} ({figures['min']:.1f} to {figures['max']:.1f})"


if __name__ == "__main__":
    main()
