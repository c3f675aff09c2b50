"""`remora devnet`: a local Polymarket in the foreground, with a market maker, until it is told to stop.

The commands under it, such as `remora devnet fault`, talk to one that runs.
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
from typing import TYPE_CHECKING, Annotated

import typer

from remora.cli import account, fault, market, scenario, snapshot
from remora.cli import time as times
from remora.domain.errors import Malformed

if TYPE_CHECKING:
    from remora.devnet.inhabited import Inhabited

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)

app = typer.Typer(help="Run a local Polymarket, or work on one that runs.")
app.add_typer(fault.app, name="fault")
app.add_typer(account.app, name="account")
app.add_typer(market.app, name="market")
app.add_typer(snapshot.app, name="snapshot")
app.add_typer(times.app, name="time")
app.add_typer(scenario.app, name="scenario")

_SAID_BY_SCENARIO = ("block_time", "markets", "leaders")


@app.callback(invoke_without_command=True)
def devnet(  # noqa: PLR0917 - Typer reads options from parameters; nobody calls it
    context: typer.Context,
    block_time: Annotated[float, typer.Option(min=0.05, help="Seconds between blocks.")] = 1.0,
    markets: Annotated[int, typer.Option(min=1, help="Number of binary markets.")] = 5,
    leaders: Annotated[int, typer.Option(min=0, help="Number of leaders that trade at random.")] = 0,
    out: Annotated[Path, typer.Option(help="Where to write the endpoints, while it runs.")] = Path("devnet.json"),
    exit_with_parent: Annotated[bool, typer.Option(help="Also stop when stdin ends.")] = False,
    scenario: Annotated[Path | None, typer.Option(help="A scenario file to play; it says all of the above.")] = None,
) -> None:
    """Run a local Polymarket: a chain, the contracts, an order book and a market maker, on loopback only."""
    if context.invoked_subcommand is not None:
        return
    if scenario is None:
        work = _run(block_time, markets, leaders, out.resolve(), exit_with_parent)
    else:
        _refuse_other_words(context)
        work = _play(scenario, out.resolve(), exit_with_parent)
    with suppress(asyncio.CancelledError):
        asyncio.run(work)
    _say("devnet stopped")


async def _run(block_time_s: float, markets: int, leaders: int, out: Path, exit_with_parent: bool) -> None:
    _cancel_when_told_to_stop(exit_with_parent)
    _say("devnet starting ...")
    # Compiler and SDK take seconds to import, which no other command shall pay for.
    from remora.devnet.inhabited import inhabited_devnet  # noqa: PLC0415

    async with inhabited_devnet(block_time_s=block_time_s, markets=markets, leaders=leaders) as running:
        with _announced(running, out):
            await asyncio.Event().wait()


async def _play(file: Path, out: Path, exit_with_parent: bool) -> None:
    """Play a scenario to its end, and say what became of it, also when it is stopped before."""
    _cancel_when_told_to_stop(exit_with_parent)
    from remora.devnet.scenario.forecast import replay_notes  # noqa: PLC0415 - imports the SDK
    from remora.devnet.scenario.performance import Performance  # noqa: PLC0415 - imports the SDK
    from remora.devnet.scenario.plan import plan  # noqa: PLC0415 - imports the SDK
    from remora.devnet.scenario.reading import read_scenario  # noqa: PLC0415 - imports the SDK
    from remora.devnet.scenario.stage import staged  # noqa: PLC0415 - imports the SDK

    script = read_scenario(file)
    _say(f"devnet starting for {file} ...")
    for note in replay_notes(script):
        _say(note)
    async with staged(script) as stage:
        performance = Performance(stage, _say)
        with _announced(stage.inhabited, out):
            try:
                await performance.play(plan(script))
                if script.file.until is None:
                    await asyncio.Event().wait()
            finally:
                for line in performance.score.lines():
                    _say(line)


def _refuse_other_words(context: typer.Context) -> None:
    sources = {name: context.get_parameter_source(name) for name in _SAID_BY_SCENARIO}
    given = [name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]
    if given:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise Malformed(f"expected --scenario without {options}: the file says that")


@contextmanager
def _announced(running: Inhabited, out: Path) -> Iterator[None]:
    """Publish where a devnet is, and say so."""
    settings = out.with_suffix(".env")
    with _published(running.endpoints.to_json(), out), _written(running.supervisor_settings(), settings):
        _say(f"devnet ready: {out}; leaders: {', '.join(running.leaders) or 'none'}; stop with Ctrl-C")
        _say(f"a supervisor on it: remora run --env-file {settings}")
        yield


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
