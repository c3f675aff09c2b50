"""What two leaders do in a replay, by a seed: two hundred trades of the one, and a few opposite ones of the other."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from random import Random
from typing import Any

from remora.devnet.endpoints import Market
from remora.devnet.markets import MarketTerms
from remora.devnet.traders.leader import Leader
from remora.devnet.traders.market_maker import Ladder
from remora.devnet.traders.outcome import Outcome
from remora.domain.ids import TokenId
from remora.domain.money import ONE, Collateral, Price, Shares, parse_units
from remora.domain.signal import Side
from tests.scenario.copying.recomputed import Described, Traded

ROUNDS, BUYS, SALES = 5, 33, 7
"""5 x (33 + 7) = 200 trades; what is bought in a round is settled before anything of it is sold."""

DAY_S = 86_400
AMOUNTS = (11, 17, 23, 34, 47, 58, 73)
"""What the leader spends: none is near a bound of a policy."""

FIRST, SECOND = 0, 1
"""The two leaders."""

DEEP, SHALLOW = 200_000, 30_000
"""Shares at each price. Nothing that is traded moves a price; the shallow market is still less liquid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A market of the replay: how it is described, what YES costs in it, and the shares at each price."""

    terms: MarketTerms
    mid: str
    days: int = 10
    depth: int = DEEP

    def described(self, number: int, market: Market) -> Described:
        """Return what the venue tells of it; liquidity counts each of the four levels at about a half."""
        return Described(
            number=number,
            slug=market.slug,
            question=market.question.lower(),
            category=market.category.lower(),
            tags=tuple(tag.lower() for tag in market.tags),
            neg_risk=market.neg_risk,
            fee=Decimal(market.fee_rate),
            liquidity=Decimal(4 * self.depth),
            volume=Decimal(market.past_volume),
            days=self.days,
        )

    def opened(self) -> MarketTerms:
        """Return the terms, to end in so many days from now."""
        return replace(self.terms, ends_s=int(time.time()) + self.days * DAY_S + DAY_S // 2)

    @property
    def ladder(self) -> Ladder:
        """What is quoted."""
        return Ladder(mid=Price.parse(self.mid), depth=2, shares=Shares(self.depth * ONE))


PLACES = (
    Place(
        terms=MarketTerms(
            question="Will the replay reach the reef?", category="Science", tags=("Reef",), past_volume="100000"
        ),
        mid="0.5",
    ),
    Place(
        terms=MarketTerms(
            question="Will the race end at the rock?", category="Sports", tags=("Reef", "Tide"), fee_rate="0.05"
        ),
        mid="0.2",
    ),
    Place(
        terms=MarketTerms(question="Will anybody describe this?", neg_risk=True, past_volume="100000"),
        mid="0.7",
        days=100,
        depth=SHALLOW,
    ),
    Place(
        terms=MarketTerms(question="Will a storm break the tide?", category="Science", tags=("Tide",)),
        mid="0.35",
        days=1,
    ),
)
"""With both outcomes, odds from 0.2 to 0.8."""


@dataclass(slots=True, kw_only=True)
class Script:
    """What the leaders do, by the seed; it remembers what they hold."""

    markets: Sequence[Market]
    leaders: Sequence[Leader]
    random: Random
    held: defaultdict[tuple[int, TokenId], int] = field(default_factory=lambda: defaultdict(int))
    done: list[Traded] = field(default_factory=list)

    async def entries(self) -> None:
        """Have the first leader buy, something for some amount each time."""
        for _ in range(BUYS):
            number, outcome = self.random.randrange(len(self.markets)), self.random.choice(list(Outcome))
            await self._buy(FIRST, number, outcome, self.random.choice(AMOUNTS))

    async def exits(self) -> None:
        """Have the first leader sell half or three quarters of what it holds of some tokens."""
        tokens = [(number, outcome) for number in range(len(self.markets)) for outcome in Outcome]
        for number, outcome in self.random.sample(tokens, SALES):
            await self._sell(FIRST, number, outcome, self.random.choice((2, 3)))

    async def other_side(self, turn: int) -> None:
        """Have the second leader buy in two markets that have no fee, or sell the one and all but a speck of it."""
        if turn % 2:
            await self._sell(SECOND, 0, Outcome.NO, 4)
        else:
            await self._buy(SECOND, 0, Outcome.NO, 30)
            await self._buy(SECOND, 3, Outcome.YES, 20)

    async def _buy(self, who: int, number: int, outcome: Outcome, amount: int) -> None:
        answer = await self.leaders[who].buy(self.markets[number], outcome, Collateral(amount * ONE))
        self._note(who, number, outcome, Side.BUY, answer)

    async def _sell(self, who: int, number: int, outcome: Outcome, quarters: int) -> None:
        held = self.held[who, outcome.token_of(self.markets[number])]
        units = held * quarters // 4 // 10_000 * 10_000
        answer = await self.leaders[who].sell(self.markets[number], outcome, Shares(units))
        self._note(who, number, outcome, Side.SELL, answer)

    def _note(self, who: int, number: int, outcome: Outcome, side: Side, answer: Any) -> None:
        making, taking = (parse_units(str(each), 6) for each in (answer.making_amount, answer.taking_amount))
        shares, collateral = (taking, making) if side is Side.BUY else (making, taking)
        market = self.markets[number]
        token, other = (each.token_of(market) for each in _with_other(outcome))
        self.done.append(
            Traded(
                leader=who,
                token=str(token),
                other=str(other),
                market=PLACES[number].described(number, market),
                is_yes=outcome is Outcome.YES,
                buys=side is Side.BUY,
                shares=Decimal(shares) / ONE,
                collateral=Decimal(collateral) / ONE,
                held=Decimal(self.held[who, token]) / ONE,
            )
        )
        self.held[who, token] += shares if side is Side.BUY else -shares


def _with_other(outcome: Outcome) -> tuple[Outcome, Outcome]:
    return outcome, Outcome.NO if outcome is Outcome.YES else Outcome.YES
