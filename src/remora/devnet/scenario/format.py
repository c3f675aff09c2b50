"""The scenario file: what can be in it. Unknown keys are refused, and every key does something.

`docs/devnet.md` tells its meaning to people. Markets are named in the file; where nothing names them, all are meant.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from remora.devnet.markets import DRAW, NO_WINS, YES_WINS, MarketTerms
from remora.devnet.scenario.quantities import (
    AddressField,
    Duration,
    Moment,
    OrderSize,
    PriceField,
    Swing,
    Width,
)
from remora.domain.money import ONE, Price, Shares

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
_FASTEST = Decimal(1_000_000)


class Entry(BaseModel):
    """Anything that a scenario file has keys for."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, populate_by_name=True)

    def expect_one(self, *names: str) -> None:
        """Raise ValueError unless just one of these fields is given."""
        given = [name for name in names if getattr(self, name) is not None]
        if len(given) != 1:
            written = [type(self).model_fields[name].alias or name for name in names]
            raise ValueError(f"expected one of {', '.join(written)}; found {len(given) or 'none'} of them")


class MarketEntry(Entry):
    """One market, or `count` alike; a group's markets are NAME-1, NAME-2 and so on, and NAME means all of them."""

    name: Name
    count: int = Field(default=1, ge=1, le=100)
    question: str | None = Field(default=None, min_length=1, max_length=200)
    neg_risk: bool = False
    tick_size: Literal["0.1", "0.01", "0.005", "0.0025", "0.001", "0.0001"] = "0.01"
    min_order_size: OrderSize = Shares(5 * ONE)
    fee_rate: Annotated[str, Field(pattern=r"^0(\.[0-9]{1,4})?$")] = "0"
    seconds_delay: int = Field(default=0, ge=0, le=60)

    @property
    def tick(self) -> int:
        """The smallest difference of two prices, in base units."""
        return Price.parse(self.tick_size).units

    def terms(self) -> dict[str, MarketTerms]:
        """Return the terms of its markets by name."""
        question = self.question or f"Will {self.name} come to pass?"
        names = [self.name] if self.count == 1 else [f"{self.name}-{number}" for number in range(1, self.count + 1)]
        return {
            name: MarketTerms(
                question=question if name == self.name else f"{question} ({name})",
                neg_risk=self.neg_risk,
                tick_size=self.tick_size,
                min_order_size=str(self.min_order_size),
                fee_rate=self.fee_rate,
                seconds_delay=self.seconds_delay,
            )
            for name in names
        }


class Walk(Entry):
    """A random walk: each step goes up or down by at most `volatility`, and turns back before 0 and 1."""

    start: PriceField
    volatility: Swing = Price(10_000)


class Drift(Entry):
    """A way from `start` to `end` in `over_s` seconds, straight but for `volatility`; then it stays."""

    start: PriceField
    end: PriceField
    over_ms: Duration = Field(alias="over_s")
    volatility: Swing = Price(0)


class Point(Entry):
    """A price at a time."""

    at_ms: Moment = Field(alias="at_s")
    price: PriceField


class PathEntry(Entry):
    """How the middle of the YES book moves: one of three ways."""

    walk: Walk | None = None
    drift: Drift | None = None
    points: tuple[Point, ...] | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _is_one(self) -> PathEntry:
        self.expect_one("walk", "drift", "points")
        times = [point.at_ms for point in self.points or ()]
        if sorted(set(times)) != times:
            raise ValueError("expected points in the order of their times, each time once")
        return self


class MakerEntry(Entry):
    """How markets are quoted: `levels` bids and asks of `size` shares, `step` apart, around a middle that moves."""

    markets: tuple[Name, ...] | None = Field(default=None, min_length=1)
    spread: Width = Price(20_000)
    levels: int = Field(default=5, ge=1, le=50)
    step: Width = Price(10_000)
    size: OrderSize = Shares(1_000 * ONE)
    every_ms: Duration = Field(default=2_000, alias="every_s")
    path: PathEntry = PathEntry(walk=Walk(start=Price(500_000)))


