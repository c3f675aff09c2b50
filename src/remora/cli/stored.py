"""Work on the supervisor's database, from a command that may run beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from remora.adapters.store.database import attached, is_held
from remora.adapters.store.writer import Writer
from remora.settings.environment import StoreSettings, load

T = TypeVar("T")


def on_the_database(env_file: Path | None, work: Callable[[Writer], Coroutine[Any, Any, T]]) -> T:
    """Do work on the database that is set, and return what it returns."""
    settings = load(StoreSettings, env_file)

    async def run() -> T:
        with attached(settings.database) as writer:
            return await work(writer)

    return asyncio.run(run())


def supervisor_runs(env_file: Path | None) -> bool:
    """Tell whether a supervisor has the database that is set."""
    return is_held(load(StoreSettings, env_file).database)
