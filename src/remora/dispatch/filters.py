"""Why not: the checks of an entry and of an exit, each a pure function that returns the first reason it finds.

An entry limit (max odds, minimum size) never blocks an exit.
"""

from __future__ import annotations

from collections.abc import Mapping

from remora.domain.ids import Address
from remora.domain.market import Quote
from remora.domain.money import Collateral, Price, Shares
from remora.domain.parties import Policy
from remora.domain.reasons import Because, Reason, because
from remora.domain.signal import Signal

US = 1_000_000
"""Microseconds of a second."""

EXIT_MAX_AGE_S = 600
"""How old a leader's exit may be and still be followed: leaving late beats staying, but not after the market moved."""


def too_old(policy: Policy, signal: Signal, now_us: int) -> Because | None:
    """Refuse an entry older than the policy allows, in seconds since it was mined."""
    return _older_than(policy.max_signal_age_s, signal, now_us)


def exit_too_old(signal: Signal, now_us: int) -> Because | None:
    """Refuse an exit older than EXIT_MAX_AGE_S."""
    return _older_than(EXIT_MAX_AGE_S, signal, now_us)


def _older_than(max_age_s: int, signal: Signal, now_us: int) -> Because | None:
    age_s = (now_us - signal.since_us) // US
    return because(Reason.TOO_OLD, age_s=age_s, max_age_s=max_age_s) if age_s > max_age_s else None


def in_debt(policy: Policy, debts: Mapping[Address, Collateral]) -> Because | None:
    """Refuse an entry for a follower who owes for an earlier one: the fleet's float is not a loan."""
    due = debts.get(policy.follower)
    return because(Reason.IN_DEBT, due=due) if due is not None else None


def below_minimum(policy: Policy, budget: Collateral) -> Because | None:
    """Refuse an entry below the policy's minimum size, and an empty one whatever the minimum."""
    if budget < policy.min_size or not budget:
        return because(Reason.BELOW_MIN_SIZE, size=budget, min_size=policy.min_size)
    return None


def above_max_odds(policy: Policy, signal: Signal, ask: Price) -> Because | None:
    """Refuse an entry when the leader's price or the best ask is above the policy's max odds."""
    price = max(signal.price, ask)
    return because(Reason.MAX_ODDS, price=price, max_odds=policy.max_odds) if price > policy.max_odds else None


def beyond_limit(best: Price, limit: Price, *, buying: bool) -> Because | None:
    """Refuse when the best price in the book is already worse than the limit."""
    worse = best > limit if buying else best < limit
    return because(Reason.SLIPPAGE, price=best, limit=limit) if worse else None


def nothing_to_sell(signal: Signal, shares: Shares) -> Because | None:
    """Refuse an exit for a follower who holds nothing of the token, or less than the venue's smallest size."""
    return None if shares.units >= SMALLEST_SALE else because(Reason.NO_POSITION, token_id=signal.token_id)


SMALLEST_SALE = 10_000
"""Sizes have 2 decimals at the venue: less than 0.01 shares cannot be sold."""


def no_price(signal: Signal, quote: Quote | None, *, buying: bool) -> Price | Because:
    """Return the best price on the side that the order would hit, or the reason that there is none."""
    best = None if quote is None else (quote.best_ask if buying else quote.best_bid)
    return because(Reason.PRICE_UNAVAILABLE, token_id=signal.token_id) if best is None else best
