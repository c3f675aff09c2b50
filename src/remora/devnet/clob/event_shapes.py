"""An event in the shape of Gamma: several markets under one title.

The devnet has no pictures, series, creators or comments: their fields are there, empty or zero.
"""

from __future__ import annotations

from collections.abc import Sequence

from remora.devnet.clob.catalogue import Event
from remora.devnet.clob.market_shapes import PERIODS, json_number, listed_times
from remora.devnet.clob.units import to_text
from remora.devnet.clob.views import Json


def gamma_event(event: Event, markets: Sequence[Json], *, volume: int) -> Json:
    """Return an event with the shapes of its markets; `volume` is what was traded in all, in base units."""
    is_closed = all(market["closed"] for market in markets)
    return {
        **brief_event(event, volume=volume, is_closed=is_closed),
        "markets": list(markets),
        "tags": [_tag(event)],
    }


def brief_event(event: Event, *, volume: int, is_closed: bool) -> Json:
    """Return what a market tells of its event: all but the markets and tags."""
    neg_risk = {"negRiskMarketID": event.neg_risk_market_id} if event.neg_risk_market_id else {}
    return {
        "id": str(event.number),
        "version": "v1",
        "ticker": event.slug,
        "slug": event.slug,
        "title": event.title,
        **_states(event, is_closed=is_closed),
        **_figures(volume),
        **_times(event),
        **neg_risk,
        **_unused(),
    }


def _states(event: Event, *, is_closed: bool) -> Json:
    is_neg_risk = bool(event.neg_risk_market_id)
    return {
        "active": True,
        "closed": is_closed,
        **dict.fromkeys(("archived", "new", "featured", "restricted", "cyom", "requiresTranslation"), False),
        "enableOrderBook": True,
        "negRisk": is_neg_risk,
        "enableNegRisk": is_neg_risk,
        "negRiskAugmented": False,
        "showAllOutcomes": True,
        "showMarketImages": False,
        "automaticallyActive": True,
        **dict.fromkeys(("estimateValue", "cumulativeMarkets", "pendingDeployment", "deploying"), False),
    }


def _figures(volume: int) -> Json:
    traded = json_number(to_text(volume))
    return {
        "volume": traded,
        **{f"volume{period}": traded for period in PERIODS},
        **dict.fromkeys(("liquidity", "liquidityClob", "openInterest", "competitive", "commentCount"), 0),
    }


def _times(event: Event) -> Json:
    start, end = listed_times(event.listings[0])
    began = ("startDate", "creationDate", "createdAt", "updatedAt", "deployingTimestamp")
    return {**dict.fromkeys(began, start), "endDate": end, "startTime": end}


def _tag(event: Event) -> Json:
    created, _ = listed_times(event.listings[0])
    return {
        "id": "1",
        "label": "All",
        "slug": "all",
        "forceShow": False,
        "createdAt": created,
        "updatedAt": created,
        "requiresTranslation": False,
    }


def _unused() -> Json:
    texts = ("description", "resolutionSource", "image", "icon", "countryName", "electionType")
    return {**dict.fromkeys(texts, ""), "sortBy": "price", "gmpChartMode": "default"}
