"""The JSON shapes of the venue: orders, trades, books and channel events (polymarket.md 3.2, 4.1, 4.2).

Amounts and prices are decimal strings, timestamps strings of seconds, or of milliseconds on the market channel.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from remora.devnet.clob.audience import OrderEvent, Spot
from remora.devnet.clob.book import Book, Level, OrderStatus, PlacedOrder
from remora.devnet.clob.engine import LastTrade, Placement
from remora.devnet.clob.listings import Listing
from remora.devnet.clob.matching import Fill
from remora.devnet.clob.orders import Side
from remora.devnet.clob.trades import Trade
from remora.devnet.clob.units import ONE, to_text

Json: TypeAlias = dict[str, Any]

#: The venue names fees by the market's formula now; this older field stays for clients that read it.
_NO_FEE_BPS = "0"


def placement(placed: Placement) -> Json:
    """Return the answer to an accepted POST /order; amounts are empty where nothing matched, as the venue's are."""
    shares = sum(trade.shares for trade in placed.trades)
    collateral = sum(trade.collateral for trade in placed.trades)
    is_buy = placed.order.side is Side.BUY
    making, taking = (collateral, shares) if is_buy else (shares, collateral)
    return {
        "success": True,
        "errorMsg": "",
        "orderID": placed.order.id,
        "status": _placement_status(placed),
        "makingAmount": to_text(making) if placed.trades else "",
        "takingAmount": to_text(taking) if placed.trades else "",
        "tradeIDs": [trade.id for trade in placed.trades],
        "transactionsHashes": [],
    }


def _placement_status(placed: Placement) -> str:
    if placed.order.status is OrderStatus.DELAYED:
        return "delayed"
    return "matched" if placed.trades else "live"


def rejection(text: str) -> Json:
    """Return a refused order in the answer to POST /orders, and to POST /order where a refusal is no error."""
    return {
        "success": False,
        "errorMsg": text,
        "orderID": "",
        "status": "",
        "makingAmount": "",
        "takingAmount": "",
        "tradeIDs": [],
        "transactionsHashes": [],
    }


def order(placed: PlacedOrder) -> Json:
    """Return an order as its owner sees it."""
    signed = placed.request.order
    return {
        "id": placed.id,
        "status": placed.status.value,
        "owner": placed.request.owner,
        "maker_address": signed.maker,
        "market": placed.listing.market.condition_id,
        "asset_id": str(signed.token_id),
        "side": signed.side.value,
        "original_size": to_text(signed.shares),
        "size_matched": to_text(placed.shares_matched),
        "price": to_text(placed.price),
        "outcome": placed.listing.outcome(signed.token_id),
        "order_type": placed.request.type.value,
        "associate_trades": list(placed.trade_ids),
        "created_at": placed.created_s,
        "expiration": str(placed.request.expiration_s),
    }


def order_event(placed: PlacedOrder, event: OrderEvent, now_ms: int) -> Json:
    """Return a change of an order as the user channel tells it."""
    return {
        **order(placed),
        "event_type": "order",
        "type": event.value,
        "order_owner": placed.request.owner,
        "created_at": str(placed.created_s),
        "timestamp": str(now_ms),
    }


def trade(made: Trade, viewer: str) -> Json:
    """Return a trade as one of its parties (a trader's address) sees it: the taker's side of it, and every maker's."""
    signed = made.taker.request.order
    listing = made.taker.listing
    is_taker = viewer == made.taker.trader
    owners = [party.request.owner for party in made.parties() if party.trader == viewer]
    return {
        "id": made.id,
        "taker_order_id": made.taker.id,
        "market": listing.market.condition_id,
        "asset_id": str(signed.token_id),
        "side": signed.side.value,
        "size": to_text(made.shares),
        "fee_rate_bps": _NO_FEE_BPS,
        "price": to_text(made.price),
        "status": made.status.value,
        "match_time": str(made.matched_s),
        "last_update": str(made.updated_s),
        "outcome": listing.outcome(signed.token_id),
        "bucket_index": made.bucket_index,
        "owner": owners[0],
        "maker_address": signed.maker,
        "transaction_hash": made.transaction_hash,
        "maker_orders": [_maker_order(fill) for fill in made.fills],
        "trader_side": "TAKER" if is_taker else "MAKER",
    }


def trade_event(made: Trade, viewer: str, now_ms: int) -> Json:
    """Return a change of a trade as the user channel tells it to one of its parties."""
    seen = trade(made, viewer)
    return {
        **seen,
        "event_type": "trade",
        "type": "TRADE",
        "trade_owner": made.taker.request.owner,
        "matchtime": seen["match_time"],
        "timestamp": str(now_ms),
    }


def _maker_order(fill: Fill) -> Json:
    signed = fill.maker.request.order
    listing = fill.maker.listing
    return {
        "order_id": fill.maker.id,
        "owner": fill.maker.request.owner,
        "maker_address": signed.maker,
        "matched_amount": to_text(fill.shares),
        "price": to_text(fill.maker.price),
        "fee_rate_bps": _NO_FEE_BPS,
        "asset_id": str(signed.token_id),
        "side": signed.side.value,
        "outcome": listing.outcome(signed.token_id),
        "outcome_index": 0 if fill.maker.is_yes else 1,
    }


