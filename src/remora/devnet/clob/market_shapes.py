"""A market as the venue describes it: in the shape of Gamma, of the order book, and of its terse /clob-markets.

The devnet has no pictures, profiles, rewards or oracles of its own: their fields are there, empty or zero.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import UTC, datetime

from remora.devnet.clob.listings import Listing
from remora.devnet.clob.quotes import Quote
from remora.devnet.clob.units import to_text
from remora.devnet.clob.views import Json
from remora.devnet.clob.web import dumps
from remora.devnet.markets import slug_of
from remora.domain.ids import ZERO_ADDRESS

#: Markets of the devnet that name no end announce a year after they were listed; an end resolves none of them.
_LIFE_S = 365 * 86_400
#: The periods that Gamma tells figures of.
PERIODS = ("24hr", "1wk", "1mo", "1yr")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What became of a market: its quote, the collateral traded and resting (base units), whether it has ended."""

    quote: Quote
    last_price: int
    volume: int
    liquidity: int
    is_resolved: bool


def gamma_market(listing: Listing, figures: Figures) -> Json:
    """Return a market as Gamma describes it within its event; by itself it has `events` as well."""
    return {
        **_identity(listing),
        **_state(listing, is_resolved=figures.is_resolved),
        **_rules(listing),
        **_figures(listing, figures),
        **_times(listing),
        **_unused(),
    }


def clob_market(listing: Listing, quote: Quote) -> Json:
    """Return a market as the order book's /markets describes it."""
    market = listing.market
    return {
        "enable_order_book": True,
        "active": True,
        "closed": False,
        "archived": False,
        "accepting_orders": True,
        "accepting_order_timestamp": _time(listing.listed_s),
        "minimum_order_size": json_number(market.min_order_size),
        "minimum_tick_size": json_number(market.tick_size),
        "condition_id": market.condition_id,
        "question_id": market.question_id,
        "question": market.question,
        "description": "",
        "market_slug": market.slug,
        "end_date_iso": _time(_ends_s(listing)),
        "game_start_time": None,
        "seconds_delay": market.seconds_delay,
        "fpmm": "",
        "maker_base_fee": 0,
        "taker_base_fee": 0,
        "notifications_enabled": False,
        "neg_risk": market.neg_risk,
        "neg_risk_market_id": market.neg_risk_market_id,
        "neg_risk_request_id": "",
        "icon": "",
        "image": "",
        "rewards": {"rates": None, "min_size": 0, "max_spread": 0},
        "is_50_50_outcome": False,
        "tokens": [_token(listing, token, quote) for token in listing.tokens],
        "tags": [*market.tags, "All"],
    }


def terms(listing: Listing) -> Json:
    """Return a market as the order book's /clob-markets describes it."""
    market = listing.market
    return {
        "r": {"mi": 0, "ma": 0, "moas": 0},
        "t": [{"t": str(token), "o": listing.outcome(token)} for token in listing.tokens],
        "c": market.condition_id,
        "mos": json_number(market.min_order_size),
        "mts": json_number(market.tick_size),
        "mbf": 0,
        "tbf": 0,
        "nr": market.neg_risk,
        "ao": True,
        "cbos": True,
        "aot": _time(listing.listed_s),
        "itode": market.seconds_delay > 0,
        "fd": {"r": json_number(market.fee_rate), "e": 1, "to": True} if listing.fee_rate else None,
        "v": market.version,
    }


def listed_times(listing: Listing) -> tuple[str, str]:
    """Return when a market was opened, and when it ends."""
    return _time(listing.listed_s), _time(_ends_s(listing))


def json_number(text: str) -> float:
    """Return a decimal text as the JSON number that the venue sends in this place; nobody computes with it."""
    return float(text)


def _identity(listing: Listing) -> Json:
    market = listing.market
    return {
        "id": str(listing.number),
        "question": market.question,
        "conditionId": market.condition_id,
        "slug": market.slug,
        "description": "",
        "category": market.category or None,
        "tags": [_tag(label) for label in market.tags],
        "outcomes": dumps([listing.outcome(token) for token in listing.tokens]),
        **_ids(listing),
        "version": market.version,
        "questionID": market.question_id,
        **_place_in_event(listing),
    }


def _place_in_event(listing: Listing) -> Json:
    market = listing.market
    if not market.neg_risk_market_id:
        return {"groupItemTitle": "", "groupItemThreshold": "0"}
    index = int(market.question_id[-2:], 16)
    return {
        "groupItemTitle": market.question,
        "groupItemThreshold": str(index),
        "negRiskMarketID": market.neg_risk_market_id,
    }


