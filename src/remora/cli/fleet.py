"""`remora fleet`: how wallets and treasury stand, retiring a wallet, taking it back, and the fleet's size.

It reads what the supervisor stored last, so it needs neither keys nor a node; a supervisor hears of changes at once.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.table import Table

from remora.adapters.clock import SystemClock
from remora.adapters.store.fleet import SqliteFleetStore
from remora.cli.rebalance import rebalance
from remora.cli.run import EnvFile
from remora.cli.stored import on_the_database, supervisor_runs
from remora.cli.tables import print_table
from remora.domain.errors import Malformed
from remora.domain.fleet import WalletStanding
from remora.domain.floats import TreasuryStanding
from remora.domain.ids import Address
from remora.settings.addresses import checked_address
from remora.settings.environment import MOST_WALLETS

US = 1_000_000

app = typer.Typer(help="See, retire, return and resize the operator wallets, and spread their float.")
app.command()(rebalance)

Which = Annotated[str, typer.Argument(metavar="INDEX|ADDRESS", help="A wallet of the fleet.")]


@app.callback(invoke_without_command=True)
def show(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    env_file: EnvFile = None,
) -> None:
    """Show every operator wallet as the supervisor saw it last."""
    if context.invoked_subcommand is not None:
        return
    found, treasury = on_the_database(env_file, lambda writer: _seen(SqliteFleetStore(writer)))
    documents = [_document(standing, SystemClock().now_us() - seen_us) for standing, seen_us in found]
    if as_json:
        typer.echo(json.dumps(documents, indent=2))
        return
    columns = ("index", "address", "state", "float", "promised", "native", "nonce", "missing_approvals")
    table = Table(*(column.removesuffix("_approvals") for column in columns))
    for each in documents:
        table.add_row(*("?" if each[column] is None else str(each[column]) for column in columns))
    print_table(table, otherwise="no wallet is known before the supervisor has run once")
    for each in documents:
        if each["why"]:
            typer.echo(f"{each['index']} is {each['state']}: {each['why']}")
    if treasury:
        typer.echo(f"the treasury {treasury.wallet} holds {treasury.balance} of collateral")
    if documents and not supervisor_runs(env_file):
        typer.echo(f"no supervisor runs; this was {documents[0]['seen_s_ago']} s ago")


@app.command()
def retire(which: Which, env_file: EnvFile = None) -> None:
    """Let a wallet finish what it has, and give it nothing new."""
    typer.echo(_retired(which, env_file, retired=True))


@app.command("return")
def take_back(which: Which, env_file: EnvFile = None) -> None:
    """Take a retired wallet back."""
    typer.echo(_retired(which, env_file, retired=False))


@app.command()
def resize(
    size: Annotated[int, typer.Argument(metavar="N", help="How many wallets the fleet shall have.")],
    env_file: EnvFile = None,
) -> None:
    """Make the fleet larger, or smaller: those with the highest indexes are then as retired."""
    if not 1 <= size <= MOST_WALLETS:
        raise Malformed(f"expected a size from 1 to {MOST_WALLETS}, found {size}")
    on_the_database(env_file, lambda writer: SqliteFleetStore(writer).resize(size))
    typer.echo(f"the fleet has {size} wallets {'now' if supervisor_runs(env_file) else 'from the next start'}")


async def _seen(store: SqliteFleetStore) -> tuple[list[tuple[WalletStanding, int]], TreasuryStanding | None]:
    return await store.standings(), await store.treasury()


def _retired(which: str, env_file: EnvFile, *, retired: bool) -> str:
    async def work(store: SqliteFleetStore) -> str:
        wallet = _chosen([standing for standing, _ in await store.standings()], which)
        changed = await store.retire(wallet, retired=retired)
        return f"{wallet} is {'retired' if retired else 'back'}" if changed else f"{wallet} was so already"

    return on_the_database(env_file, lambda writer: work(SqliteFleetStore(writer)))


def _chosen(standings: list[WalletStanding], which: str) -> Address:
    """Return the wallet that is meant; Malformed when the fleet has none such."""
    wanted: int | Address = int(which) if which.isdecimal() else checked_address(which)
    for standing in standings:
        if wanted in {standing.index, standing.wallet}:
            return standing.wallet
    raise Malformed(f"expected the index or address of one of {len(standings)} wallets, found {which}: remora fleet")


def _document(standing: WalletStanding, age_us: int) -> dict[str, Any]:
    return {
        "index": standing.index,
        "address": standing.wallet,
        "state": standing.state,
        "why": standing.why,
        "float": str(standing.balance),
        "promised": str(standing.promised),
        "native": None if standing.native is None else str(standing.native),
        "nonce": standing.nonce,
        "missing_approvals": standing.missing,
        "seen_s_ago": max(0, age_us) // US,
    }
