"""A rehearsal: a performance whose supervisor runs behind proxies, and is killed, stopped and started again at will."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from signal import SIGKILL, SIGTERM
from typing import Any

from remora.devnet.demo.performance import Performance
from remora.devnet.demo.report import shortcomings
from remora.devnet.demo.script import Act, leaders_of
from remora.devnet.supervised import Supervisor
from remora.devnet.traders.leader import Leader
from remora.devnet.traders.outcome import Outcome
from remora.domain.money import ONE, Collateral
from remora.domain.signal import Side
from tests.scenario.evidence import doubts, unfinished
from tests.scenario.node_proxy import NodeProxy, node_proxy
from tests.scenario.traps import Moment, Swallowed, Trap, Traps
from tests.scenario.venue_proxy import VenueProxy, venue_proxy

PATIENCE_S = 90.0
START_PATIENCE_S = 110.0
"""A start loads a whole Python and looks at all wallets: on a busy machine that takes longer than anything after it."""
_POLL_S = 0.1

Event = Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class Life:
    """One process of the supervisor, and what it has said."""

    supervisor: Supervisor
    said: list[Event] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """The names of the events, in order."""
        return [event["event"] for event in self.said]

    def told(self, name: str) -> list[Event]:
        """Return the events of a name."""
        return [event for event in self.said if event["event"] == name]

    async def listen(self) -> None:
        """Take down what it says until it ends."""
        async for event in self.supervisor.events():
            self.said.append(event)

    async def heard(self, name: str, *, patience_s: float = PATIENCE_S) -> Event:
        """Wait for the first event of a name."""
        await until(lambda: bool(self.told(name)) or self.supervisor.process.returncode is not None, patience_s)
        assert self.told(name), f"the supervisor ended before it said {name}: {self.said[-5:]}"
        return self.told(name)[0]

    async def ended(self) -> int:
        """Wait for the end and return the exit code."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.supervisor.process.wait()


@dataclass(slots=True, kw_only=True)
class Rehearsal:
    """A performance with one supervisor at a time, all on one database."""

    performance: Performance
    leaders: list[Leader]
    traps: Traps
    venue: VenueProxy
    node: NodeProxy
    settings: dict[str, str]
    lives: list[Life] = field(default_factory=list)
    _listening: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def life(self) -> Life:
        """The supervisor that runs, or ran last."""
        return self.lives[-1]

    async def launch(self) -> Life:
        """Start a supervisor."""
        stage = self.performance.stage
        life = Life(supervisor=await Supervisor.start(stage.folder, self.settings))
        self.lives.append(life)
        self._listening.append(asyncio.create_task(life.listen()))
        return life

    async def start(self) -> Life:
        """Start a supervisor and return it once it listens."""
        life = await self.launch()
        await life.heard("listening", patience_s=START_PATIENCE_S)
        return life

    def trap(self, moment: Moment, name: str, deed: Callable[[], Awaitable[None]], *, spare: int = 0) -> Trap:
        """Do something when a message passes, after `spare` of its name."""
        return self.traps.set(Trap(name=name, moment=moment, deed=deed, spare=spare))

    def kill(self, moment: Moment, name: str, *, spare: int = 0) -> Trap:
        """Kill the supervisor when a message passes; the message, or its answer, dies with it."""
        return self.trap(moment, name, self.die, spare=spare)

    async def run_short(self) -> None:
        """Give the underfunded followers what a copy costs, and have them spend it before the next is delivered."""
        for follower in self.performance.cast.underfunded:
            await self.performance.leave_with(follower.wallet, follower.collateral)
        self.trap(Moment.BEFORE, "deliver", self.performance.spend)

    async def killed(self, trap: Trap) -> set[str]:
        """Wait until a trap has killed the supervisor; return what it left unfinished."""
        assert await self.life.ended() == -SIGKILL
        assert trap.sprung.is_set()
        return unfinished(self.performance)

    async def buy(self, *, leader: int = 0, market: int = 0) -> None:
        """Have a leader buy for 100 of collateral."""
        amount = Collateral(100 * ONE)
        await self._act(Act(leader=leader, market=market, outcome=Outcome.YES, side=Side.BUY, amount=amount))

    async def sell(self, *, leader: int = 0, market: int = 0) -> None:
        """Have a leader sell half of what it holds."""
        await self._act(Act(leader=leader, market=market, outcome=Outcome.YES, side=Side.SELL))

    async def settled(self, *, debts_too: bool = True) -> None:
        """Wait until every trade is decided and nothing is in flight, and no longer than patience lasts."""
        await self.performance.settled(debts_too=debts_too, patience_s=PATIENCE_S)
        await until(lambda: not unfinished(self.performance))

    async def depth_of(self, tx_hash: str) -> int:
        """Return how deep a transaction's block is, with room for two that come meanwhile."""
        node = self.performance.stage.node
        mined = int((await node.call("eth_getTransactionReceipt", tx_hash))["blockNumber"], 16)
        return int(await node.call("eth_blockNumber"), 16) - mined + 3

    async def wrong(self) -> list[str]:
        """Return all that speaks against "nothing lost, nothing doubled, books exact", in words."""
        performance = self.performance
        audit = await performance.audit()
        return [
            *shortcomings(
                performance.read(), trades=performance.trades, expected=performance.expectation.copies, audit=audit
            ),
            *await doubts(performance),
        ]

    async def command(self, *arguments: str, code: int = 0) -> str:
        """Type a `remora` command beside the supervisor; return what it says on standard output."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "remora", *arguments,
            cwd=self.performance.stage.folder, env={**os.environ, **self.settings},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        said, complained = await process.communicate()
        assert process.returncode == code, complained.decode()
        return said.decode()

    def ask_to_stop(self) -> None:
        """Send SIGTERM."""
        self.life.supervisor.process.send_signal(SIGTERM)

    async def stop(self) -> int:
        """Ask the supervisor to stop and return its exit code."""
        self.ask_to_stop()
        return await self.life.ended()

    async def die(self) -> None:
        """Kill the supervisor, with the message that passes."""
        await self.life.supervisor.kill()
        raise Swallowed

    async def close(self) -> None:
        """Leave no process behind."""
        for life in self.lives:
            await life.supervisor.kill()
        await asyncio.gather(*self._listening)

    async def _act(self, act: Act) -> None:
        await self.performance.act(act, self.leaders)


@asynccontextmanager
async def rehearsing(performance: Performance, settings: Mapping[str, str]) -> AsyncIterator[Rehearsal]:
    """Put proxies before the neighbours of a supervisor that is not started yet; leave none of it behind."""
    stage, traps = performance.stage, Traps()
    async with (
        venue_proxy(stage.endpoints.clob_url, traps) as venue,
        node_proxy(stage.endpoints.rpc_ws_url, traps) as node,
        leaders_of(performance.cast, stage.endpoints) as leaders,
    ):
        rehearsal = Rehearsal(
            performance=performance,
            leaders=leaders,
            traps=traps,
            venue=venue,
            node=node,
            settings={
                **stage.environment(),
                "REMORA_RPC_WS_URL": node.url,
                "REMORA_CLOB_URL": venue.url,
                **settings,
            },
        )
        if performance.cast.underfunded:
            rehearsal.trap(Moment.BEFORE, "deliver", performance.spend)
        try:
            yield rehearsal
        finally:
            await rehearsal.close()


async def until(condition: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    """Wait until a condition holds; TimeoutError when patience ends."""
    async with asyncio.timeout(patience_s):
        while not condition():  # noqa: ASYNC110  it watches another process
            await asyncio.sleep(_POLL_S)