def _ids(listing: Listing) -> Json:
    """Return the ids of a market's outcomes, under the name of the ledger that keeps them."""
    ids = dumps([str(token) for token in listing.tokens])
    is_position = listing.market.version == "v2"
    return {"clobTokenIds": None if is_position else ids, "positionIds": ids if is_position else None}


def _state(listing: Listing, *, is_resolved: bool) -> Json:
    return {
        "active": True,
        "closed": is_resolved,
        "archived": False,
        "new": False,
        "featured": False,
        "restricted": False,
        "ready": False,
        "funded": False,
        "approved": True,
        "acceptingOrders": not is_resolved,
        "enableOrderBook": True,
        "negRisk": listing.market.neg_risk,
        "negRiskOther": False,
        "feesEnabled": bool(listing.fee_rate),
    }


def _rules(listing: Listing) -> Json:
    market = listing.market
    return {
        "orderMinSize": json_number(market.min_order_size),
        "orderPriceMinTickSize": json_number(market.tick_size),
        "secondsDelay": market.seconds_delay,
        "makerBaseFee": 0,
        "takerBaseFee": 0,
        "feeType": "devnet",
        "feeSchedule": {"exponent": 1, "rate": json_number(market.fee_rate), "takerOnly": True, "rebateRate": 0},
        "rewardsMinSize": 0,
        "rewardsMaxSpread": 0,
    }


def _figures(listing: Listing, figures: Figures) -> Json:
    quote, volume = figures.quote, json_number(to_text(figures.volume))
    liquidity = to_text(figures.liquidity)
    prices = [to_text(quote.price_of(is_yes=listing.is_yes(token))) for token in listing.tokens]
    return {
        "outcomePrices": dumps(prices),
        "bestBid": json_number(to_text(quote.bid)),
        "bestAsk": json_number(to_text(quote.ask)),
        "spread": json_number(to_text(quote.ask - quote.bid)),
        "lastTradePrice": json_number(to_text(figures.last_price)),
        **dict.fromkeys(("oneDayPriceChange", "oneWeekPriceChange", "oneMonthPriceChange"), 0),
        "volume": to_text(figures.volume),
        **dict.fromkeys(("volumeNum", "volumeClob"), volume),
        **{f"volume{period}{book}": volume for period in PERIODS for book in ("", "Clob")},
        "liquidity": liquidity,
        **dict.fromkeys(("liquidityNum", "liquidityClob"), json_number(liquidity)),
        "competitive": 0,
    }


def _times(listing: Listing) -> Json:
    start, end = listed_times(listing)
    began = ("startDate", "createdAt", "updatedAt", "acceptingOrdersTimestamp", "deployingTimestamp")
    return {
        **dict.fromkeys(began, start),
        "endDate": end,
        "startDateIso": start[:10],
        "endDateIso": end[:10],
        "hasReviewedDates": False,
    }


def _unused() -> Json:
    """Return what Gamma tells and a devnet has nothing to say about."""
    texts = ("resolutionSource", "image", "icon", "seriesColor")
    display = ("cyom", "showGmpSeries", "showGmpOutcome", "requiresTranslation", "pagerDutyNotificationEnabled")
    running = ("automaticallyActive", "manualActivation", "clearBookOnStart", "pendingDeployment", "deploying")
    return {
        **dict.fromkeys(texts, ""),
        **dict.fromkeys((*display, *running, "rfqEnabled", "holdingRewardsEnabled"), False),
        **dict.fromkeys(("marketMakerAddress", "submitted_by", "resolvedBy"), ZERO_ADDRESS),
        "negRiskRequestID": "",
        "umaBond": "0",
        "umaReward": "0",
        "umaResolutionStatuses": "[]",
        "customLiveness": 0,
    }


def _token(listing: Listing, token_id: int, quote: Quote) -> Json:
    price = json_number(to_text(quote.price_of(is_yes=listing.is_yes(token_id))))
    return {"token_id": str(token_id), "outcome": listing.outcome(token_id), "price": price, "winner": False}


def _tag(label: str) -> Json:
    """Return a tag; the same label is the same tag, whatever the market."""
    slug = slug_of(label)
    return {"id": str(zlib.crc32(slug.encode())), "label": label, "slug": slug}


def _ends_s(listing: Listing) -> int:
    return listing.market.ends_s or listing.listed_s + _LIFE_S


def _time(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
