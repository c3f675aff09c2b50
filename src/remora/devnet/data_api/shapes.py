"""The JSON of the Data API: version 2 with words_like_this, which the SDK reads, and version 1 with wordsLikeThis.

Amounts are JSON numbers. The devnet has no profiles or pictures: their fields are empty.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from remora.devnet.clob.listings import Listing
from remora.devnet.clob.market_shapes import json_number
from remora.devnet.clob.units import ONE, to_text
from remora.devnet.data_api.deals import Deal
from remora.devnet.data_api.positions import Position
from remora.devnet.data_api.share_moves import MoveKind, ShareMove

Json: TypeAlias = dict[str, Any]

#: What stands for an outcome where a row is of no single token.
_NO_OUTCOME = 999
#: What version 1 names otherwise than version 2, but for the case of its words.
_FIRST_NAMES = {"token_id": "asset", "opposite_token_id": "oppositeAsset"}


def trade(deal: Deal) -> Json:
    """Return a row of /v2/trades."""
    return {
        "proxy_wallet": deal.wallet,
        "side": deal.side.value,
        "token_id": str(deal.token_id),
        "condition_id": deal.listing.market.condition_id,
        "size": amount(deal.shares),
        "price": amount(deal.price),
        "timestamp": deal.at_s,
        **_about(deal.listing),
        **_outcome(deal.listing, deal.token_id),
        **_profile(),
        "transaction_hash": deal.transaction_hash,
    }


def activity(row: Deal | ShareMove) -> Json:
    """Return a row of /v2/activity."""
    return {**_told(row), "is_combo": False}


def first_activity(row: Deal | ShareMove) -> Json:
    """Return a row of /activity."""
    return in_first_version(_told(row))


def position(held: Position, event_number: int) -> Json:
    """Return a row of /v2/positions; events have numbers."""
    return {
        "proxy_wallet": held.wallet,
        "token_id": str(held.token_id),
        "condition_id": held.listing.market.condition_id,
        "current_size": amount(held.held),
        "avg_price": amount(held.average_price),
        "entry_cost_usdc": amount(held.cost),
        "entry_fees_usdc": amount(held.fees),
        "total_cost_usdc": amount(held.cost + held.fees),
        "current_price": amount(held.price),
        "current_value": amount(held.value),
        "total_size": amount(held.bought),
        "realized_pnl": amount(held.realized),
        "unrealized_pnl": amount(held.unrealized),
        "total_pnl": amount(held.realized + held.unrealized),
        "percent_pnl": _percent(held.unrealized, held.cost),
        "percent_realized_pnl": _percent(held.realized, held.spent),
        "status": _status(held),
        "redeemable": held.is_redeemable,
        "mergeable": held.is_mergeable,
        "negative_risk": held.listing.market.neg_risk,
        "archived": False,
        "verified": False,
        **_about(held.listing),
        **_outcome(held.listing, held.token_id),
        **_opposite(held),
        "name": "",
        "profile_image": "",
        "event_id": str(event_number),
        "end_date": "",
        "first_entry_at": held.first_s,
        "last_event_at": held.last_s,
    }


def first_position(held: Position, event_number: int) -> Json:
    """Return a row of /positions."""
    return {
        "proxyWallet": held.wallet,
        "asset": str(held.token_id),
        "conditionId": held.listing.market.condition_id,
        "size": amount(held.held),
        "avgPrice": amount(held.average_price),
        "initialValue": amount(held.cost),
        "currentValue": amount(held.value),
        "cashPnl": amount(held.unrealized),
        "percentPnl": _percent(held.unrealized, held.cost),
        "totalBought": amount(held.bought),
        "realizedPnl": amount(held.realized),
        "percentRealizedPnl": _percent(held.realized, held.spent),
        "curPrice": amount(held.price),
        "redeemable": held.is_redeemable,
        "mergeable": held.is_mergeable,
        **in_first_version({**_about(held.listing), **_outcome(held.listing, held.token_id), **_opposite(held)}),
        "eventId": str(event_number),
        "endDate": "",
        "negativeRisk": held.listing.market.neg_risk,
    }


def first_closed_position(held: Position, event_number: int) -> Json:
    """Return a row of /closed-positions."""
    whole = first_position(held, event_number)
    left_out = {"size", "initialValue", "currentValue", "cashPnl", "percentPnl", "percentRealizedPnl"}
    left_out |= {"redeemable", "mergeable", "eventId", "negativeRisk"}
    return {name: value for name, value in whole.items() if name not in left_out} | {"timestamp": held.last_s}


def in_first_version(row: Json) -> Json:
    """Return a row with the names of version 1."""
    return {_FIRST_NAMES.get(name, _camel(name)): value for name, value in row.items()}


def amount(units: int) -> float:
    """Return base units as the JSON number that the venue sends, signed."""
    return json_number(to_text(abs(units))) * (1 if units >= 0 else -1)


def _told(row: Deal | ShareMove) -> Json:
    return {
        "proxy_wallet": row.wallet,
        "timestamp": row.at_s,
        "transaction_hash": row.transaction_hash,
        **(_dealt(row) if isinstance(row, Deal) else _moved(row)),
        **_profile(),
    }


def _dealt(deal: Deal) -> Json:
    return {
        "type": "TRADE",
        "condition_id": deal.listing.market.condition_id,
        "size": amount(deal.shares),
        "usdc_size": amount(deal.cash),
        "price": amount(deal.price),
        "token_id": str(deal.token_id),
        "side": deal.side.value,
        **_about(deal.listing),
        **_outcome(deal.listing, deal.token_id),
    }


def _moved(move: ShareMove) -> Json:
    listing = move.listing
    return {
        "type": move.kind.value,
        "condition_id": move.subject,
        "size": amount(move.amount),
        "usdc_size": amount(move.amount),
        "price": 0,
        "token_id": "",
        "side": "",
        **(_about_event(listing) if move.kind is MoveKind.CONVERSION else _about(listing)),
        "outcome": "",
        "outcome_index": _NO_OUTCOME,
    }


def _about(listing: Listing) -> Json:
    market = listing.market
    return {"title": market.question, "slug": market.slug, "icon": "", "event_slug": listing.event_slug}


def _about_event(listing: Listing) -> Json:
    return {"title": listing.event_title, "slug": listing.event_slug, "icon": "", "event_slug": listing.event_slug}


def _outcome(listing: Listing, token_id: int) -> Json:
    return {"outcome": listing.outcome(token_id), "outcome_index": listing.tokens.index(token_id)}


def _opposite(held: Position) -> Json:
    (opposite,) = (token for token in held.listing.tokens if token != held.token_id)
    return {"opposite_outcome": held.listing.outcome(opposite), "opposite_token_id": str(opposite)}


def _profile() -> Json:
    return dict.fromkeys(("name", "pseudonym", "bio", "profile_image", "profile_image_optimized"), "")


def _status(held: Position) -> str:
    if not held.is_open:
        return "CLOSED"
    return "REDEEMABLE" if held.is_redeemable else "OPEN"


def _percent(part: int, whole: int) -> float:
    return amount(part * 100 * ONE // whole) if whole else 0


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)
