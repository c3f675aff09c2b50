"""`remora devnet`: a local Polymarket in the foreground, with a market maker, until it is told to stop.

`remora devnet fault` talks to one that runs.
Stdout carries the endpoints document and nothing else, so that programs can read it; words for people go to stderr.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer

from remora.cli import fault

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)

app = typer.Typer(help="Run a local Polymarket, or break one that runs.")
app.add_typer(fault.app, name="fault")


@app.callback(invoke_without_command=True)
def devnet(  # noqa: PLR0917 - Typer reads options from parameters; nobody calls it
    context: typer.Context,
    block_time: Annotated[float, typer.Option(min=0.05, help="Seconds between blocks.")] = 1.0,
    markets: Annotated[int, typer.Option(min=1, help="Number of binary markets.")] = 3,
    leaders: Annotated[int, typer.Option(min=0, help="Number of leaders that trade at random.")] = 0,
    out: Annotated[Path, typer.Option(help="Where to write the endpoints, while it runs.")] = Path("devnet.json"),
    exit_with_parent: Annotated[bool, typer.Option(help="Also stop when stdin ends.")] = False,
) -> None:
    """Run a local Polymarket: a chain, the contracts, an order book and a market maker, on loopback only."""
    if context.invoked_subcommand is not None:
        return
    with suppress(asyncio.CancelledError):
        asyncio.run(_run(block_time, markets, leaders, out.resolve(), exit_with_parent))
    _say("devnet stopped")


async def _run(block_time_s: float, markets: int, leaders: int, out: Path, exit_with_parent: bool) -> None:
    _cancel_when_told_to_stop(exit_with_parent)
    _say("devnet starting ...")
    # Compiler and SDK take seconds to import, which no other command shall pay for.
    from remora.devnet.inhabited import inhabited_devnet  # noqa: PLC0415

    async with inhabited_devnet(block_time_s=block_time_s, markets=markets, leaders=leaders) as running:
        settings = out.with_suffix(".env")
        with _published(running.endpoints.to_json(), out), _written(running.supervisor_settings(), settings):
            _say(f"devnet ready: {out}; leaders: {', '.join(running.leaders) or 'none'}; stop with Ctrl-C")
            _say(f"a supervisor on it: remora run --env-file {settings}")
            await asyncio.Event().wait()


def _cancel_when_told_to_stop(exit_with_parent: bool) -> None:
    """Cancel the current task at the first signal, or at the end of stdin; a second signal ends the process."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None

    def stop() -> None:
        for number in _STOP_SIGNALS:
            loop.remove_signal_handler(number)
        task.cancel()

    for number in _STOP_SIGNALS:
        loop.add_signal_handler(number, stop)
    if exit_with_parent:
        # A thread, because an event loop cannot wait for every kind of stdin; a daemon, to not outlive the rest.
        threading.Thread(target=_await_end_of_stdin, args=(loop, stop), daemon=True).start()


def _await_end_of_stdin(loop: asyncio.AbstractEventLoop, then: Callable[[], None]) -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    with suppress(RuntimeError):  # the loop has ended meanwhile
        loop.call_soon_threadsafe(then)


@contextmanager
def _published(document: str, out: Path) -> Iterator[None]:
    """Show the document on stdout, and in a file."""
    with _written(document + "\n", out):
        typer.echo(document)
        yield


@contextmanager
def _written(text: str, out: Path) -> Iterator[None]:
    """Keep a text in a file that is always whole and exists only while it is valid."""
    partial = out.with_name(f".{out.name}.{os.getpid()}")
    partial.write_text(text)
    partial.replace(out)
    try:
        yield
    finally:
        out.unlink(missing_ok=True)


def _say(words: str) -> None:
    typer.echo(words, err=True)
