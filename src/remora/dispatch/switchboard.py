"""The switchboard: the switches in force, in memory, so that every decision and every order can ask."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from remora.dispatch.halts import STRENGTH, Halts, entry_halted, exit_halted, halt_of, halts
from remora.dispatch.protections import Trip
from remora.domain.ids import Address, PolicyId
from remora.domain.order import Intent
from remora.domain.reasons import Because
from remora.domain.signal import Side
from remora.domain.switches import Switch
from remora.domain.usage import whom
from remora.ports import Clock, SwitchStore

log = structlog.get_logger()

NOBODY = Address("")
"""The leader of a policy that is not in force any more: what halts a leader cannot concern it."""


class Switchboard:
    """Knows what is halted. `leader_of` tells whom a policy follows, None when it is not in force any more."""

    def __init__(self, *, store: SwitchStore, clock: Clock, leader_of: Callable[[PolicyId], Address | None]) -> None:
        self._store = store
        self._clock = clock
        self._leader_of = leader_of
        self._switches: tuple[Switch, ...] = ()

    async def read(self) -> None:
        """Take up what is stored: at the start, and whenever somebody changed it."""
        found = tuple(await self._store.switches(self._clock.now_us()))
        for switch in found:
            if switch not in self._switches:
                log.warning("halted", halt=switch.halt, whom=whom((switch.scope, switch.subject)))
        for switch in self._switches:
            if switch not in found:
                log.info("resumed", halt=switch.halt, whom=whom((switch.scope, switch.subject)))
        self._switches = found

    def halts(self) -> Halts:
        """Return the strongest switch of each subject now."""
        return halts(self._switches, self._clock.now_us()) if self._switches else {}

    def stopped(self, intent: Intent) -> Because | None:
        """Tell why nothing may be sent for an intent any more, None when it may: under any halt no entry may."""
        leader = self._leader_of(intent.policy_id) or NOBODY
        halt = halt_of(intent.policy_id, intent.follower, leader, self.halts())
        return entry_halted(halt) if intent.side is Side.BUY else exit_halted(halt)

    def is_halting(self) -> bool:
        """Tell whether any switch is in force."""
        return bool(self.halts())

    async def trip(self, trip: Trip) -> bool:
        """Set a protection's switch; False, and nothing changes, while the same or more is in force."""
        switch = trip.switch
        found = self.halts().get((switch.scope, switch.subject))
        if found is not None and STRENGTH[found.halt] >= STRENGTH[switch.halt]:
            return False
        await self._store.trip(switch, trip.baseline)
        await self.read()
        return True
