"""The styles of leaders: what each does next, given its own random, its own holdings, and what can be traded.

Nothing else goes in: no clock and no book, so that the same seed makes the same choices on every machine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TypeAlias, assert_never

from remora.devnet.scenario.format import SizeRange, Style
from remora.devnet.scenario.quantities import SHARE_STEP_UNITS
from remora.devnet.traders.outcome import Outcome
from remora.domain.signal import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """To buy or sell shares at what they cost."""

    market: str
    outcome: Outcome
    side: Side
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeWish:
    """To merge pairs."""

    market: str
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RedeemWish:
    """To redeem all that is held."""

    market: str


Choice: TypeAlias = Wish | MergeWish | RedeemWish


@dataclass(slots=True, kw_only=True)
class Mind:
    """One leader's choices; `held` are its shares of each outcome, in base units, if all went as it chose."""

    style: Style
    size: SizeRange
    random: Random
    held: Counter[tuple[str, Outcome]] = field(default_factory=Counter)
    _favourites: dict[str, Outcome] = field(default_factory=dict)

    def choose(self, tradable: Sequence[str], resolved: Sequence[str]) -> Choice | None:
        """Choose what to do now, and count on it; None when there is nothing to do."""
        due = [market for market in resolved if self.held[market, Outcome.YES] or self.held[market, Outcome.NO]]
        if self.style is Style.REDEEM and due:
            for outcome in Outcome:
                del self.held[due[0], outcome]
            return RedeemWish(market=due[0])
        if not tradable:
            return None
        choice = self._trade_or_merge(tradable)
        self._count(choice)
        return choice

    def _trade_or_merge(self, tradable: Sequence[str]) -> Wish | MergeWish:
        match self.style:
            case Style.ACCUMULATE | Style.REDEEM:
                return self._add_to_favourite(tradable)
            case Style.ENTER_AND_EXIT:
                return self._exit_or_enter(tradable)
            case Style.BOTH_OUTCOMES:
                return self._take_lesser_side(tradable)
            case Style.HEDGE:
                return self._hedge_or_enter(tradable)
            case Style.MERGE:
                return self._pair_up(tradable)
            case _:
                assert_never(self.style)

    def _add_to_favourite(self, tradable: Sequence[str]) -> Wish:
        market = self.random.choice(tradable)
        outcome = self._favourites.setdefault(market, self._any_outcome())
        return self._buy(market, outcome)

    def _exit_or_enter(self, tradable: Sequence[str]) -> Wish:
        """Sell all or half of what is held, in orders of at most the largest size; enter when nothing is."""
        positions = [(market, outcome) for market in tradable for outcome in Outcome if self.held[market, outcome]]
        if not positions:
            return self._enter(tradable)
        market, outcome = positions[0]
        held = self.held[market, outcome]
        part = held // self.random.choice((1, 2)) // SHARE_STEP_UNITS * SHARE_STEP_UNITS
        units = min(part or held, self.size.max.units)
        return Wish(market=market, outcome=outcome, side=Side.SELL, units=units)

    def _take_lesser_side(self, tradable: Sequence[str]) -> Wish:
        market = self.random.choice(tradable)
        surplus = self._surplus(market)
        if not surplus:
            return self._buy(market, self._any_outcome())
        return self._buy(market, Outcome.NO if surplus > 0 else Outcome.YES)

    def _hedge_or_enter(self, tradable: Sequence[str]) -> Wish:
        """Cover a position with the other outcome, in part or whole; enter when all are covered well enough."""
        open_sides = [(market, self._surplus(market)) for market in tradable]
        bare = [(market, surplus) for market, surplus in open_sides if abs(surplus) >= self.size.min.units]
        if not bare:
            return self._enter(tradable)
        market, surplus = bare[0]
        units = min(self._drawn_units(), abs(surplus))
        return Wish(market=market, outcome=Outcome.NO if surplus > 0 else Outcome.YES, side=Side.BUY, units=units)

    def _pair_up(self, tradable: Sequence[str]) -> Wish | MergeWish:
        """Buy one outcome, then as much of the other, then merge the pairs."""
        for market in tradable:
            surplus, pairs = self._surplus(market), min(self.held[market, outcome] for outcome in Outcome)
            if surplus:
                other = Outcome.NO if surplus > 0 else Outcome.YES
                return Wish(market=market, outcome=other, side=Side.BUY, units=abs(surplus))
            if pairs:
                return MergeWish(market=market, units=pairs)
        return self._enter(tradable)

    def _enter(self, tradable: Sequence[str]) -> Wish:
        return self._buy(self.random.choice(tradable), self._any_outcome())

    def _buy(self, market: str, outcome: Outcome) -> Wish:
        return Wish(market=market, outcome=outcome, side=Side.BUY, units=self._drawn_units())

    def _any_outcome(self) -> Outcome:
        return self.random.choice((Outcome.YES, Outcome.NO))

    def _drawn_units(self) -> int:
        least, most = (each.units // SHARE_STEP_UNITS for each in (self.size.min, self.size.max))
        return self.random.randint(least, most) * SHARE_STEP_UNITS

    def _surplus(self, market: str) -> int:
        """Return how much more YES than NO is held."""
        return self.held[market, Outcome.YES] - self.held[market, Outcome.NO]

    def _count(self, choice: Wish | MergeWish) -> None:
        match choice:
            case Wish():
                sign = 1 if choice.side is Side.BUY else -1
                self.held[choice.market, choice.outcome] += sign * choice.units
            case MergeWish():
                for outcome in Outcome:
                    self.held[choice.market, outcome] -= choice.units
            case _:
                assert_never(choice)
