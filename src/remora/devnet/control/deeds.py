"""Does the faults that are done once, after checking that this devnet can do them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from remora.devnet.chain_state import ChainState
from remora.devnet.control.state import State
from remora.devnet.endpoints import Market
from remora.devnet.faults import node as node_faults
from remora.devnet.faults import state as faults
from remora.devnet.faults.fault import Instant
from remora.devnet.mining import Mining
from remora.devnet.node_gate.gate import NodeGate
from remora.devnet.turns import Turns


@dataclass(frozen=True, slots=True, kw_only=True)
class DevnetDeeds:
    """What can be done to one devnet.

    `now_s` is its time, `market_of` finds a market by one of its token ids, `catch_up` returns when the venue knows
    what is on chain.
    """

    state: State
    gates: Sequence[NodeGate]
    chain: ChainState
    mining: Mining
    turns: Turns
    now_s: Callable[[], int]
    market_of: Callable[[int], Market | None]
    catch_up: Callable[[], Awaitable[None]]

    def check(self, fault: Instant) -> str | None:
        """Return why a fault cannot be done here, if so."""
        if isinstance(fault, faults.SetShares) and self.market_of(int(fault.token)) is None:
            return f"no market of this devnet has the token {fault.token}"
        return None

    async def do(self, fault: Instant) -> None:
        """Return when it is done, and the venue knows; what `check` objects to must not come here."""
        await self._do(fault)
        await self.catch_up()

    async def _do(self, fault: Instant) -> None:
        match fault:
            case faults.BlockTime():
                await self.mining.set_interval(fault.seconds)
            case node_faults.Reorg():
                await self._reorganise(fault)
            case faults.SetCollateral():
                await self.state.set_collateral(fault)
            case faults.SetShares():
                market = self.market_of(int(fault.token))
                assert market is not None
                await self.state.set_shares(fault, market)
            case faults.SetAllowance():
                await self.state.set_allowance(fault)
            case faults.SetApproval():
                await self.state.set_approval(fault)
            case faults.PauseToken():
                await self.state.pause_token(fault)
            case faults.PauseExchange():
                await self.state.pause_exchange(fault)
            case faults.Depeg():
                await self.state.depeg(fault)
            case _:
                raise AssertionError(f"nobody does {fault.name}")

    async def mend(self) -> None:
        """End all pauses and the depeg, and let transactions that were kept from the chain go there."""
        await self.state.end_pauses()
        await self.state.depeg(faults.Depeg(price="1"))
        for gate in self.gates:
            await gate.release_stuck()
        await self.catch_up()

    async def _reorganise(self, fault: node_faults.Reorg) -> None:
        async with self.turns.alone(), self.mining.held():
            await self.chain.check_reorg(fault.depth)
            lost = [await gate.doomed_logs(fault.depth) for gate in self.gates]
            await self.chain.reorganise(fault.depth, self.now_s())
        if fault.removed_logs:
            for gate, logs in zip(self.gates, lost, strict=True):
                await gate.withdraw(logs)
