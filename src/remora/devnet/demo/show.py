"""The show: stage, supervisor, leaders, terminal and report, from the first line to the verdict."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from remora.devnet.demo.cast import cast
from remora.devnet.demo.performance import PATIENCE_S, RELIEF, Performance
from remora.devnet.demo.report import run_report, shortcomings
from remora.devnet.demo.screen import Event, Screen
from remora.devnet.demo.script import Act, acts, leaders_of
from remora.devnet.demo.stage import Stage, staged
from remora.devnet.supervised import Supervisor
from remora.devnet.traders.leader import Leader

FLEET_SIZE = 20
LOW_WALLETS = 2
"""So many operator wallets need a refuel at the start."""
SETTINGS = {"REMORA_RECOVERY_INTERVAL_S": "4"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the demo was asked for."""

    once: bool
    followers: int
    trades: int
    seed: int


@dataclass(slots=True, kw_only=True)
class Show:
    """A performance with a supervisor whose log is on the screen.

    With the first decision the underfunded followers have spent what it counts on.
    """

    performance: Performance
    screen: Screen
    fleet: dict[str, int]
    listening: asyncio.Event = field(default_factory=asyncio.Event)
    spent: bool = False

    async def act(self, act: Act, leaders: list[Leader]) -> None:
        """Have a leader trade, and wait until everybody who follows is served or refused."""
        await self.performance.act(act, leaders)
        await self.performance.settled()

    async def relieve(self) -> None:
        """Give the underfunded followers collateral, and wait for the recovery."""
        for follower in self.performance.cast.underfunded:
            self.screen.say(f"{follower.name} gets {RELIEF} of collateral")
        await self.performance.relieve()
        await self.performance.settled(debts_too=True)

    async def listen(self, supervisor: Supervisor) -> None:
        """Show what the supervisor says, and keep what the report needs."""
        async for event in supervisor.events():
            self._note(event)
            self.screen.show(event)
            if event["event"] == "decided" and event["intents"] and not self.spent:
                self.spent = True
                await self.performance.spend()

    async def verdict(self) -> tuple[dict[str, Any], list[str]]:
        """Return the run report and what went wrong."""
        performance = self.performance
        audit, figures = await performance.audit(), performance.read()
        report = run_report(figures, performance.cast, audit.found, self.fleet, books_balanced=audit.balanced)
        wrong = shortcomings(figures, trades=performance.trades, expected=performance.expectation.copies, audit=audit)
        return report, wrong

    def _note(self, event: Event) -> None:
        match event["event"]:
            case "refreshed":
                self.fleet["ready"] = event["ready"]
            case "listening":
                self.listening.set()


async def run_show(wishes: Wishes, screen_of: Any, folder: Path) -> tuple[dict[str, Any], list[str]]:
    """Run the demo in a folder; return the report and what went wrong."""
    async with staged(folder, fleet_size=FLEET_SIZE) as stage:
        return await play(wishes, screen_of, stage)


async def play(wishes: Wishes, screen_of: Any, stage: Stage) -> tuple[dict[str, Any], list[str]]:
    """Run the demo on a stage; return the report and what went wrong."""
    players = cast(followers=wishes.followers, seed=wishes.seed)
    screen: Screen = screen_of(players.names())
    screen.say(f"a local Polymarket, {len(players.leaders)} leaders, {len(players.followers)} followers")
    await stage.admit(players, low_wallets=LOW_WALLETS)
    with closing(Performance(stage=stage, cast=players)) as performance:
        show = Show(performance=performance, screen=screen, fleet={"size": len(stage.fleet), "ready": 0})
        async with _supervised(show), leaders_of(players, stage.endpoints) as leaders:
            await _play(show, leaders, wishes)
        report, wrong = await show.verdict()
    screen.summarize(report)
    return report, wrong


async def _play(show: Show, leaders: list[Leader], wishes: Wishes) -> None:
    markets = len(show.performance.stage.endpoints.markets)
    script = acts(trades=wishes.trades, markets=markets, seed=wishes.seed)
    for act in itertools.islice(script, 5):
        await show.act(act, leaders)
    await show.relieve()
    for act in script:
        await show.act(act, leaders)
    if not wishes.once:
        show.screen.say("the script is over; the leaders go on until Ctrl-C")
        await _go_on(show, leaders, wishes)


async def _go_on(show: Show, leaders: list[Leader], wishes: Wishes) -> None:
    """Trade at random until the task is cancelled."""
    markets = len(show.performance.stage.endpoints.markets)
    endless = acts(trades=10**9, markets=markets, seed=wishes.seed + 1)
    with suppress(asyncio.CancelledError):
        for act in itertools.islice(endless, 6, None):
            await asyncio.sleep(2)
            await show.act(act, leaders)


@asynccontextmanager
async def _supervised(show: Show) -> AsyncIterator[None]:
    """Run the supervisor with its log on the screen; wait until it listens, and stop it as an operator would."""
    stage = show.performance.stage
    supervisor = await Supervisor.start(stage.folder, {**stage.environment(), **SETTINGS})
    listening = asyncio.create_task(show.listen(supervisor))
    try:
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.wait(
                [listening, asyncio.ensure_future(show.listening.wait())], return_when=asyncio.FIRST_COMPLETED
            )
        yield
    finally:
        await supervisor.stop()
        await listening
