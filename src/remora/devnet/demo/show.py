"""The show: stage, supervisor, leaders, terminal and report, from the first line to the verdict."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from remora.adapters.store.books import balances
from remora.adapters.store.database import engine_for
from remora.adapters.store.figures import Figures, figures
from remora.devnet.accounts import fleet
from remora.devnet.demo.books import Difference, Holdings, differences, holdings, sums_to_zero
from remora.devnet.demo.cast import Cast, cast
from remora.devnet.demo.expectation import Expectation
from remora.devnet.demo.report import run_report, shortcomings
from remora.devnet.demo.screen import Event, Screen
from remora.devnet.demo.script import Act, acts, leaders_of, perform
from remora.devnet.demo.stage import Stage, staged
from remora.devnet.supervised import Supervisor, supervisor_environment
from remora.devnet.traders.leader import Leader
from remora.domain.ids import Address, TokenId
from remora.domain.money import ONE, Collateral

FLEET_SIZE = 20
PATIENCE_S = 90.0
RELIEF = Collateral(1_000 * ONE)
"""What an underfunded follower is given, so that the debt can be collected."""

SETTINGS = {
    "REMORA_RECOVERY_INTERVAL_S": "4",
    "REMORA_DATABASE": "remora.db",
    "REMORA_FLEET_SIZE": str(FLEET_SIZE),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the demo was asked for."""

    once: bool
    followers: int
    trades: int
    seed: int


@dataclass(slots=True, kw_only=True)
class Show:
    """A demo that is running."""

    stage: Stage
    cast: Cast
    screen: Screen
    expectation: Expectation
    trades: int = 0
    brought: dict[Address, int] = field(default_factory=dict)
    fleet: dict[str, int] = field(default_factory=lambda: {"size": FLEET_SIZE, "ready": 0})

    def read(self) -> Figures:
        """Read the figures of the supervisor's database."""
        engine = engine_for(self.stage.folder / SETTINGS["REMORA_DATABASE"])
        with engine.connect() as connection:
            found = figures(connection)
        engine.dispose()
        return found

    async def act(self, act: Act, leaders: list[Leader]) -> None:
        """Have a leader trade, and wait until everybody who follows is served or refused."""
        trade = await perform(act, leaders, self.stage.endpoints.markets)
        self.expectation.add(trade)
        self.trades += 1
        await self.settled()

    async def settled(self, *, debts_too: bool = False) -> None:
        """Wait until all trades are decided and nothing is in flight; give up after PATIENCE_S."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                while not self._done(self.read(), debts_too=debts_too):
                    await asyncio.sleep(0.2)

    async def relieve(self) -> None:
        """Give the underfunded followers collateral, and wait for the recovery."""
        for follower in self.cast.underfunded:
            self.screen.say(f"{follower.name} gets {RELIEF} of collateral")
            await self.stage.funding.fund([follower.wallet], collateral=RELIEF)
            self.brought[follower.wallet] += RELIEF.units
        await self.settled(debts_too=True)

    async def listen(self, supervisor: Supervisor) -> None:
        """Show what the supervisor says, and keep what the report needs."""
        async for event in supervisor.events():
            self._note(event)
            self.screen.show(event)

    async def audit(self) -> tuple[list[Difference], Holdings, bool]:
        """Compare the books with the chain."""
        engine = engine_for(self.stage.folder / SETTINGS["REMORA_DATABASE"])
        with engine.connect() as connection:
            books = balances(connection)
        engine.dispose()
        markets = self.stage.endpoints.markets
        tokens = [TokenId(token) for market in markets for token in (market.yes_token_id, market.no_token_id)]
        operators = [account.address for account in fleet(FLEET_SIZE)]
        wallets = [*operators, *self.brought]
        found = await holdings(self.stage.node, self.stage.endpoints.contracts, wallets, tokens)
        wrong = differences(books, found, fleet=operators, brought=self.brought)
        return wrong, found, sums_to_zero(books)

    def _done(self, now: Figures, *, debts_too: bool) -> bool:
        owed = debts_too and now.debts_opened > now.debts_recovered
        return now.signals >= self.trades and not now.unfinished and not owed

    def _note(self, event: Event) -> None:
        if event["event"] == "refreshed":
            self.fleet["ready"] = event["ready"]


async def run_show(wishes: Wishes, screen_of: Any, folder: Path) -> tuple[dict[str, Any], list[str]]:
    """Run the demo in a folder; return the report and what went wrong."""
    players = cast(followers=wishes.followers, seed=wishes.seed)
    screen: Screen = screen_of(players.names())
    screen.say(f"a local Polymarket, {len(players.leaders)} leaders, {len(players.followers)} followers")
    async with staged(folder, players, fleet_size=FLEET_SIZE) as stage:
        show = Show(stage=stage, cast=players, screen=screen, expectation=Expectation(cast=players))
        show.brought = {follower.wallet: follower.collateral.units for follower in players.followers}
        async with _supervised(show), leaders_of(players, stage.endpoints) as leaders:
            await _play(show, leaders, wishes)
        wrong, found, balanced = await show.audit()
        read = show.read()
        report = run_report(read, players, found, show.fleet, books_balanced=balanced and not wrong)
        screen.summarize(report)
        return report, shortcomings(read, trades=show.trades, expected=show.expectation.copies, differences=wrong)


async def _play(show: Show, leaders: list[Leader], wishes: Wishes) -> None:
    markets = len(show.stage.endpoints.markets)
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
    markets = len(show.stage.endpoints.markets)
    endless = acts(trades=10**9, markets=markets, seed=wishes.seed + 1)
    with suppress(asyncio.CancelledError):
        for act in itertools.islice(endless, 6, None):
            await asyncio.sleep(2)
            await show.act(act, leaders)


@asynccontextmanager
async def _supervised(show: Show) -> AsyncIterator[None]:
    """Run the supervisor with its log on the screen; wait until it listens, and stop it as an operator would."""
    environment = {**supervisor_environment(show.stage.endpoints), **SETTINGS}
    supervisor = await Supervisor.start(show.stage.folder, environment)
    listening = asyncio.create_task(show.listen(supervisor))
    try:
        async with asyncio.timeout(PATIENCE_S):
            while show.fleet["ready"] == 0 and supervisor.process.returncode is None:
                await asyncio.sleep(0.1)
        yield
    finally:
        await supervisor.stop()
        await listening
