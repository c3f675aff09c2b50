"""`remora demo`: the whole service on a local Polymarket, in one terminal."""

from __future__ import annotations

import asyncio
import json
import signal
import tempfile
from pathlib import Path
from typing import Annotated

import typer


def demo(
    once: Annotated[bool, typer.Option("--once", help="End after the script.")] = False,
    followers: Annotated[int, typer.Option(min=1, max=5_000, help="Number of followers.")] = 5,
    trades: Annotated[int, typer.Option(min=1, max=10_000, help="Number of leader trades in the script.")] = 6,
    seed: Annotated[int, typer.Option(help="The same seed makes the same run.")] = 1,
    report: Annotated[Path | None, typer.Option("--json", help="Write the run report to this file.")] = None,
) -> None:
    """Show leaders, followers and the supervisor at work. Exit 0 only if all was copied and the books balance."""
    # The SDK takes seconds to import, which no other command shall pay for.
    from rich.console import Console  # noqa: PLC0415

    from remora.devnet.demo.screen import Screen  # noqa: PLC0415
    from remora.devnet.demo.show import Wishes, run_show  # noqa: PLC0415

    wishes = Wishes(once=once, followers=followers, trades=trades, seed=seed)
    console = Console()

    async def run() -> tuple[dict[str, object], list[str]]:
        task = asyncio.current_task()
        assert task is not None
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        with tempfile.TemporaryDirectory(prefix="remora-demo-") as folder:
            return await run_show(wishes, lambda names: Screen(console, names), Path(folder))

    try:
        document, wrong = asyncio.run(run())
    except asyncio.CancelledError:
        console.print("[red]stopped before the script was over[/]")
        raise typer.Exit(1) from None
    if report:
        report.write_text(json.dumps(document, indent=2) + "\n")
    for line in wrong:
        console.print(f"[red]wrong:[/] {line}", highlight=False)
    raise typer.Exit(1 if wrong else 0)
