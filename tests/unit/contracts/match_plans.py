"""Matches that an exchange accepts, made up: orders, what each gives, fees, and what the taker puts in.

The third generation lets no order give nothing, and a taker that sells to mergers puts in exactly what they use up.
Prices are in 10^-4. A buyer's collateral is rounded up and a seller's down, so that orders whose prices cross do so in
base units too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from remora.domain.contracts import Generation

BUY, SELL = 0, 1
YES, NO = 0, 1
ONE = 10_000
MAX_FEE_BPS = 500
TRADERS = 4
MOST_SHARES = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """An order of one of the traders, for shares of an outcome at a limit price."""

    salt: int
    trader: int
    side: int
    outcome: int
    shares: int
    price: int

    @property
    def making(self) -> int:
        return -(-self.shares * self.price // ONE) if self.side == BUY else self.shares

    @property
    def taking(self) -> int:
        return self.shares if self.side == BUY else self.shares * self.price // ONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a resting order gives in a match."""

    offer: Offer
    given: int
    fee: int

    @property
    def got(self) -> int:
        return self.given * self.offer.taking // self.offer.making


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One match. `limit` is what the taker puts in, of which a part may come back; `got` is what it receives."""

    taker: Offer
    limit: int
    got: int
    fee: int
    parts: tuple[Part, ...]


def taker_amounts(side: int, parts: list[Part]) -> tuple[int, int]:
    """What the taker gives and gets: with opposite sides each other's, with equal sides their part of complete sets."""
    given = got = 0
    for part in parts:
        if part.offer.side != side:
            given, got = given + part.got, got + part.given
        elif side == BUY:
            given, got = given + part.got - part.given, got + part.got
        else:
            given, got = given + part.given, got + part.given - part.got
    return given, got


def fees_of(cash: int) -> st.SearchStrategy[int]:
    return st.one_of(st.just(0), st.integers(0, cash * MAX_FEE_BPS // ONE))


@st.composite
def resting(draw: Any, *, side: int, price: int, salt: int) -> Offer:
    """An order that a taker of this side and price crosses: for the same outcome, or the other one of the same side."""
    same_side = draw(st.booleans())
    bound = ONE - price if same_side else price
    asks_more = same_side == (side == BUY)
    return Offer(
        salt=salt,
        trader=draw(st.integers(0, TRADERS - 1)),
        side=side if same_side else 1 - side,
        outcome=NO if same_side else YES,
        shares=draw(st.integers(1, MOST_SHARES)),
        price=draw(st.integers(bound, ONE - 1) if asks_more else st.integers(1, bound)),
    )


def given_of(most: int, least: int) -> st.SearchStrategy[int]:
    return st.one_of(st.just(most), st.just(least), st.integers(least, most))


@st.composite
def parts_of(draw: Any, offer: Offer, least: int) -> list[Part]:
    """What the order gives: once, or twice while something is left of it."""
    given = [draw(given_of(offer.making, least))]
    if given[0] < offer.making and draw(st.booleans()):
        given.append(draw(given_of(offer.making - given[0], least)))
    parts = [Part(offer=offer, given=amount, fee=0) for amount in given]
    cash = [part.given if offer.side == BUY else part.got for part in parts]
    return [
        Part(offer=offer, given=part.given, fee=draw(fees_of(units))) for part, units in zip(parts, cash, strict=True)
    ]


def most_given(taker: Offer, parts: list[Part], given: int, got: int, generation: Generation) -> int:
    """What the taker may put in at most. Where it is not what it gives, the rest comes back or stays with it."""
    if all(part.offer.side != taker.side for part in parts):
        return taker.making
    if generation is Generation.V3:
        return given if taker.side == SELL else taker.making
    return min(taker.making, got * taker.making // taker.taking) if taker.taking else taker.making


@st.composite
def plans(draw: Any, generation: Generation) -> Plan:
    """A match of one to four resting orders, complementary, minting, merging or mixed."""
    least = 1 if generation is Generation.V3 else 0
    side, price = draw(st.sampled_from([BUY, SELL])), draw(st.integers(1, ONE - 1))
    offers = [draw(resting(side=side, price=price, salt=salt)) for salt in range(draw(st.integers(1, 4)))]
    parts = [part for offer in offers for part in draw(parts_of(offer, least))]
    given, got = taker_amounts(side, parts)
    needed = max(1, got if side == BUY else given)
    taker = Offer(
        salt=99,
        trader=draw(st.integers(0, TRADERS - 1)),
        side=side,
        outcome=YES,
        shares=draw(st.integers(needed, 2 * needed)),
        price=price,
    )
    most = most_given(taker, parts, given, got, generation)
    return Plan(
        taker=taker,
        limit=draw(st.one_of(st.just(max(given, least)), st.integers(max(given, least), most))),
        got=got,
        fee=draw(fees_of(given if side == BUY else got)),
        parts=tuple(parts),
    )
