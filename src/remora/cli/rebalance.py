"""`remora fleet rebalance`: bring the float of the operator wallets between bounds, or see what would move.

It reads what the supervisor stored last and leaves the rest to it, so it needs neither keys nor a node.
"""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from remora.adapters.clock import SystemClock
from remora.adapters.store.fleet import SqliteFleetStore
from remora.adapters.store.floats import SqliteFloatStore
from remora.adapters.store.writer import Writer
from remora.cli.run import EnvFile
from remora.cli.stored import on_the_database, supervisor_runs
from remora.cli.tables import print_table
from remora.domain.errors import Malformed
from remora.domain.fleet import WalletState
from remora.domain.floats import FloatBounds, FloatRequest
from remora.domain.money import Collateral
from remora.execute.floats import RebalancePlan, WalletFloat, planned
from remora.settings.environment import FloatSettings, load


def rebalance(
    target: Annotated[str, typer.Option(help="What every wallet shall have, in place of the settings' bounds.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would move.")] = False,
    env_file: EnvFile = None,
) -> None:
    """Send what wallets have too much to the treasury, and top up from there those that have too little."""
    settings = load(FloatSettings, env_file)
    bounds = FloatBounds.exactly(Collateral.parse(target)) if target else settings.float_bounds
    if bounds is None:
        raise Malformed(
            "expected --target, or REMORA_FLOAT_FLOOR, REMORA_FLOAT_TARGET and REMORA_FLOAT_CEILING, found none of them"
        )

    async def work(writer: Writer) -> RebalancePlan:
        plan = await _foreseen(writer, bounds, settings.treasury_reserve)
        if not dry_run:
            request = FloatRequest(bounds=bounds, asked_us=SystemClock().now_us())
            await SqliteFloatStore(writer).ask(request)
        return plan

    _print(on_the_database(env_file, work))
    if not dry_run:
        typer.echo(
            f"this is done {'now' if supervisor_runs(env_file) else 'at the next start'}, as the wallets then are"
        )


async def _foreseen(writer: Writer, bounds: FloatBounds, reserve: Collateral) -> RebalancePlan:
    """Return the plan by what is stored; Malformed before a supervisor has looked."""
    fleet = SqliteFleetStore(writer)
    treasury, standings = await fleet.treasury(), [standing for standing, _ in await fleet.standings()]
    if treasury is None:
        raise Malformed("expected a fleet and a treasury that a supervisor has looked at, found none: remora run")
    well = {each.wallet: each for each in standings if each.state is not WalletState.UNHEALTHY}
    floats = [
        WalletFloat(
            wallet=each.wallet,
            balance=each.booked,
            reserved=max(well[each.wallet].promised, each.owed),
            retired=well[each.wallet].state is WalletState.RETIRED,
        )
        for each in await SqliteFloatStore(writer).floats(list(well))
        if not each.moving
    ]
    return planned(floats, treasury.balance, reserve, bounds)


def _print(plan: RebalancePlan) -> None:
    table = Table("wallet", "", "amount")
    for each in (*plan.draws, *plan.top_ups):
        table.add_row(each.wallet, each.kind, str(each.amount))
    print_table(table, otherwise="no float has to move")
    if plan.missing:
        typer.echo(f"the treasury lacks {plan.missing} for all")
