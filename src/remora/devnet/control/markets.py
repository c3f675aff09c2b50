"""Markets on demand: opened, filled with orders, and resolved while the devnet runs, several by one call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, TypeAlias

from pydantic import AwareDatetime, Field, field_validator, model_validator

from remora.devnet.clob.precision import BY_TICK
from remora.devnet.clob.server import ClobServer
from remora.devnet.control.terms import AmountText, Terms
from remora.devnet.endpoints import Contracts, Market, Version
from remora.devnet.faults.catalogue import Invalid, Place, Problem
from remora.devnet.markets import MarketTerms, is_open, open_market, resolve_markets, slug_of
from remora.devnet.rpc import Node
from remora.devnet.traders.market_maker import Ladder
from remora.domain.money import ONE, Price, Shares

#: Has a market maker quote a ladder in a market once.
Quote: TypeAlias = Callable[[Market, Ladder], Awaitable[None]]
_SLUG = r"^[a-z0-9]+(-[a-z0-9]+)*$"
_TICKS = tuple(str(Price(tick)) for tick in sorted(BY_TICK))
_LARGEST_PAYOUT = 10**6


class LiquidityTerms(Terms):
    """What the market maker shall quote of both outcomes when a market opens; it does not refill it."""

    mid: AmountText = Field(default="0.5", description="the price of YES between the best bid and the best ask")
    levels: int = Field(default=5, ge=1, le=20, description="prices on each side, a tick apart")
    shares: AmountText = Field(default="1000", description="shares at each price")

    def ladder(self, tick: Price) -> Ladder:
        """Return the ladder around the middle."""
        mid, shares = Price.parse(self.mid), Shares.parse(self.shares)
        return Ladder(mid=mid, half_spread=tick, step=tick, depth=self.levels, shares=shares)


class NewMarket(Terms):
    """The terms of a market that shall be opened."""

    question: str = Field(min_length=1, max_length=500, description="what it is about; asked only once")
    slug: str | None = Field(default=None, pattern=_SLUG, description="its name in URLs; the question's words without")
    neg_risk: bool = Field(default=False, description="whether it trades on the neg-risk exchange")
    tick_size: str = Field(default="0.01", description="smallest difference of prices")
    min_order_size: AmountText = Field(default="5", description="smallest order that rests, in shares")
    fee_rate: AmountText = Field(default="0", description="the taker's, of shares x p(1-p)")
    seconds_delay: int = Field(default=0, ge=0, le=3600, description="how long marketable orders wait")
    refuses_in_body: bool = Field(default=False, description="whether orders are refused by HTTP 200 without success")
    event: str = Field(default="", max_length=500, description="title of its event; its question without")
    version: Version = Field(default="v1", description="v1, or v2 to trade on exchange V3")
    tags: tuple[str, ...] = Field(default=(), description="labels in Gamma")
    category: str = Field(default="", description="category in Gamma")
    end_date: AwareDatetime | None = Field(default=None, description="announced end, ISO 8601; a year from now without")
    past_volume: AmountText = Field(default="0", description="collateral that Gamma says was traded before")
    liquidity: LiquidityTerms | None = Field(default=None, description="mid, levels and shares of first orders")

    @field_validator("tick_size")
    @classmethod
    def _is_tick(cls, text: str) -> str:
        if text not in _TICKS:
            raise ValueError(f"expected one of {', '.join(_TICKS)}")
        return text

    @field_validator("fee_rate")
    @classmethod
    def _is_rate(cls, text: str) -> str:
        if Price.parse(text).units > ONE:
            raise ValueError("expected at most 1")
        return text

    @model_validator(mode="after")
    def _is_quotable(self) -> NewMarket:
        if self.liquidity is None:
            return self
        mid, tick = Price.parse(self.liquidity.mid).units, Price.parse(self.tick_size).units
        if mid % tick or not tick < mid < ONE - tick:
            raise ValueError(f"the middle {self.liquidity.mid} is no price between {self.tick_size} and 1 on the tick")
        if Shares.parse(self.liquidity.shares) < Shares.parse(self.min_order_size):
            raise ValueError(f"{self.liquidity.shares} shares are less than the smallest order, {self.min_order_size}")
        return self

    def terms(self) -> MarketTerms:
        """Return them as those who open markets take them."""
        fields = self.model_dump(exclude={"slug", "end_date", "liquidity"})
        ends_s = int(self.end_date.timestamp()) if self.end_date else 0
        return MarketTerms(**fields, slug=self.slug or slug_of(self.question), ends_s=ends_s)


class Resolution(Terms):
    """What a market pays: `payouts` are the parts of YES and of NO, such as 1 and 0, or 1 and 1 for a draw."""

    market: str = Field(description="its slug or its condition id")
    payouts: tuple[int, int] = Field(description="the parts of YES and of NO")

    @field_validator("payouts")
    @classmethod
    def _pays(cls, payouts: tuple[int, int]) -> tuple[int, int]:
        if not any(payouts) or not all(0 <= part <= _LARGEST_PAYOUT for part in payouts):
            raise ValueError(f"expected two numbers from 0 to {_LARGEST_PAYOUT}, not both 0")
        return payouts


class MarketsOnDemand:
    """Opens and resolves markets of one devnet."""

    def __init__(self, *, node: Node, contracts: Contracts, clob: ClobServer, quote: Quote) -> None:
        self._node = node
        self._contracts = contracts
        self._clob = clob
        self._quote = quote

    def listed(self) -> list[dict[str, Any]]:
        """Return all markets, and whether they are resolved."""
        return [self.shown(market) for market in self._clob.markets()]

    def shown(self, market: Market) -> dict[str, Any]:
        """Return a market as JSON, and whether it is resolved."""
        return {**market.shown(), "resolved": self._clob.house.is_resolved(market.condition_id)}

    async def open(self, wanted: Sequence[NewMarket], place: Place = ("markets",)) -> tuple[Market, ...]:
        """Open and list markets: they can be traded when this returns. `place` is where they stand in a request.

        Raise `Invalid` before anything is done.
        """
        terms = [market.terms() for market in wanted]
        if problems := [*self._taken(terms, place), *await self._opened(terms, place)]:
            raise Invalid(*problems)
        opened = [await open_market(self._node, self._contracts, each) for each in terms]
        for market in opened:
            self._clob.add_market(market)
        await self._clob.catch_up()
        for market, asked in zip(opened, wanted, strict=True):
            if asked.liquidity is not None:
                await self._quote(market, asked.liquidity.ladder(Price.parse(market.tick_size)))
        return tuple(opened)

    async def resolve(self, wanted: Sequence[Resolution], place: Place = ("resolutions",)) -> tuple[Market, ...]:
        """Resolve markets: their books are gone, and shares pay, when this returns.

        Raise `Invalid` before anything is done.
        """
        found = [self._find(each.market) for each in wanted]
        if problems := list(self._unresolvable(found, wanted, place)):
            raise Invalid(*problems)
        markets = [market for market in found if market is not None]
        results = [(market, each.payouts) for market, each in zip(markets, wanted, strict=True)]
        await resolve_markets(self._node, self._contracts, results)
        await self._clob.catch_up()
        return tuple(markets)

    def _find(self, name: str) -> Market | None:
        markets = self._clob.markets()
        return next((market for market in markets if name.lower() in (market.slug, market.condition_id)), None)

    def _taken(self, terms: Sequence[MarketTerms], place: Place) -> Iterator[Problem]:
        """Yield the slugs that are there already, and slugs and questions that are asked for twice."""
        listed = {market.slug for market in self._clob.markets()}
        slugs, questions = (Counter(getattr(each, name) for each in terms) for name in ("slug", "question"))
        for index, each in enumerate(terms):
            if not each.slug:
                yield Problem(place=(*place, index, "question"), text="expected words, of which a slug can be made")
            elif each.slug in listed or slugs[each.slug] > 1:
                yield Problem(place=(*place, index, "slug"), text=f"there is a market {each.slug} already")
            elif questions[each.question] > 1:
                yield Problem(place=(*place, index, "question"), text="this question is asked twice")

    async def _opened(self, terms: Sequence[MarketTerms], place: Place) -> list[Problem]:
        asked = {market.question for market in self._clob.markets()}
        return [
            Problem(place=(*place, index, "question"), text="this question was asked before; choose another")
            for index, each in enumerate(terms)
            if each.question in asked or await is_open(self._node, self._contracts, each.question)
        ]

    def _won(self) -> Counter[str]:
        """Return the neg-risk markets of which a question has resolved to YES."""
        house = self._clob.house
        return Counter(
            market.neg_risk_market_id
            for market in self._clob.markets()
            if market.neg_risk_market_id and house.payouts.get(market.condition_id, (0,))[0]
        )

    def _unresolvable(
        self, found: Sequence[Market | None], wanted: Sequence[Resolution], place: Place
    ) -> Iterator[Problem]:
        times = Counter(market.condition_id for market in found if market)
        won = self._won()
        won += Counter(
            market.neg_risk_market_id
            for market, each in zip(found, wanted, strict=True)
            if market and market.neg_risk_market_id and each.payouts[0]
        )
        for index, (market, each) in enumerate(zip(found, wanted, strict=True)):
            if market is None:
                text = f"no market of this devnet has the slug or condition id {each.market}"
            elif self._clob.house.is_resolved(market.condition_id):
                text = f"{market.slug} is resolved already"
            elif times[market.condition_id] > 1:
                text = f"{market.slug} is named twice"
            elif market.neg_risk and all(each.payouts):
                text = f"expected one outcome of the neg-risk market {market.slug} to win, found payouts {each.payouts}"
            elif won[market.neg_risk_market_id] > 1 and each.payouts[0]:
                text = f"another question of the event of {market.slug} is YES"
            else:
                continue
            yield Problem(place=(*place, index, "market"), text=text)
