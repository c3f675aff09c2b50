"""`remora reconcile`: does every wallet have what the books say? If not, why; and accepting what a person explained.

Exit codes: 0 when all is as booked or explained, 1 when somebody must look, 2 for wrong input.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.table import Table

from remora.bootstrap.audit import auditing
from remora.bootstrap.keys import unlocked
from remora.cli.run import EnvFile
from remora.cli.secrets import PassphraseFd, asking
from remora.cli.tables import print_table
from remora.domain.audit import Difference, Suspension
from remora.domain.errors import Malformed
from remora.domain.ids import Address
from remora.settings.addresses import checked_address
from remora.settings.environment import Settings, load


def reconcile(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    accept: Annotated[str, typer.Option(help="Book this wallet's differences, and copy with it again.")] = "",
    reason: Annotated[str, typer.Option(help="Why they are accepted; it is stored with the adjustment.")] = "",
    passphrase_fd: PassphraseFd = None,
    env_file: EnvFile = None,
) -> None:
    """Compare ledger, venue and chain for every wallet, and explain each difference."""
    if bool(accept) != bool(reason.strip()):
        raise Malformed("expected --accept with a wallet and --reason with why, found one without the other")
    wallet = checked_address(accept) if accept else None
    settings = unlocked(load(Settings, env_file), asking("passphrase", passphrase_fd))
    if wallet:
        found = asyncio.run(_accepted(settings, wallet, reason.strip()))
        for row in found:
            typer.echo(f"accepted {row.sentence()}")
        typer.echo(f"{wallet} is as booked, and suspended no more")
        return
    rows, suspensions = asyncio.run(_audited(settings))
    if as_json:
        typer.echo(json.dumps(_document(rows, suspensions), indent=2))
    else:
        _print(rows, suspensions)
    if suspensions or not all(row.cause.is_explained for row in rows):
        raise typer.Exit(1)


async def _audited(settings: Settings) -> tuple[Sequence[Difference], Sequence[Suspension]]:
    async with auditing(settings) as found:
        return await found.auditor.audit(), await found.suspensions()


async def _accepted(settings: Settings, wallet: Address, why: str) -> Sequence[Difference]:
    async with auditing(settings) as found:
        return await found.auditor.accept(wallet, why)


def _document(rows: Sequence[Difference], suspensions: Sequence[Suspension]) -> dict[str, Any]:
    return {
        "differences": [
            {
                "wallet": row.wallet,
                "asset": row.asset,
                "booked": str(row.booked),
                "found": str(row.found),
                "difference": str(row.found - row.booked),
                "cause": row.cause,
                "detail": row.detail,
                "explained": row.cause.is_explained,
            }
            for row in rows
        ],
        "suspended": [{"wallet": each.wallet, "why": each.why, "since_us": each.since_us} for each in suspensions],
    }


def _print(rows: Sequence[Difference], suspensions: Sequence[Suspension]) -> None:
    table = Table("wallet", "asset", "booked", "found", "difference", "because")
    for row in rows:
        because = f"{row.cause}: {row.detail}" if row.detail else str(row.cause)
        figures = (str(row.booked), str(row.found), str(row.found - row.booked))
        table.add_row(row.wallet, row.asset, *figures, because)
    print_table(table, otherwise="every wallet is as booked, to the base unit")
    for each in suspensions:
        typer.echo(f"suspended: {each.wallet}: {each.why}; remora reconcile --accept {each.wallet} --reason WHY")
