"""Events: what the venue groups markets in. Neg-risk markets of one event are questions of which one at most is true.

An event is made of the markets that name it: it is there when the first of them is listed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from remora.devnet.clob.listings import Listing
from remora.devnet.markets import slug_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Some markets, in the order of their listing; `number` is Gamma's id, `neg_risk_market_id` is empty for others."""

    number: int
    title: str
    slug: str
    neg_risk_market_id: str
    listings: tuple[Listing, ...]


def events_of(listings: Iterable[Listing]) -> list[Event]:
    """Return the events of all listed markets, in the order of their first market."""
    grouped: dict[tuple[str, str], list[Listing]] = {}
    for listing in listings:
        grouped.setdefault((listing.event_title, listing.market.neg_risk_market_id), []).append(listing)
    return [
        Event(
            number=number,
            title=title,
            slug=slug_of(title),
            neg_risk_market_id=neg_risk_market_id,
            listings=tuple(members),
        )
        for number, ((title, neg_risk_market_id), members) in enumerate(grouped.items(), start=1)
    ]
