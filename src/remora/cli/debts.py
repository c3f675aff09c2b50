"""`remora debts`: who owes what and since when, trying again, giving up. A supervisor that runs hears of it at once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.table import Table

from remora.adapters.clock import SystemClock
from remora.adapters.store.debts import SqliteDebtStore
from remora.cli.run import EnvFile
from remora.cli.stored import on_the_database, supervisor_runs
from remora.cli.tables import print_table
from remora.domain.errors import Malformed
from remora.domain.records import Debt
from remora.settings.addresses import checked_address

US = 1_000_000
SHOWN = 12
"""How many characters of an id a table shows."""

app = typer.Typer(no_args_is_help=True, help="See, try and write off what is owed.")

Which = Annotated[str, typer.Argument(metavar="ID", help="A debt's id, or enough of its beginning to be one debt's.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def show(as_json: AsJson = False, env_file: EnvFile = None) -> None:
    """Show all open debts, oldest first."""
    debts = on_the_database(env_file, lambda writer: SqliteDebtStore(writer).open_debts())
    documents = [_document(debt, SystemClock().now_us()) for debt in debts]
    if as_json:
        typer.echo(json.dumps(documents, indent=2))
        return
    columns = (
        "id",
        "side",
        "follower",
        "due",
        "collected",
        "sold",
        "left",
        "held",
        "cause",
        "age_s",
        "tries",
        "next_try_in_s",
    )
    table = Table(*(column.replace("_", " ") for column in columns))
    for each in documents:
        table.add_row(*(str(each[column])[: SHOWN if column == "id" else None] for column in columns))
    print_table(table, otherwise="nothing is owed")


@app.command()
def retry(
    which: Annotated[str, typer.Argument(metavar="[ID]", help="A debt's id, or its beginning; all without one.")] = "",
    follower: Annotated[str, typer.Option(help="All debts of this follower.")] = "",
    env_file: EnvFile = None,
) -> None:
    """Try debts now instead of when their next try is; what a follower cannot pay is not asked for."""
    if which and follower:
        raise Malformed("expected an id or --follower, found both")

    async def work(store: SqliteDebtStore) -> int:
        chosen = _chosen(await store.open_debts(), which, follower)
        await store.try_again([debt.debt_id for debt in chosen])
        return len(chosen)

    count = on_the_database(env_file, lambda writer: work(SqliteDebtStore(writer)))
    when = "now" if supervisor_runs(env_file) else "when the supervisor starts"
    typer.echo(f"{count} debt{'' if count == 1 else 's'} will be tried {when}")


@app.command("write-off")
def write_off(
    which: Which,
    reason: Annotated[str, typer.Option(help="Why; it is stored with the debt.")],
    env_file: EnvFile = None,
) -> None:
    """Give up what is left of a follower's debt; the shares that secure it stay the operator's."""
    if not reason.strip():
        raise Malformed("expected --reason to say why, found nothing")

    async def work(store: SqliteDebtStore) -> str:
        (debt,) = _chosen(await store.open_debts(), which, "")
        amount = await store.write_off(debt.debt_id, reason.strip(), at_us=SystemClock().now_us())
        return f"wrote off {amount} of {debt.due} that {debt.follower} owed; {debt.held} shares stay with {debt.wallet}"

    typer.echo(on_the_database(env_file, lambda writer: work(SqliteDebtStore(writer))))


def _chosen(debts: Sequence[Debt], which: str, follower: str) -> list[Debt]:
    """Return the debts that are meant; Malformed when an id or a follower is nobody's."""
    if follower:
        wallet = checked_address(follower)
        if chosen := [debt for debt in debts if debt.follower == wallet]:
            return chosen
        raise Malformed(f"expected a follower with an open debt, found {follower}: remora debts list shows them")
    if not which:
        return list(debts)
    chosen = [debt for debt in debts if debt.debt_id.startswith(which.lower())]
    if len(chosen) != 1:
        found = "more than one begins so" if chosen else "none begins so"
        raise Malformed(f"expected the id of one open debt, found {which!r}, {found}: remora debts list --json")
    return chosen


def _document(debt: Debt, now_us: int) -> dict[str, Any]:
    return {
        "id": debt.debt_id,
        "side": debt.side,
        "follower": debt.follower,
        "wallet": debt.wallet,
        "token_id": str(debt.token_id),
        "due": str(debt.due),
        "collected": str(debt.collected),
        "sold": str(debt.sold),
        "left": str(debt.left),
        "held": str(debt.held),
        "cause": debt.cause.name,
        "age_s": max(0, now_us - debt.opened_us) // US,
        "tries": debt.tries,
        "tried_s_ago": None if debt.tried_us is None else max(0, now_us - debt.tried_us) // US,
        "next_try_in_s": max(0, debt.next_try_us - now_us) // US,
    }
