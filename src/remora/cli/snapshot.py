"""`remora devnet snapshot`: keep whole states of a running devnet, and go back to them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from remora.cli.asking import HERE, AsJson, Where, asked

app = typer.Typer(no_args_is_help=True, help="Keep states of a running devnet, and go back to them.")
Name = Annotated[str, typer.Argument(help="Letters, digits, dots, dashes and underscores.")]


@app.command()
def save(name: Name, devnet: Where = HERE, as_json: AsJson = False) -> None:
    """Keep the state as it is: chain, order book, keys, accounts, time."""
    _show([asked(devnet, "POST", "/snapshots", {"name": name})["saved"]], as_json=as_json)


@app.command()
def restore(name: Name, devnet: Where = HERE, as_json: AsJson = False) -> None:
    """Go back to a state; the snapshot stays, and WebSocket clients are disconnected."""
    _show([asked(devnet, "POST", "/snapshots/restore", {"name": name})["restored"]], as_json=as_json)


@app.command("list")
def list_snapshots(devnet: Where = HERE, as_json: AsJson = False) -> None:
    """Name the snapshots, and when they were taken."""
    _show(asked(devnet, "GET", "/snapshots")["snapshots"], as_json=as_json)


@app.command()
def delete(name: Name, devnet: Where = HERE, as_json: AsJson = False) -> None:
    """Forget a snapshot."""
    _show([asked(devnet, "POST", "/snapshots/delete", {"name": name})["deleted"]], as_json=as_json)


def _show(snapshots: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(snapshots, indent=2))
        return
    for snapshot in snapshots:
        taken = datetime.fromtimestamp(snapshot["taken_s"], tz=UTC)
        typer.echo(f"{snapshot['name']} {taken:%Y-%m-%dT%H:%M:%SZ}")
