"""How long a decision takes: one leader's trade, and thousands of policies with rules of every kind.

    python -m bench.decide --json

Facts are at hand and nothing is stored: what is timed is the pure part alone. README.md says what the figures mean.
"""

from __future__ import annotations

import argparse
import dataclasses
import gc
import json
import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

from bench.blocks import wallets
from bench.machine import watched
from remora.dispatch.decide import decide
from remora.dispatch.facts import Facts
from remora.domain.ids import Address, ConditionId, OrderHash, SignalId, TokenId, TxHash
from remora.domain.market import Book, Level, Listing, MarketInfo
from remora.domain.money import Collateral, Price, Shares
from remora.domain.order import Decision
from remora.domain.policy import Policy
from remora.domain.signal import Role, Side, Signal
from remora.settings.policies.reader import read_rulebook

SIZES = (1_000, 10_000)
ROUNDS = 15
TARGET_MS = {1_000: 20, 10_000: 200}
NS_PER_MS = 1_000_000
NOW_US = 1_800_000_000_000_000
LEADER = Address("0x" + 40 * "a")
TOKEN, OTHER = TokenId(7), TokenId(8)

RULES = (
    "sizing: {mode: fixed, amount: 10}, filters: {max_odds: '0.85'}",
    "sizing: {multiplier: '0.1', minimum: 1, maximum: 50}, filters: {min_odds: '0.05', max_spread: '0.03'}",
    "sizing: {mode: proportional}, filters: {depth: 2, min_liquidity: 1000, categories: {refuse: [sports]}}",
    "sizing: {mode: tiers, tiers: [{above: 0, multiplier: '0.1'}, {above: 500, multiplier: '0.02'}]}",
    "sizing: {multiplier: '0.001', accumulate: true}, filters: {keywords: {refuse: [tweet]}, tags: {allow: [fed]}}",
    "sizing: {multiplier: '0.2'}, filters: {opposite: net, max_days_to_resolution: 90, neg_risk: never}",
    "filters: {max_odds: '0.4'}",
    "filters: {outcomes: {allow: [no]}}, exits: {mode: all}",
)
"""Six that copy, one by keeping what is too small, and two that deny."""


def policies(count: int) -> tuple[Policy, ...]:
    """Return policies of as many followers, as a policy file gives them."""
    rows = (
        f'  - {{follower: "{follower}", leader: "{LEADER}", {RULES[number % len(RULES)]}}}'
        for number, follower in enumerate(wallets("follower", count))
    )
    return read_rulebook("policies:\n" + "\n".join(rows), "bench").policies


def trade(side: Side) -> Signal:
    """Return a leader's trade of 200 shares for 104."""
    return Signal(
        signal_id=SignalId("0x" + 64 * "1"),
        chain_id=137,
        exchange=Address("0x" + 40 * "e"),
        order_hash=OrderHash("0x" + 64 * "2"),
        tx_hash=TxHash("0x" + 64 * "3"),
        leader=LEADER,
        role=Role.TAKER,
        side=side,
        token_id=TOKEN,
        shares=Shares.parse("200"),
        collateral=Collateral.parse("104"),
        fee=Collateral(0),
        block_number=1,
        log_index=1,
        heard_us=NOW_US,
        block_us=NOW_US,
        held_before=Shares.parse("800") if side is Side.SELL else None,
    )


def facts(rules: Sequence[Policy]) -> Facts:
    """Return everything that there is to know about the market and the followers."""
    asks = tuple(Level(price=Price(520_000 + 10_000 * step), shares=Shares.parse("100000")) for step in range(40))
    return Facts(
        now_us=NOW_US + 1_000_000,
        market=MarketInfo(
            condition_id=ConditionId("0x" + 64 * "c"),
            token_id=TOKEN,
            tick=Price(10_000),
            min_order_size=Shares.parse("5"),
            neg_risk=False,
            fee_rate_units=0,
        ),
        listing=Listing(
            question="Will the rate be cut in December?",
            outcome="Yes",
            slug="rate-cut-december",
            event_slug="rate-cuts",
            category="politics",
            tags=frozenset({"economy", "fed"}),
            liquidity=Collateral.parse("50000"),
            volume_24h=Collateral.parse("20000"),
            ends_us=NOW_US + 10 * 86_400_000_000,
            opposite=OTHER,
        ),
        book=Book(bids=(Level(price=Price(510_000), shares=Shares.parse("100000")),), asks=asks, as_of_us=NOW_US),
        equity={LEADER: Collateral.parse("50000")} | {each.follower: Collateral.parse("2000") for each in rules},
        opposite={each.follower: Shares.parse("5") for each in rules[::16]},
        followers_per_order=25,
        lots={each.policy_id: Shares.parse("20") for each in rules},
        balances={each.follower: Shares.parse("20") for each in rules},
    )


