"""`remora devnet time`: tell and advance the time of a running devnet, of its chain and of its venue together."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from remora.cli.asking import HERE, AsJson, Where, asked

app = typer.Typer(no_args_is_help=True, help="Tell and advance the time of a running devnet.")


@app.command()
def show(devnet: Where = HERE, as_json: AsJson = False) -> None:
    """Tell what time it is there."""
    _tell(asked(devnet, "GET", "/time"), as_json=as_json)


@app.command()
def advance(
    seconds: Annotated[int, typer.Argument(help="How far.")], devnet: Where = HERE, as_json: AsJson = False
) -> None:
    """Let the time jump forward; what is over by then has ended when this returns."""
    _tell(asked(devnet, "POST", "/time/advance", {"seconds": seconds}), as_json=as_json)


def _tell(told: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(told))
        return
    now = datetime.fromtimestamp(told["now_s"], tz=UTC)
    typer.echo(f"{now:%Y-%m-%dT%H:%M:%SZ}, {told['ahead_s']} s ahead of this computer")
