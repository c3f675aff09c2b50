"""`remora copies`: what became of every trade of a follower's leaders, executed, denied or failed, and why."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.table import Column, Table

from remora.adapters.clock import SystemClock
from remora.adapters.store.stories import SqliteStories
from remora.adapters.store.writer import Writer
from remora.bootstrap.rules import registry_on
from remora.cli.run import EnvFile
from remora.cli.stored import on_the_database
from remora.cli.story import US, as_row
from remora.cli.tables import print_table
from remora.domain.errors import Malformed
from remora.domain.ids import Address
from remora.domain.signal import SignalState
from remora.domain.stories import Fate, Story
from remora.domain.switches import Scope
from remora.settings.addresses import checked_address

SHOWN = 12
"""How many characters of an id a table shows."""

_SPAN = re.compile(r"(\d{1,6})([smhd])")
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_COLUMNS = ("signal", "leader", "trade", "fate", "shares", "price", "fee", "slip bps", "latency ms", "why")
_TO_THE_SECOND = 19
_SURE = (SignalState.MINED, SignalState.PENDING, SignalState.OWN)


def copies(
    follower: Annotated[str, typer.Option(metavar="0x...", help="Whose copies.")],
    since: Annotated[str, typer.Option(help="30s, 15m, 2h or 7d ago, or a moment as 2026-11-23T10:00 (UTC).")] = "1d",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    env_file: EnvFile = None,
) -> None:
    """Show what became of every trade of a follower's leaders. Exit 2 for who is no follower."""
    wallet, from_us = checked_address(follower), since_us(since, SystemClock().now_us())
    stories = on_the_database(env_file, lambda writer: _told(writer, wallet, from_us))
    rows = [as_row(story) for story in stories]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    print_table(_table(rows), otherwise=f"its leaders did nothing since {since}")
    if rows:
        counts = Counter(str(row["fate"]) for row in rows)
        typer.echo(", ".join(f"{counts[fate]} {fate}" for fate in Fate if counts[fate]))


def since_us(text: str, now_us: int) -> int:
    """Return the moment that is meant, a time ago or an ISO date and time, UTC unless it says otherwise; Malformed."""
    if span := _SPAN.fullmatch(text):
        return now_us - int(span[1]) * _UNIT_S[span[2]] * US
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Malformed(f"--since: expected 30s, 15m, 2h, 7d or 2026-11-23T10:00, found {text!r}") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (moment - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)


async def expect_follower(writer: Writer, follower: Address) -> None:
    """Raise Unknown for whom nothing was ever decided and no policy is in force."""
    if not await SqliteStories(writer).knows(follower):
        await registry_on(writer).expect((Scope.FOLLOWER, follower))


async def _told(writer: Writer, follower: Address, from_us: int) -> list[Story]:
    await expect_follower(writer, follower)
    return await SqliteStories(writer).since(follower, from_us)


def _table(rows: Sequence[dict[str, Any]]) -> Table:
    table = Table(Column("heard", min_width=_TO_THE_SECOND), *_COLUMNS)
    for row in rows:
        table.add_row(
            row["heard"][:_TO_THE_SECOND].replace("T", " "),
            row["signal_id"][:SHOWN],
            row["leader"][:SHOWN],
            _trade(row),
            row["fate"] if row["signal_state"] in _SURE else f"{row['fate']}, {row['signal_state']}",
            row["shares"],
            row["price"] or "",
            row["fee"],
            "" if row["slippage_bps"] is None else str(row["slippage_bps"]),
            "+".join("-" if ms is None else str(ms) for ms in row["latency_ms"].values()),
            row["sentence"] or _cut(row),
        )
    table.caption = "latency: heard + decided + sent + acknowledged + filled + settled"
    return table


def _cut(row: dict[str, Any]) -> str:
    """Tell what left least of a copy, where something did."""
    cuts = row["sized"]["cuts"] if row["sized"] else ()
    return f"cut to {cuts[-1]['left']}: {cuts[-1]['sentence']}" if cuts else ""


def _trade(row: dict[str, Any]) -> str:
    if row["leader_price"] is None:
        return f"{row['kind']} {row['leader_shares']}"
    return f"{row['side']} {row['leader_shares']} @ {row['leader_price']}"
