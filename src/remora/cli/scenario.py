"""`remora devnet scenario`: looks at scenario files without playing them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Look at scenario files without playing them.")


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="A scenario file.")],
    steps: Annotated[int, typer.Option(min=0, max=100_000, help="How many of its first steps to show.")] = 20,
) -> None:
    """Say what a scenario would do, or everything that is wrong in it."""
    # The SDK takes seconds to import, which no other command shall pay for.
    from remora.devnet.scenario.forecast import forecast  # noqa: PLC0415
    from remora.devnet.scenario.reading import read_scenario  # noqa: PLC0415

    for line in forecast(read_scenario(file), steps=steps):
        typer.echo(line)


@app.callback()
def scenario() -> None:
    """Look at scenario files without playing them."""
