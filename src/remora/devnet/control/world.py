"""The whole of a devnet, for what happens to all of it at once: snapshots and jumps in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from remora.devnet.chain_state import ChainState
from remora.devnet.clob.server import ClobServer
from remora.devnet.clock import VenueClock
from remora.devnet.node_gate.gate import NodeGate
from remora.devnet.relayer.server import Relayer
from remora.devnet.remembering import Part
from remora.devnet.turns import Turns


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Its servers, its time, and the parts of its control API that remember something."""

    chain: ChainState
    clock: VenueClock
    turns: Turns
    clob: ClobServer
    relayer: Relayer
    gates: Sequence[NodeGate]
    controls: Sequence[Part]

    def parts(self) -> list[Part]:
        """Return all that remembers something."""
        gates = [part for gate in self.gates for part in gate.parts()]
        return [self.clock, *self.clob.parts(), *self.relayer.parts(), *gates, *self.controls]

    async def disconnect(self) -> None:
        """Close the WebSockets of all clients: what they were told of is not what is there now."""
        await self.clob.disconnect()
        for gate in self.gates:
            await gate.disconnect()

    async def advance(self, seconds: int) -> int:
        """Let chain and venue jump forward together; return the venue's time when what is over by then has ended."""
        async with self.turns.alone():
            await self.chain.advance(seconds)
            self.clock.advance(seconds)
            await self.clob.catch_up()
            await self.clob.sweep()
        return self.clock.now_s()
