"""Breaks the devnet through its control API, as `remora devnet fault` does, and looks whether the fault has struck."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import aiohttp

_POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Sabotage:
    """A hand on the control API at `url`."""

    url: str

    async def inject(self, fault: str, **parameters: object) -> None:
        """Inject a fault; it ends with the test at the latest."""
        await self._ask("POST", {"faults": [{"fault": fault, **parameters}]})

    async def is_spent(self) -> bool:
        """Tell whether all faults that were to strike so many times have done so."""
        answered = await self._ask("GET")
        return not [active for active in answered["active"] if "count" in active]

    async def strikes(self, patience_s: float) -> None:
        """Wait until all faults that were to strike so many times have done so; TimeoutError when patience ends."""
        async with asyncio.timeout(patience_s):
            while True:
                if await self.is_spent():
                    return
                await asyncio.sleep(_POLL_S)

    async def active(self) -> int:
        """Count the faults that are active."""
        answered = await self._ask("GET")
        return len(answered["active"])

    async def has_struck(self) -> bool:
        """Tell whether every fault that is active has struck."""
        answered = await self._ask("GET")
        return all(active["struck"] for active in answered["active"])

    async def end(self) -> None:
        """End all faults and pauses, and let stuck transactions go to the chain."""
        await self._ask("DELETE")

    async def _ask(self, method: str, body: object = None) -> Any:
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self.url + "/faults", json=body) as response,
        ):
            answered = await response.json()
        assert response.ok, answered
        return answered
