"""Tells when copies stand in line for operator wallets, and when nobody does any more.

Under pressure exits go first, and entries wait until it is too late for them: nobody would notice but by this.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from remora.execute.fleet import Fleet
from remora.ports import Clock

log = structlog.get_logger()


@dataclass(slots=True, kw_only=True)
class Pressure:
    """Looks at the line for the fleet's wallets."""

    fleet: Fleet
    clock: Clock
    every_s: float = 1.0
    told_every_s: float = 10.0
    _since_us: int | None = None
    _told_us: int = 0

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await self.clock.sleep(self.every_s)
            self.look()

    def look(self) -> None:
        """Log `overloaded` while somebody is in line for more than a moment, and `overload_over` when nobody is."""
        now_us = self.clock.now_us()
        exits, entries = self.fleet.waiting
        if not exits + entries:
            if self._told_us:
                log.info("overload_over", lasted_s=(now_us - (self._since_us or now_us)) // 1_000_000)
            self._since_us, self._told_us = None, 0
        elif self._since_us is None:
            self._since_us = now_us
        elif now_us - self._told_us >= self.told_every_s * 1_000_000:
            self._told_us = now_us
            since_s = (now_us - self._since_us) // 1_000_000
            log.warning("overloaded", exits=exits, entries=entries, wallets=len(self.fleet.ready), since_s=since_s)