def book(listing: Listing, token_id: int, held: Book, last: LastTrade | None, now_ms: int) -> Json:
    """Return a token's book: worst prices first on both sides, as the venue sends them."""
    is_yes = listing.is_yes(token_id)
    bids = _levels(reversed(held.bids(is_yes=is_yes)))
    asks = _levels(reversed(held.asks(is_yes=is_yes)))
    return {
        "market": listing.market.condition_id,
        "asset_id": str(token_id),
        "timestamp": str(now_ms),
        "hash": _hash_of(token_id, bids, asks),
        "bids": bids,
        "asks": asks,
        "min_order_size": listing.market.min_order_size,
        "tick_size": listing.market.tick_size,
        "neg_risk": listing.market.neg_risk,
        "last_trade_price": to_text(last_price(last, is_yes=is_yes)) if last else "",
        "version": listing.market.version,
    }


def price_change(listing: Listing, held: Book, spots: Iterable[Spot], now_ms: int) -> Json:
    """Return changed places of a book, each as both tokens see it."""
    changes = [
        _price_change(token_id, held, spot, is_yes=listing.is_yes(token_id))
        for spot in spots
        for token_id in listing.tokens
    ]
    return {
        "event_type": "price_change",
        "market": listing.market.condition_id,
        "price_changes": changes,
        "timestamp": str(now_ms),
    }


def last_trade_price(made: Trade, now_ms: int) -> Json:
    """Return a trade as the market channel tells it to everybody, without its parties."""
    return {
        "event_type": "last_trade_price",
        "market": made.taker.listing.market.condition_id,
        "asset_id": str(made.taker.request.order.token_id),
        "price": to_text(made.fills[-1].price),
        "size": to_text(made.shares),
        "side": made.taker.side.value,
        "fee_rate_bps": _NO_FEE_BPS,
        "transaction_hash": made.transaction_hash,
        "timestamp": str(now_ms),
    }


def best_bid_ask(listing: Listing, token_id: int, bid: int | None, ask: int | None, now_ms: int) -> Json:
    """Return the new top of a token's book; an empty side counts as 0 or 1."""
    best_bid, best_ask = bid or 0, ONE if ask is None else ask
    return {
        "event_type": "best_bid_ask",
        "market": listing.market.condition_id,
        "asset_id": str(token_id),
        "best_bid": to_text(best_bid),
        "best_ask": to_text(best_ask),
        "spread": to_text(best_ask - best_bid),
        "timestamp": str(now_ms),
    }


def new_market(listing: Listing, now_ms: int) -> Json:
    """Return a market that was just listed."""
    return {
        "event_type": "new_market",
        **_introduced(listing),
        "order_price_min_tick_size": listing.market.tick_size,
        "fees_enabled": bool(listing.fee_rate),
        "active": True,
        "timestamp": str(now_ms),
    }


def market_resolved(listing: Listing, winner: int | None, now_ms: int) -> Json:
    """Return a market that has ended; without a winner its fields are left out."""
    won = {} if winner is None else {"winning_asset_id": str(winner), "winning_outcome": listing.outcome(winner)}
    return {"event_type": "market_resolved", **_introduced(listing), **won, "timestamp": str(now_ms)}


def _introduced(listing: Listing) -> Json:
    return {
        "id": str(listing.number),
        "question": listing.market.question,
        "market": listing.market.condition_id,
        "slug": listing.market.slug,
        "description": "",
        "assets_ids": [str(token) for token in listing.tokens],
        "outcomes": [listing.outcome(token) for token in listing.tokens],
    }


def last_price(last: LastTrade, *, is_yes: bool) -> int:
    """Return the price of the last trade in a token's terms."""
    return last.yes_price if is_yes else ONE - last.yes_price


def last_side(last: LastTrade, *, is_yes: bool) -> Side:
    """Return what the taker of the last trade did, in a token's terms."""
    return Side.BUY if last.is_bid is is_yes else Side.SELL


def _price_change(token_id: int, held: Book, spot: Spot, *, is_yes: bool) -> Json:
    level = held.level(is_bid=spot.is_bid, yes_price=spot.yes_price)
    price = spot.yes_price if is_yes else ONE - spot.yes_price
    side = Side.BUY if spot.is_bid is is_yes else Side.SELL
    best_bid, best_ask = held.best_bid(is_yes=is_yes), held.best_ask(is_yes=is_yes)
    return {
        "asset_id": str(token_id),
        "price": to_text(price),
        "size": to_text(level.shares),
        "side": side.value,
        "hash": _hash_of(token_id, price, level.shares, side),
        "best_bid": to_text(best_bid or 0),
        "best_ask": to_text(ONE if best_ask is None else best_ask),
    }


def _levels(levels: Iterable[Level]) -> Sequence[Json]:
    return [{"price": to_text(level.price), "size": to_text(level.shares)} for level in levels]


def _hash_of(*state: object) -> str:
    """Return a short hash that differs when the state does: the venue's own recipe is not public."""
    return hashlib.sha256(repr(state).encode()).hexdigest()[:40]
