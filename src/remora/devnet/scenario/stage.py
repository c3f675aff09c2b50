"""A stage for a scenario: a devnet with its markets, a funded market maker, and leaders who are logged in."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from remora.devnet.accounts import fleet, treasury
from remora.devnet.endpoints import Market
from remora.devnet.inhabited import FLEET_SIZE, Inhabited
from remora.devnet.launcher import Devnet, DevnetConfig, running_devnet
from remora.devnet.scenario.deeds import Step, Trade
from remora.devnet.scenario.format import LeaderWallet
from remora.devnet.scenario.scenario import LeaderSetup, MarketSetup, Scenario
from remora.devnet.traders.crew import MAKER_SHARES, leading, market_maker, stock
from remora.devnet.traders.leader import Leader
from remora.devnet.traders.market_maker import MarketMaker
from remora.devnet.traders.outcome import Outcome
from remora.domain.money import ONE, Collateral, Shares
from remora.domain.signal import Side

_LEADER_COLLATERAL = Collateral(10_000_000 * ONE)
_LADDERS = 4
"""The market maker has the shares of so many full ladders, or more."""

Position = tuple[int, str, Outcome]
"""A leader, a market's name, an outcome."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where a scenario is played; `markets` grows as markets open, `held` are shares that leaders begin with."""

    scenario: Scenario
    devnet: Devnet
    inhabited: Inhabited
    maker: MarketMaker
    leaders: tuple[Leader, ...]
    markets: dict[str, Market]
    held: Counter[Position]

    async def open(self, setup: MarketSetup) -> None:
        """Open a market that was not there at the start."""
        self.markets[setup.name] = await self.devnet.open_market(setup.terms)
        await _supply(self.devnet, self.markets[setup.name], setup)


@asynccontextmanager
async def staged(scenario: Scenario) -> AsyncIterator[Stage]:
    """Run a devnet with all that a scenario needs, until the context ends; nobody trades yet."""
    opening = list(scenario.opening())
    config = DevnetConfig(
        block_time_s=float(scenario.file.block_time_s), markets=tuple(setup.terms for setup in opening)
    )
    async with running_devnet(config) as devnet, AsyncExitStack() as stack:
        funding = devnet.funding
        await funding.equip_fleet([account.address for account in fleet(FLEET_SIZE)], treasury().address)
        maker = await stack.enter_async_context(market_maker(devnet.endpoints, funding))
        markets = dict(zip((setup.name for setup in opening), devnet.endpoints.markets, strict=True))
        for setup in opening:
            await _supply(devnet, markets[setup.name], setup)
        leaders = tuple([await stack.enter_async_context(_leader(devnet, setup)) for setup in scenario.leaders])
        held = missing_shares(step for replay in scenario.replays for step in replay.steps)
        await _give(devnet, leaders, markets, held)
        wallets = tuple(leader.wallet for leader in leaders)
        yield Stage(
            scenario=scenario,
            devnet=devnet,
            inhabited=Inhabited(endpoints=dataclasses.replace(devnet.endpoints, leaders=wallets), leaders=wallets),
            maker=maker,
            leaders=leaders,
            markets=markets,
            held=held,
        )


def missing_shares(steps: Iterable[Step]) -> Counter[Position]:
    """Return what leaders must hold before the steps, so that they can sell all that they sell."""
    held, missing = Counter[Position](), Counter[Position]()
    for step in steps:
        if isinstance(trade := step.deed, Trade):
            position = (trade.leader, trade.market, trade.outcome)
            held[position] += trade.shares.units if trade.side is Side.BUY else -trade.shares.units
            missing[position] = max(missing[position], -held[position])
    return Counter({position: units for position, units in missing.items() if units})


def _leader(devnet: Devnet, setup: LeaderSetup) -> AbstractAsyncContextManager[Leader]:
    return leading(
        devnet.endpoints,
        devnet.funding,
        index=setup.index,
        collateral=_LEADER_COLLATERAL,
        with_deposit_wallet=setup.wallet is LeaderWallet.DEPOSIT,
    )


async def _supply(devnet: Devnet, market: Market, setup: MarketSetup) -> None:
    full = setup.maker.levels * setup.maker.size.units
    await stock(devnet.funding, market, max(MAKER_SHARES, Shares(_LADDERS * full)))


async def _give(
    devnet: Devnet, leaders: tuple[Leader, ...], markets: Mapping[str, Market], held: Counter[Position]
) -> None:
    """Have leaders split what they need; splits are no trades. They get as much of the other outcome."""
    most: dict[tuple[int, str], int] = {}
    for (leader, market, _), units in held.items():
        most[leader, market] = max(most.get((leader, market), 0), units)
    for (leader, market), units in most.items():
        wallet = leaders[leader].wallet
        await devnet.funding.fund([wallet], collateral=Collateral(units))
        await devnet.funding.split(wallet, markets[market], Shares(units))
