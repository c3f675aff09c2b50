"""Filters on the price: the leader's, and the best that the book asks."""

from __future__ import annotations

from remora.dispatch.facts import Occasion
from remora.domain.policy import Filters
from remora.domain.reasons import Because, Reason, because


def lowest(filters: Filters, seen: Occasion) -> Because | None:
    """Refuse an entry when the leader's price or the best ask is below the policy's min odds."""
    least = filters.min_odds
    if least is None or seen.lower.units >= least.units:
        return None
    return because(Reason.MIN_ODDS, price=seen.lower, min_odds=least)


def highest(filters: Filters, seen: Occasion) -> Because | None:
    """Refuse an entry when the leader's price or the best ask is above the policy's max odds."""
    most = filters.max_odds
    if most is None or seen.higher.units <= most.units:
        return None
    return because(Reason.MAX_ODDS, price=seen.higher, max_odds=most)