class Style(StrEnum):
    """How a leader trades."""

    ACCUMULATE = "accumulate"
    ENTER_AND_EXIT = "enter_and_exit"
    BOTH_OUTCOMES = "both_outcomes"
    HEDGE = "hedge"
    MERGE = "merge"
    REDEEM = "redeem"


class LeaderWallet(StrEnum):
    """What a leader trades with: its account's own address, or the account's deposit wallet."""

    EOA = "eoa"
    DEPOSIT = "deposit"


class SizeRange(Entry):
    """How many shares an order is for."""

    min: OrderSize
    max: OrderSize

    @model_validator(mode="after")
    def _is_ordered(self) -> SizeRange:
        if self.min > self.max:
            raise ValueError(f"expected a min of at most max, {self.max}")
        return self


class LeaderEntry(Entry):
    """Leaders of one style, `count` of them, each with a seed of its own."""

    style: Style
    count: int = Field(default=1, ge=1, le=200)
    wallet: LeaderWallet = LeaderWallet.EOA
    markets: tuple[Name, ...] | None = Field(default=None, min_length=1)
    every_ms: Duration = Field(default=4_000, alias="every_s")
    size: SizeRange = SizeRange(min=Shares(5 * ONE), max=Shares(50 * ONE))


def _speed(raw: Any) -> Any:
    return None if raw == "max" else raw


Speed = Annotated[
    Annotated[Decimal, Field(gt=0, le=_FASTEST)] | None,
    BeforeValidator(_speed),
]
"""How many seconds of a script pass in one of ours; None for as fast as possible, which is written `max`."""


class ReplayEntry(Entry):
    """Trades of real wallets, made again by leaders in markets that stand for theirs."""

    file: Annotated[str, Field(min_length=1)]
    speed: Speed = Decimal(1)
    start_ms: Moment = Field(default=0, alias="start_s")
    wallets: tuple[AddressField, ...] | None = Field(default=None, min_length=1)
    identical_rows: Literal["keep", "drop"] = "keep"
    wallet: LeaderWallet = LeaderWallet.EOA


class Resolve(Entry):
    """A market's end: the outcome that pays, or both in halves."""

    market: Name
    outcome: Literal["YES", "NO", "DRAW"]

    def payouts(self) -> tuple[int, int]:
        """Return what YES and NO pay, in proportion."""
        return {"YES": YES_WINS, "NO": NO_WINS, "DRAW": DRAW}[self.outcome]


class EventEntry(Entry):
    """Something that happens at a time: one of five."""

    at_ms: Moment = Field(alias="at_s")
    resolve: Resolve | None = None
    faults: tuple[dict[str, Any], ...] | None = Field(default=None, min_length=1)
    clear_faults: Literal["all"] | None = None
    open_market: MarketEntry | None = None
    move_time_ms: Duration | None = Field(default=None, alias="move_time_s")

    @model_validator(mode="after")
    def _is_one(self) -> EventEntry:
        self.expect_one("resolve", "faults", "clear_faults", "open_market", "move_time_ms")
        return self


class Until(Entry):
    """The end: after so many leader trades, or so many seconds."""

    trades: int | None = Field(default=None, ge=1, le=10_000_000)
    ms: Duration | None = Field(default=None, alias="seconds")

    @model_validator(mode="after")
    def _is_one(self) -> Until:
        self.expect_one("trades", "ms")
        return self


class ScenarioFile(Entry):
    """The whole file."""

    seed: int = 1
    block_time_s: Annotated[Decimal, Field(ge=Decimal("0.05"), le=60)] = Decimal(1)
    speed: Speed = Decimal(1)
    markets: tuple[MarketEntry, ...] = ()
    market_makers: tuple[MakerEntry, ...] = ()
    leaders: tuple[LeaderEntry, ...] = ()
    replay: tuple[ReplayEntry, ...] = ()
    events: tuple[EventEntry, ...] = ()
    until: Until | None = None
