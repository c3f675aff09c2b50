"""What a decision is made from: what was read for all followers of a signal, and what follows from it once for all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from types import MappingProxyType
from typing import Any, NamedTuple

from remora.dispatch.halts import Halts
from remora.dispatch.limits import Room
from remora.domain.ids import Address, PolicyId
from remora.domain.market import Book, Listing, MarketInfo
from remora.domain.means import CollateralState, Means
from remora.domain.money import ONE, Collateral, Price, Ratio, Shares, mul_div_floor
from remora.domain.policy import Rulebook
from remora.domain.reasons import Because, Reason, because
from remora.domain.signal import Signal, SignalKind
from remora.domain.usage import DAY_US, Taken

US = 1_000_000
"""Microseconds of a second."""

NOTHING: Mapping[Any, Any] = MappingProxyType({})
"""Nothing is known of anybody, for facts that are not told."""


class Facts(NamedTuple):
    """What was true when the decision was made. What is not known is None, or left out, and nothing is guessed.

    For a BUY: `taken` is what of followers' collateral is promised or owed, who may enter while they owe up to
    `debt_limit`; `equity` is what followers and leader own; `opposite` are the shares of the other outcome that
    followers hold through other leaders, None where it is unknown which token that is; `followers_per_order` is how
    many may share an order; `means` are what followers can pay, None when nothing will be paid, as on paper;
    `collateral` is whether it moves.
    For a SELL: `lots` are the shares held through each policy, `balances` those that each follower has on chain,
    `leader_left` what the leader still holds, for a signal that does not say what it held before.
    For both: `carried` is what policies have kept of copies in this token that were too small; `suspended` says
    why a follower is not copied at all; `halts` is what is paused, stopped or sold out; `bounds` holds for followers,
    leaders and the service. `room` is what limits leave, and is told what this decision takes of it; without one there
    are no limits.
    """

    now_us: int
    market: MarketInfo | None
    book: Book | None
    listing: Listing | None = None
    taken: Taken = Taken()
    equity: Mapping[Address, Collateral] = NOTHING
    opposite: Mapping[Address, Shares] | None = None
    carried: Mapping[PolicyId, Collateral] = NOTHING
    followers_per_order: int = 1
    means: Mapping[Address, Means] | None = None
    collateral: CollateralState = CollateralState(paused=False, price=None)
    lots: Mapping[PolicyId, Shares] = NOTHING
    balances: Mapping[Address, Shares] = NOTHING
    leader_left: Shares = Shares(0)
    halts: Halts = NOTHING
    room: Room | None = None
    bounds: Rulebook = Rulebook()
    debt_limit: Collateral = Collateral(0)
    suspended: Mapping[Address, str] = NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Offers:
    """What a book offers, in base units: its asks' prices, best first, and the collateral up to and with each."""

    prices: tuple[int, ...]
    totals: tuple[int, ...]

    @classmethod
    def of(cls, book: Book) -> Offers:
        """Add up a book's asks, rounded down."""
        costs = (level.price.cost_floor(level.shares).units for level in book.asks)
        return cls(prices=tuple(level.price.units for level in book.asks), totals=tuple(accumulate(costs)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """The words of a listing in lower case, as filters compare them; empty where the venue says nothing."""

    question: str = ""
    category: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    slugs: frozenset[str] = frozenset()
    outcome: frozenset[str] = frozenset()

    @classmethod
    def of(cls, listing: Listing | None) -> Described:
        """Put a listing's words into lower case."""
        if listing is None:
            return cls()
        return cls(
            question=listing.question.lower(),
            category=_lower(listing.category),
            tags=listing.tags,
            slugs=_lower(listing.slug, listing.event_slug),
            outcome=_lower(listing.outcome),
        )


class Occasion(NamedTuple):
    """An entry that may be copied, as far as it is the same whoever copies it.

    `price` is the leader's, `lower` and `higher` are the bounds of it and of the best ask, `spread` is the best ask
    less the best bid. `days_left` until the market ends are rounded down to 10^-6. What is not known is None.
    """

    signal: Signal
    facts: Facts
    market: MarketInfo
    listing: Listing | None
    described: Described
    price: Price
    ask: Price
    spread: Price | None
    lower: Price
    higher: Price
    days_left: Ratio | None
    age_s: int
    book_age_us: int
    offers: Offers


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """An exit that may be followed, as far as it is the same whoever follows it.

    `price` is what its limit is reckoned from: the leader's, or the best bid where shares left otherwise than by a
    sale. `gone` of the leader's `before` shares left.
    """

    signal: Signal
    facts: Facts
    market: MarketInfo | None
    price: Price | None
    bid: Price | None
    gone: Shares
    before: Shares
    age_s: int


def occasion(signal: Signal, facts: Facts) -> Occasion | Because:
    """Return what all who may copy an entry share, or why none can: no market, no price."""
    if facts.market is None:
        return because(Reason.MARKET_UNKNOWN, token_id=signal.token_id)
    if facts.collateral.paused:
        return because(Reason.COLLATERAL_PAUSED)
    listing, price = facts.listing, signal.price
    bid, ask = (facts.book.best_bid, facts.book.best_ask) if facts.book else (None, None)
    if facts.book is None or ask is None:
        return because(Reason.PRICE_UNAVAILABLE, token_id=signal.token_id)
    return Occasion(
        signal=signal,
        facts=facts,
        market=facts.market,
        listing=listing,
        described=Described.of(listing),
        price=price,
        ask=ask,
        spread=None if bid is None else ask - bid,
        lower=min(price, ask),
        higher=max(price, ask),
        days_left=_days_left(listing, facts.now_us),
        age_s=age_s(signal, facts.now_us),
        book_age_us=facts.now_us - facts.book.as_of_us,
        offers=Offers.of(facts.book),
    )


def leaving(signal: Signal, facts: Facts) -> Leaving:
    """Return what all who may follow an exit share."""
    bid = facts.book.best_bid if facts.book else None
    before = signal.shares + facts.leader_left if signal.held_before is None else signal.held_before
    return Leaving(
        signal=signal,
        facts=facts,
        market=facts.market,
        price=signal.price if signal.kind is SignalKind.TRADE else bid,
        bid=bid,
        gone=min(signal.shares, before),
        before=before,
        age_s=age_s(signal, facts.now_us),
    )


def _lower(*words: str | None) -> frozenset[str]:
    return frozenset(word.lower() for word in words if word)


def _days_left(listing: Listing | None, now_us: int) -> Ratio | None:
    ends_us = listing.ends_us if listing else None
    return None if ends_us is None else Ratio(mul_div_floor(ends_us - now_us, ONE, DAY_US))


def age_s(signal: Signal, now_us: int) -> int:
    """Return how long ago the trade was made, in whole seconds."""
    return (now_us - signal.since_us) // US
