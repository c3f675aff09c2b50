"""Noticing that another process wrote to the database, such as a command that an operator typed.

SQLite counts the commits of other connections: asking for that number reads no table.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from sqlalchemy import Connection

from remora.adapters.store.writer import Writer
from remora.ports import Clock

LOOK_EVERY_S = 0.5
"""What an operator changes takes effect within a second."""


class Changes:
    """Tells of every change that somebody else made."""

    def __init__(self, writer: Writer, clock: Clock) -> None:
        self._writer = writer
        self._clock = clock

    async def follow(self, on_change: Callable[[], Awaitable[None]]) -> None:
        """Call back for ever; at once for what changed before the first look."""
        seen = None
        while True:
            version = await self._writer.read(_version)
            if version != seen:
                await on_change()
                seen = version
            await self._clock.sleep(LOOK_EVERY_S)


def _version(connection: Connection) -> int:
    return int(connection.exec_driver_sql("PRAGMA data_version").scalar_one())
