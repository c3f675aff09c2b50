"""The order book server's heart: accepts, matches, cancels and undoes, in memory and without waiting.

Every public method runs to its end before anything else does, so that an order is checked against exactly the book
and the funds that it then changes. Chain and clients are told through the audience and the returned trades.
"""

from __future__ import annotations

import heapq
import itertools
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from remora.devnet.clob import refusals
from remora.devnet.clob.book import Book, OrderStatus, PlacedOrder
from remora.devnet.clob.funds import Funds, Purse, purse_of
from remora.devnet.clob.listings import Listing
from remora.devnet.clob.matching import Fill, Match, is_spent, match, taker_fee
from remora.devnet.clob.orders import OrderRequest, OrderType, Side
from remora.devnet.clob.rules import EXPIRY_MARGIN_S, price_of
from remora.devnet.clob.trades import Trade, TradeStatus
from remora.devnet.clob.units import ONE, ceil_div

#: More makers make more transactions: the exchange's calldata and gas stay bounded.
MAKERS_PER_TRADE = 10


class OrderEvent(StrEnum):
    """What the user channel calls a change of an order."""

    PLACEMENT = "PLACEMENT"
    UPDATE = "UPDATE"
    CANCELLATION = "CANCELLATION"


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in a book whose shares changed."""

    is_bid: bool
    yes_price: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LastTrade:
    """The last trade of a market, seen from YES."""

    yes_price: int
    is_bid: bool


class Audience(Protocol):
    """Who hears of changes; told after the fact, must not call back."""

    def order_changed(self, order: PlacedOrder, event: OrderEvent) -> None: ...

    def trade_changed(self, trade: Trade) -> None: ...

    def book_changed(self, listing: Listing, book: Book, spots: Iterable[Spot]) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """An accepted order, and the trades that it made at once."""

    order: PlacedOrder
    trades: tuple[Trade, ...]


class Engine:
    """Books, orders and trades of all markets."""

    def __init__(self, *, funds: Funds, audience: Audience, now_s: Callable[[], int]) -> None:
        self.orders: dict[str, PlacedOrder] = {}
        self.trades: dict[str, Trade] = {}
        self._funds = funds
        self._audience = audience
        self._now_s = now_s
        self._books: defaultdict[str, Book] = defaultdict(Book)
        self._trades_of: defaultdict[str, list[Trade]] = defaultdict(list)
        self._last_trades: dict[str, LastTrade] = {}
        self._live: defaultdict[str, dict[str, PlacedOrder]] = defaultdict(dict)
        self._expiring: list[tuple[int, int, PlacedOrder]] = []
        self._sequence = itertools.count()
        self._spots: dict[Spot, None] = {}

    def book(self, listing: Listing) -> Book:
        """Return a market's book, for reading."""
        return self._books[listing.market.condition_id]

    def last_trade(self, listing: Listing) -> LastTrade | None:
        """Return a market's last trade, if it had one."""
        return self._last_trades.get(listing.market.condition_id)

    def live_orders(self, maker: str) -> list[PlacedOrder]:
        """Return a maker's resting orders."""
        return list(self._live[maker].values())

    def trades_of(self, maker: str) -> list[Trade]:
        """Return the trades that a maker was a party of, newest first."""
        return self._trades_of[maker][::-1]

    def submit(self, order_id: str, request: OrderRequest, listing: Listing) -> Placement:
        """Accept an order: match it, rest what is left of it where its type says so, or refuse it whole."""
        if order_id in self.orders:
            raise refusals.duplicated(order_id)
        self.expire()
        order = self._priced(order_id, request, listing)
        plan = match(order, self.book(listing).against(is_bid=order.is_bid))
        trades = self._drafted(order, plan)
        fees = sum(trade.fee for trade in trades) if order.side is Side.BUY else 0
        self._funds.check(purse_of(order), order.making_left + fees)
        _refuse_unless_fit(order, plan)
        self.orders[order.id] = order
        for trade in trades:
            self._execute(trade)
        self._rest_or_finish(order, plan)
        self._tell_of_placement(order, trades)
        return Placement(order=order, trades=trades)

    def cancel(self, order: PlacedOrder, status: OrderStatus = OrderStatus.CANCELED) -> None:
        """Take a live order off the book."""
        self._leave(order, status)
        self._audience.order_changed(order, OrderEvent.CANCELLATION)
        self._tell_of_book(order.listing)

    def expire(self) -> None:
        """Cancel what has outlived its date."""
        now = self._now_s()
        while self._expiring and self._expiring[0][0] <= now:
            order = heapq.heappop(self._expiring)[-1]
            if order.status is OrderStatus.LIVE:
                self.cancel(order, OrderStatus.CANCELED_EXPIRED_ORDER)

    def mine(self, trade: Trade) -> None:
        """Record that a trade's transaction is in a block: balances now tell what it claimed."""
        self._claim(trade, -1)
        for owner, token_id, amount in trade.movements():
            self._funds.book(owner, token_id, amount)
        self._advance(trade, TradeStatus.MINED)

    def confirm(self, trade: Trade) -> None:
        """Record that a trade is final."""
        self._advance(trade, TradeStatus.CONFIRMED)

    def retry(self, trade: Trade) -> None:
        """Record that a mined trade's block is gone, and that it will be sent again."""
        self._claim(trade, 1)
        self._advance(trade, TradeStatus.RETRYING)

    def fail(self, trade: Trade) -> None:
        """Undo a trade whose transaction reverted.

        Makers get their place in the book back, unless they cancelled, would cross what came meanwhile, or no longer
        have what they offer; the taker's part is dropped. The parties' purses must be known.
        """
        self._claim(trade, -1)
        trade.taker.shares_matched -= trade.shares
        if not trade.taker.shares_matched and trade.taker.status is OrderStatus.MATCHED:
            trade.taker.status = OrderStatus.INVALID
        self._advance(trade, TradeStatus.FAILED)
        self._audience.order_changed(trade.taker, OrderEvent.UPDATE)
        for fill in trade.fills:
            self._restore(fill)
        for purse in {purse_of(order) for order in trade.parties()}:
            self._drop_uncovered(purse)
        self._tell_of_book(trade.taker.listing)

    def _priced(self, order_id: str, request: OrderRequest, listing: Listing) -> PlacedOrder:
        now = self._now_s()
        return PlacedOrder(
            id=order_id,
            request=request,
            listing=listing,
            price=price_of(order_id, request, listing, now),
            sequence=next(self._sequence),
            created_s=now,
            making_left=request.order.maker_amount,
            shares_left=request.order.shares,
        )

    def _drafted(self, order: PlacedOrder, plan: Match) -> tuple[Trade, ...]:
        now = self._now_s()
        return tuple(
            Trade(
                id=str(uuid.uuid4()),
                taker=order,
                fills=fills,
                fee=taker_fee(fills, order.listing.fee_rate),
                bucket_index=index,
                matched_s=now,
                updated_s=now,
            )
            for index, fills in enumerate(_batches(plan.fills))
        )

    def _execute(self, trade: Trade) -> None:
        taker = trade.taker
        taker.making_left -= trade.making
        taker.shares_left -= trade.shares
        taker.shares_matched += trade.shares
        taker.trade_ids.append(trade.id)
        self.trades[trade.id] = trade
        for maker in {party.maker for party in trade.parties()}:
            self._trades_of[maker].append(trade)
        self._claim(trade, 1)
        for fill in trade.fills:
            self._take_from(fill, trade.id)
        last = trade.fills[-1].maker
        self._last_trades[taker.listing.market.condition_id] = LastTrade(yes_price=last.yes_price, is_bid=taker.is_bid)

    def _take_from(self, fill: Fill, trade_id: str) -> None:
        maker = fill.maker
        self._touch(maker)
        maker.making_left -= fill.making
        maker.shares_left -= fill.shares
        maker.shares_matched += fill.shares
        maker.trade_ids.append(trade_id)
        self._funds.active[purse_of(maker)] -= fill.making
        if is_spent(maker):
            self._leave(maker, OrderStatus.MATCHED)

    def _rest_or_finish(self, order: PlacedOrder, plan: Match) -> None:
        if not order.request.type.rests or plan.is_complete:
            order.making_left = order.shares_left = 0
            order.status = OrderStatus.MATCHED
            return
        if order.side is Side.BUY:
            # What better prices saved is not needed to rest.
            order.making_left = min(order.making_left, ceil_div(order.shares_left * order.price, ONE))
        self._enter(order)
        if order.request.type is OrderType.GTD:
            due = order.request.expiration_s - EXPIRY_MARGIN_S
            heapq.heappush(self._expiring, (due, order.sequence, order))

    def _restore(self, fill: Fill) -> None:
        maker = fill.maker
        maker.shares_matched -= fill.shares
        if maker.status is OrderStatus.MATCHED:
            if self.book(maker.listing).would_cross(maker):
                maker.status = OrderStatus.CANCELED
                self._audience.order_changed(maker, OrderEvent.CANCELLATION)
                return
            maker.status = OrderStatus.LIVE
            self._enter(maker)
        if maker.status is OrderStatus.LIVE:
            maker.making_left += fill.making
            maker.shares_left += fill.shares
            self._funds.active[purse_of(maker)] += fill.making
            self._touch(maker)
            self._audience.order_changed(maker, OrderEvent.UPDATE)

    def _drop_uncovered(self, purse: Purse) -> None:
        if self._funds.covers(purse):
            return
        for order in self.live_orders(purse.owner):
            if purse_of(order) == purse:
                self.cancel(order, OrderStatus.CANCELED_NOT_ENOUGH_BALANCE)

    def _enter(self, order: PlacedOrder) -> None:
        self.book(order.listing).add(order)
        self._live[order.maker][order.id] = order
        self._funds.active[purse_of(order)] += order.making_left
        self._touch(order)

    def _leave(self, order: PlacedOrder, status: OrderStatus) -> None:
        self.book(order.listing).remove(order)
        del self._live[order.maker][order.id]
        self._funds.active[purse_of(order)] -= order.making_left
        order.making_left = order.shares_left = 0
        order.status = status
        self._touch(order)

    def _claim(self, trade: Trade, sign: int) -> None:
        self._funds.matched[purse_of(trade.taker)] += sign * trade.claim
        for fill in trade.fills:
            self._funds.matched[purse_of(fill.maker)] += sign * fill.making

    def _advance(self, trade: Trade, status: TradeStatus) -> None:
        trade.status = status
        trade.updated_s = self._now_s()
        self._audience.trade_changed(trade)

    def _touch(self, order: PlacedOrder) -> None:
        self._spots[Spot(order.is_bid, order.yes_price)] = None

    def _tell_of_placement(self, order: PlacedOrder, trades: tuple[Trade, ...]) -> None:
        self._audience.order_changed(order, OrderEvent.PLACEMENT)
        for trade in trades:
            for fill in trade.fills:
                self._audience.order_changed(fill.maker, OrderEvent.UPDATE)
            self._audience.trade_changed(trade)
        self._tell_of_book(order.listing)

    def _tell_of_book(self, listing: Listing) -> None:
        if self._spots:
            spots, self._spots = self._spots, {}
            self._audience.book_changed(listing, self.book(listing), spots)


def _refuse_unless_fit(order: PlacedOrder, plan: Match) -> None:
    request = order.request
    is_marketable = bool(plan.fills) or not request.type.rests
    if request.post_only and plan.fills:
        raise refusals.post_only_crosses()
    if order.side is Side.BUY and is_marketable and request.order.maker_amount < ONE:
        raise refusals.marketable_buy_too_small(request.order.maker_amount)
    if request.type is OrderType.FOK and not plan.is_complete:
        raise refusals.fok_not_filled()
    if request.type is OrderType.FAK and not plan.fills:
        raise refusals.fak_not_filled()


def _batches(fills: tuple[Fill, ...]) -> Iterator[tuple[Fill, ...]]:
    for start in range(0, len(fills), MAKERS_PER_TRADE):
        yield fills[start : start + MAKERS_PER_TRADE]
