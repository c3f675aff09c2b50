"""Filters on the market: what kind it is, how liquid, and how near its end."""

from __future__ import annotations

from remora.dispatch.facts import Occasion
from remora.domain.policy import Filters, NegRisk
from remora.domain.reasons import Because, Reason, because

LISTED = frozenset(
    {
        "min_liquidity",
        "min_volume_24h",
        "min_days_to_resolution",
        "max_days_to_resolution",
        "categories",
        "tags",
        "keywords",
        "slugs",
        "outcomes",
        "opposite",
    }
)
"""The fields of filters that go by how the venue describes the market."""


def asks_for_listing(filters: Filters) -> bool:
    """Tell whether a filter goes by how the venue describes the market."""
    return not LISTED.isdisjoint(filters.given)


def neg_risk(filters: Filters, seen: Occasion) -> Because | None:
    """Refuse a neg-risk market where the policy wants none, and any other where it wants only those."""
    wanted, found = filters.neg_risk, seen.market.neg_risk
    if wanted is NegRisk.ANY or found is (wanted is NegRisk.ONLY):
        return None
    return because(Reason.NEG_RISK, neg_risk=str(found).lower(), allowed=wanted)


def spread(filters: Filters, seen: Occasion) -> Because | None:
    """Refuse a market whose best ask is too far above its best bid; without a bid there is no spread to judge."""
    most = filters.max_spread
    if most is None:
        return None
    found = seen.spread
    if found is None:
        return because(Reason.FACT_UNKNOWN, what="best bid")
    return because(Reason.MAX_SPREAD, spread=found, max_spread=most) if found.units > most.units else None


def liquidity(filters: Filters, seen: Occasion) -> Because | None:
    """Refuse a market of less liquidity than the policy asks for."""
    least = filters.min_liquidity
    if least is None:
        return None
    found = seen.listing.liquidity if seen.listing else None
    if found is None:
        return because(Reason.FACT_UNKNOWN, what="liquidity")
    return because(Reason.MIN_LIQUIDITY, liquidity=found, least=least) if found.units < least.units else None


def volume(filters: Filters, seen: Occasion) -> Because | None:
    """Refuse a market in which less was traded within 24 hours than the policy asks for."""
    least = filters.min_volume_24h
    if least is None:
        return None
    found = seen.listing.volume_24h if seen.listing else None
    if found is None:
        return because(Reason.FACT_UNKNOWN, what="24 h volume")
    return because(Reason.MIN_VOLUME, volume=found, least=least) if found.units < least.units else None


def end(filters: Filters, seen: Occasion) -> Because | None:
    """Refuse a market that ends sooner or later than the policy wants."""
    least, most = filters.min_days_to_resolution, filters.max_days_to_resolution
    if least is None and most is None:
        return None
    days = seen.days_left
    if days is None:
        return because(Reason.FACT_UNKNOWN, what="end")
    if least is not None and days.units < least.units:
        return because(Reason.ENDS_TOO_SOON, days=days, least=least)
    if most is not None and days.units > most.units:
        return because(Reason.ENDS_TOO_LATE, days=days, most=most)
    return None
