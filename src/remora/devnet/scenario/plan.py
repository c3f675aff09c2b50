"""The plan of a scenario: what happens in which order, decided before anything is done.

Time here is the script's, in milliseconds; prices are what the market makers will quote at that time. Whoever carries
the plan out may be late, but changes nothing. The same file makes the same plan, on every machine.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Protocol, assert_never

from remora.devnet.scenario.deeds import LEAST_PURCHASE, Act, Deed, Happening, Merge, Quote, Redeem, Step, Trade
from remora.devnet.scenario.format import EventEntry, LeaderEntry
from remora.devnet.scenario.paths import best_bid, path_prices
from remora.devnet.scenario.replay import Replay
from remora.devnet.scenario.scenario import LeaderSetup, MarketSetup, Scenario
from remora.devnet.scenario.styles import Choice, MergeWish, Mind, RedeemWish, Wish
from remora.devnet.traders.outcome import Outcome
from remora.domain.money import ONE, Price, Shares
from remora.domain.signal import Side


def plan(scenario: Scenario) -> Iterator[Step]:
    """Yield the steps in their order; without an end in the file there is always another one.

    After the end come no more steps; markets whose trades all lie behind are not quoted any more then.
    """
    until = scenario.file.until
    trades = 0
    for step in _Agenda(scenario).steps():
        if until and until.ms is not None and step.at_ms > until.ms:
            return
        yield step
        trades += isinstance(step.deed, Trade)
        if until and trades == until.trades:
            return


@dataclass(slots=True, kw_only=True)
class _World:
    """What is so at a time of the script: the best bids for YES of open markets, and what was resolved."""

    scenario: Scenario
    bids: dict[str, Price] = field(default_factory=dict)
    resolved: dict[str, None] = field(default_factory=dict)

    def price(self, market: str, outcome: Outcome, side: Side) -> Price:
        """Return what an order on a side trades at."""
        bid, spread = self.bids[market].units, self.scenario.markets[market].maker.spread.units
        yes = bid + spread if (side is Side.BUY) is (outcome is Outcome.YES) else bid
        return outcome.price_at(Price(yes))

    def quote(self, market: str, bid: Price) -> Quote:
        """Return the quote with this best bid for YES, which holds from now on."""
        self.bids[market] = bid
        return Quote(market=market, mid=Price(bid.units + self.scenario.markets[market].maker.spread.units // 2))


class _Actor(Protocol):
    """Who does something from time to time; `due_ms` is None when it does no more."""

    due_ms: int | None
    trades: bool

    def act(self, world: _World) -> list[Deed]:
        """Return what is done at the due time, and set the next one."""
        ...


class _Agenda:
    """Lets actors act in the order of their times; at the same time in the order in which they came."""

    def __init__(self, scenario: Scenario) -> None:
        self._world = _World(scenario=scenario)
        self._ordinals = itertools.count()
        self._heap: list[tuple[int, int, _Actor]] = []
        for actor in _actors(scenario):
            self._enter(actor)

    def steps(self) -> Iterator[Step]:
        """Yield the steps until nobody acts any more, or only market makers would."""
        while self._heap:
            at_ms, _, actor = heapq.heappop(self._heap)
            for deed in actor.act(self._world):
                yield Step(at_ms=at_ms, deed=deed)
            self._enter(actor)
            if self._is_over():
                return

    def _enter(self, actor: _Actor) -> None:
        if actor.due_ms is not None:
            heapq.heappush(self._heap, (actor.due_ms, next(self._ordinals), actor))

    def _is_over(self) -> bool:
        """Tell whether the trades that the end is counted by are all made."""
        until = self._world.scenario.file.until
        return bool(until and until.trades and not any(actor.trades for _, _, actor in self._heap))


def _actors(scenario: Scenario) -> Iterator[_Actor]:
    for event in sorted(scenario.events, key=lambda event: event.at_ms):
        yield _Clockwork(event)
    replayed = {name: replay for replay in scenario.replays for name in replay.markets}
    for market in scenario.markets.values():
        if market.name in replayed:
            yield _Stand(market, _first_bid(market, replayed[market.name]))
        else:
            yield _Quoter(market, scenario.file.seed)
    for replay in scenario.replays:
        yield _Replayer(replay)
    for leader in scenario.leaders:
        if leader.entry is not None:
            yield _Player(leader, leader.entry, scenario.file.seed)


class _Clockwork:
    """One timed event."""

    trades = False

    def __init__(self, event: EventEntry) -> None:
        self.due_ms: int | None = event.at_ms
        self._event = event

    def act(self, world: _World) -> list[Deed]:
        self.due_ms = None
        if self._event.resolve:
            world.resolved[self._event.resolve.market] = None
            world.bids.pop(self._event.resolve.market, None)
        return [Happening(event=self._event)]


class _Quoter:
    """The maker of a market whose price goes its own way."""

    trades = False

    def __init__(self, market: MarketSetup, seed: int) -> None:
        self.due_ms: int | None = market.opens_at_ms
        self._market = market
        random = Random(f"{seed} path {market.name}")  # noqa: S311 - it chooses prices, not secrets
        self._prices = path_prices(market.maker.path, market.maker.every_ms, random)

    def act(self, world: _World) -> list[Deed]:
        market, maker = self._market, self._market.maker
        if market.name in world.resolved or self.due_ms is None:
            self.due_ms = None
            return []
        self.due_ms += maker.every_ms
        return [world.quote(market.name, best_bid(next(self._prices), maker.spread, market.tick))]


class _Stand:
    """The maker of a replayed market, who keeps quoting around the last trade."""

    trades = False

    def __init__(self, market: MarketSetup, bid: Price) -> None:
        self.due_ms: int | None = 0
        self._market = market
        self._bid = bid

    def act(self, world: _World) -> list[Deed]:
        name = self._market.name
        self.due_ms = (self.due_ms or 0) + self._market.maker.every_ms
        return [world.quote(name, world.bids.get(name, self._bid))]


class _Replayer:
    """Makes captured trades again; before each the market is quoted so that it happens at its price."""

    trades = True

    def __init__(self, replay: Replay) -> None:
        self._steps = list(reversed(replay.steps))
        self.due_ms: int | None = self._steps[-1].at_ms

    def act(self, world: _World) -> list[Deed]:
        deed = self._steps.pop().deed
        self.due_ms = self._steps[-1].at_ms if self._steps else None
        assert isinstance(deed, Trade)
        spread = world.scenario.markets[deed.market].maker.spread
        return [world.quote(deed.market, _bid_for(deed, spread)), deed]


class _Player:
    """A leader with a style, who decides with a random of its own."""

    trades = True

    def __init__(self, leader: LeaderSetup, entry: LeaderEntry, seed: int) -> None:
        self._leader, self._entry = leader, entry
        self._random = Random(f"{seed} leader {leader.index}")  # noqa: S311 - it chooses trades, not secrets
        self._mind = Mind(style=entry.style, size=entry.size, random=self._random)
        self.due_ms: int | None = self._pause_ms()

    def act(self, world: _World) -> list[Deed]:
        tradable = [market for market in self._leader.markets if market in world.bids]
        resolved = [market for market in self._leader.markets if market in world.resolved]
        choice = self._mind.choose(tradable, resolved)
        is_over = choice is None and len(resolved) == len(self._leader.markets)
        self.due_ms = None if is_over else (self.due_ms or 0) + self._pause_ms()
        return [] if choice is None else [self._deed(choice, world)]

    def _deed(self, choice: Choice, world: _World) -> Act:
        leader = self._leader.index
        match choice:
            case Wish():
                price, shares = world.price(choice.market, choice.outcome, choice.side), Shares(choice.units)
                return Trade(
                    leader=leader,
                    market=choice.market,
                    outcome=choice.outcome,
                    side=choice.side,
                    price=price,
                    shares=shares,
                    rests=choice.side is Side.BUY and price.cost_floor(shares) < LEAST_PURCHASE,
                )
            case MergeWish():
                return Merge(leader=leader, market=choice.market, shares=Shares(choice.units))
            case RedeemWish():
                return Redeem(leader=leader, market=choice.market)
            case _:
                assert_never(choice)

    def _pause_ms(self) -> int:
        """Return a pause of half to one and a half times the usual one."""
        usual_ms = self._entry.every_ms
        return max(1, self._random.randint(usual_ms // 2, usual_ms + usual_ms // 2))


def _bid_for(trade: Trade, spread: Price) -> Price:
    """Return the best bid for YES with which the trade happens at its price."""
    yes = trade.outcome.price_at(trade.price).units
    takes_ask = (trade.side is Side.BUY) is (trade.outcome is Outcome.YES)
    return Price(yes - spread.units if takes_ask else yes)


def _first_bid(market: MarketSetup, replay: Replay) -> Price:
    """Return the bid before a replayed market's first trade."""
    trades = [step.deed for step in replay.steps if isinstance(step.deed, Trade) and step.deed.market == market.name]
    return _bid_for(trades[0], market.maker.spread) if trades else Price(ONE // 2)
