"""Named snapshots of a whole devnet: the chain, and what every part of it remembers.

A snapshot is taken while nobody works, so that all of it is of one moment. It lives as long as the devnet. Faults that
are active, and limits of how often one may ask, are not in it: they concern who experiments now.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from remora.devnet.control.world import World
from remora.devnet.faults.catalogue import Invalid, Problem
from remora.devnet.remembering import Memory

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A moment; `taken_s` is the venue's time."""

    name: str
    taken_s: int
    chain: str = field(repr=False)
    memory: Memory = field(repr=False)

    def shown(self) -> dict[str, Any]:
        """Return what there is to tell of it."""
        return {"name": self.name, "taken_s": self.taken_s}


class Snapshots:
    """The snapshots of one devnet, by name."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._taken: dict[str, Snapshot] = {}

    def listed(self) -> list[Snapshot]:
        """Return them in the order in which they were taken."""
        return list(self._taken.values())

    async def save(self, name: str) -> Snapshot:
        """Take a snapshot; raise `Invalid` for a name that is none, or taken."""
        if not _NAME.fullmatch(name):
            raise _wrong("expected up to 64 letters, digits, dots, dashes and underscores", name)
        if name in self._taken:
            raise _wrong("a snapshot has this name; delete it first, or choose another", name)
        world = self._world
        async with world.turns.alone(), world.chain.still():
            await world.chain.mine_pending()
            await world.clob.catch_up()
            memory, taken_s = Memory(world.parts()), world.clock.now_s()
            chain = await world.chain.save()
        taken = Snapshot(name=name, taken_s=taken_s, chain=chain, memory=memory)
        self._taken[name] = taken
        return taken

    async def restore(self, name: str) -> Snapshot:
        """Make everything what it was; raise `Invalid` for an unknown name. WebSocket clients are disconnected."""
        snapshot, world = self._find(name), self._world
        async with world.turns.alone(), world.chain.still():
            await world.disconnect()
            snapshot.memory.bring_back()
            await world.chain.restore(snapshot.chain, world.clock.now_s())
            await world.clob.resumed()
        return snapshot

    def delete(self, name: str) -> Snapshot:
        """Forget a snapshot; raise `Invalid` for an unknown name."""
        snapshot = self._find(name)
        del self._taken[name]
        return snapshot

    def _find(self, name: str) -> Snapshot:
        if (snapshot := self._taken.get(name)) is None:
            known = ", ".join(self._taken) or "none"
            raise _wrong(f"no snapshot has this name; there are: {known}", name)
        return snapshot


def _wrong(text: str, name: str) -> Invalid:
    return Invalid(Problem(place=("name",), text=f"{text}; found {name!r}"))
