"""Tables for people: folded where a terminal is narrow, and whole lines for whatever else reads them."""

from __future__ import annotations

import typer
from rich.console import Console
from rich.table import Table

_WHOLE = 1_000
"""More columns than any table fills."""


def print_table(table: Table, *, otherwise: str) -> None:
    """Print a table with nothing cut off, or what to say when it has no rows."""
    if not table.row_count:
        typer.echo(otherwise)
        return
    for column in table.columns:
        column.overflow = "fold"
    console = Console()
    (console if console.is_terminal else Console(width=_WHOLE)).print(table)
