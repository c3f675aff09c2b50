"""How long the audit's reading of the ledger keeps the store's writer, with a million entries, and what sums cost.

    python -m bench.ledger --json

README.md says what the figures mean.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Connection, Engine, func, select

from bench.machine import watched
from bench.spread import spread
from remora.adapters.store import schema
from remora.adapters.store.books import balances, post, verify
from remora.adapters.store.database import engine_for, migrate
from remora.domain.ids import Address
from remora.domain.ledger import COLLATERAL, Posting, follower_account, operator_account, transfer

ENTRIES = 1_000_000
FOLLOWERS, TOKENS, WALLETS = 1_000, 200, 20
PER_COMMIT = 10_000
ROUNDS = 3
_NS_PER_MS = 1_000_000


def delivery(number: int) -> Posting:
    """Return a posting of four entries: shares to a follower, collateral to an operator wallet."""
    follower = follower_account(Address(f"0x{number % FOLLOWERS:040x}"))
    operator = operator_account(Address(f"0x{number % WALLETS:040x}"))
    token = str(2**255 + number % TOKENS)
    moves = (*transfer(operator, follower, token, 20), *transfer(follower, operator, COLLATERAL, 10))
    return Posting(posting_id=f"leg:{number}", entries=moves)


def fill(engine: Engine, entries: int) -> None:
    """Write so many entries, four to a posting, past the sums, which are then put right: `post` is timed by itself."""
    for start in range(0, entries // 4, PER_COMMIT):
        made = [delivery(number) for number in range(start, min(start + PER_COMMIT, entries // 4))]
        rows = [
            (posting.posting_id, position, entry.account, entry.asset, entry.units)
            for posting in made
            for position, entry in enumerate(posting.entries)
        ]
        with engine.begin() as connection:
            connection.exec_driver_sql("INSERT INTO postings VALUES (?)", [(each.posting_id,) for each in made])
            connection.exec_driver_sql("INSERT INTO entries VALUES (?, ?, ?, ?, ?)", rows)
    with engine.begin() as connection:
        verify(connection)


def added_up(connection: Connection) -> dict[tuple[str, str], int]:
    """Return what `balances` returns, from the entries."""
    e = schema.entries.c
    query = select(e.account, e.asset, func.sum(e.units).label("units")).group_by(e.account, e.asset)
    return {(row.account, row.asset): row.units for row in connection.execute(query) if row.units}


def timed(engine: Engine, work: Callable[[Connection], object]) -> list[float]:
    """Return how long some work on the database took, in milliseconds, each time."""
    taken = []
    for _ in range(ROUNDS):
        with engine.begin() as connection:
            began = time.perf_counter_ns()
            work(connection)
            taken.append((time.perf_counter_ns() - began) / _NS_PER_MS)
    return taken


def measure(path: Path, entries: int) -> dict[str, Any]:
    """Fill a database and read it in both ways."""
    engine = engine_for(path)
    migrate(engine)
    fill(engine, entries)
    numbers = iter(range(entries, entries + ROUNDS))
    figures: dict[str, Callable[[Connection], object]] = {
        "added_up_ms": added_up,
        "sums_ms": balances,
        "verify_ms": verify,
        "post_ms": lambda connection: post(connection, [delivery(next(numbers))]),
    }
    try:
        return {name: asdict(spread(timed(engine, work))) for name, work in figures.items()}
    finally:
        engine.dispose()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print everything")
    parser.add_argument("--entries", type=int, default=ENTRIES)
    options = parser.parse_args()
    with TemporaryDirectory() as folder, watched() as machine:
        report = {"entries": options.entries, **measure(Path(folder) / "bench.db", options.entries)}
    if options.json:
        print(json.dumps({**report, "machine": asdict(machine)}, indent=2))  # noqa: T201  its output
        return
    for name, value in report.items():
        print(name, value if isinstance(value, int) else value["median"])  # noqa: T201  its output


if __name__ == "__main__":
    main()
