"""`remora run`: the supervisor."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from remora.adapters.telemetry import logs
from remora.bootstrap.keys import unlocked
from remora.bootstrap.services import run_supervisor
from remora.cli.secrets import PassphraseFd, asking
from remora.settings.environment import Settings, load

EnvFile = Annotated[Path | None, typer.Option(help="Read settings from this file instead of .env.")]


def run(env_file: EnvFile = None, passphrase_fd: PassphraseFd = None) -> None:
    """Run the supervisor until SIGTERM or Ctrl-C. Settings come from the environment and an .env file."""
    settings = unlocked(load(Settings, env_file), asking("passphrase", passphrase_fd))
    logs.configure(settings.log_format)
    _with_fast_loop(settings)


def _with_fast_loop(settings: Settings) -> None:
    """Use uvloop where the platform has it."""
    try:
        from uvloop import new_event_loop  # noqa: PLC0415  not on every platform
    except ImportError:
        asyncio.run(run_supervisor(settings))
        return
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(run_supervisor(settings))
