"""A scenario that was read and found right: markets, makers, leaders, replays and events, with all names resolved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from remora.devnet.markets import MarketTerms
from remora.devnet.scenario.format import EventEntry, LeaderEntry, LeaderWallet, MakerEntry, ScenarioFile
from remora.devnet.scenario.replay import Replay, largest_order
from remora.devnet.traders.market_maker import Ladder
from remora.domain.ids import Address
from remora.domain.money import ONE, Price, Shares

_REPLAYED_LEVEL = Shares(1_000 * ONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketSetup:
    """A market, how it is quoted, and when it opens (0: before anything else)."""

    name: str
    terms: MarketTerms
    tick: int
    maker: MakerEntry
    opens_at_ms: int = 0

    def ladder(self, mid: Price) -> Ladder:
        """Return what its maker quotes around a middle, which bid and ask are half a spread away from."""
        return self._ladder(mid, Price(self.maker.spread.units // 2))

    def ladder_beside(self, price: Price) -> Ladder:
        """Return a ladder that leaves a price of YES on the market's tick to somebody else."""
        return self._ladder(price, Price(-(-self.maker.spread.units // 2 // self.tick) * self.tick))

    def _ladder(self, mid: Price, half_spread: Price) -> Ladder:
        maker = self.maker
        return Ladder(
            mid=mid,
            half_spread=half_spread,
            step=maker.step,
            depth=maker.levels,
            shares=maker.size,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaderSetup:
    """A leader: `entry` says how it trades, or it makes the trades of the wallet that it stands for again."""

    index: int
    wallet: LeaderWallet
    markets: tuple[str, ...] = ()
    entry: LeaderEntry | None = None
    stands_for: Address | None = None

    def __str__(self) -> str:
        does = f"makes the trades of {self.stands_for} again" if self.entry is None else self.entry.style
        kind = " with a deposit wallet" if self.wallet is LeaderWallet.DEPOSIT else ""
        return f"leader {self.index}{kind}: {does}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Everything that a plan is made of, and that a stage needs."""

    source: Path
    file: ScenarioFile
    markets: Mapping[str, MarketSetup]
    leaders: tuple[LeaderSetup, ...]
    replays: tuple[Replay, ...]
    events: tuple[EventEntry, ...]

    def opening(self) -> Iterator[MarketSetup]:
        """Yield the markets that are there from the start."""
        return (market for market in self.markets.values() if not market.opens_at_ms)


def replayed_markets(replay: Replay) -> Iterator[MarketSetup]:
    """Yield the markets of a replay; the maker quotes around the next trade, two ticks apart."""
    for name, market in replay.markets.items():
        largest = largest_order(step for step in replay.steps if getattr(step.deed, "market", "") == name)
        maker = MakerEntry(
            spread=Price(2 * market.tick),
            step=Price(market.tick),
            size=max(_REPLAYED_LEVEL, Shares(2 * largest.units)),
        )
        yield MarketSetup(name=name, terms=market.terms, tick=market.tick, maker=maker)