def timed(work: Callable[[], Decision]) -> tuple[float, float]:
    """Return the median milliseconds of some rounds, by the clock and of processor time."""
    by_clock, by_processor = [], []
    for _ in range(ROUNDS):
        gc.collect()
        clock_ns, processor_ns = time.perf_counter_ns(), time.process_time_ns()
        work()
        by_processor.append((time.process_time_ns() - processor_ns) / NS_PER_MS)
        by_clock.append((time.perf_counter_ns() - clock_ns) / NS_PER_MS)
    return round(median(by_clock), 2), round(median(by_processor), 2)


def unlike(rules: Sequence[Policy]) -> tuple[Policy, ...]:
    """Return the policies with filters that no two have in common."""
    return tuple(
        dataclasses.replace(each, filters=dataclasses.replace(each.filters, max_signal_age_s=15 + number))
        for number, each in enumerate(rules)
    )


def decided(count: int) -> dict[str, float]:
    """Time an entry and an exit for so many policies, and an entry for as many that are all unlike each other."""
    rules = policies(count)
    known, entry, leaving, various = facts(rules), trade(Side.BUY), trade(Side.SELL), unlike(rules)
    assert 0 < len(decide(entry, rules, known).intents) < count
    assert len(decide(leaving, rules, known).intents) == count
    ms, cpu_ms = timed(lambda: decide(entry, rules, known))
    unlike_ms, unlike_cpu_ms = timed(lambda: decide(entry, various, known))
    exit_ms, exit_cpu_ms = timed(lambda: decide(leaving, rules, known))
    return {
        f"ms_{count}": ms,
        f"cpu_ms_{count}": cpu_ms,
        f"unlike_ms_{count}": unlike_ms,
        f"unlike_cpu_ms_{count}": unlike_cpu_ms,
        f"exit_ms_{count}": exit_ms,
        f"exit_cpu_ms_{count}": exit_cpu_ms,
        f"target_ms_{count}": TARGET_MS[count],
    }


def bytes_per_policy(count: int = max(SIZES)) -> int:
    """Return the memory that a policy takes beside its wallets' addresses, when it is read from a file."""
    policies(1)  # what is remembered of the declarations
    tracemalloc.start()
    rules = policies(count)
    gc.collect()
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return taken // len(rules)


def measured() -> dict[str, Any]:
    """Run all measurements, one after the other, and say on what."""
    with watched() as machine:
        figures = {name: value for count in SIZES for name, value in decided(count).items()}
    return {
        "bench": "decide",
        "machine": dataclasses.asdict(machine),
        **figures,
        "bytes_per_policy": bytes_per_policy(),
    }


def main() -> None:
    """Measure and print: a summary, or with --json everything."""
    parser = argparse.ArgumentParser(prog="python -m bench.decide", description="Measure how long a decision takes.")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    as_json = parser.parse_args().json
    report = measured()
    sys.stdout.write((json.dumps(report, indent=2) if as_json else _summary(report)) + "\n")


def _summary(report: dict[str, Any]) -> str:
    lines = [
        f"{count} policies: {report[f'ms_{count}']} ms, {report[f'cpu_ms_{count}']} ms of processor time; "
        f"all unlike {report[f'unlike_ms_{count}']} ms, an exit {report[f'exit_ms_{count}']} ms; "
        f"target {TARGET_MS[count]} ms"
        for count in SIZES
    ]
    return "\n".join([*lines, f"memory: {report['bytes_per_policy']} bytes per policy"])


if __name__ == "__main__":
    main()
