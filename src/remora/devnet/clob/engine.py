"""The order book server's heart: accepts, matches and cancels, in memory and without waiting.

Every public method runs to its end before anything else does, so that an order is checked against exactly the book
and the funds that it then changes. Chain and clients are told through the audience and the returned trades; what the
chain makes of these is for `aftermath`.
"""

from __future__ import annotations

import heapq
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from remora.devnet.clob import refusals
from remora.devnet.clob.aftermath import Aftermath
from remora.devnet.clob.audience import Audience, OrderEvent
from remora.devnet.clob.book import Book, OrderStatus, PlacedOrder
from remora.devnet.clob.floor import Floor
from remora.devnet.clob.funds import Funds, purse_of
from remora.devnet.clob.listings import Listing
from remora.devnet.clob.matching import Fill, Match, is_spent, match, taker_fee
from remora.devnet.clob.orders import OrderRequest, OrderType, Side
from remora.devnet.clob.rules import EXPIRY_MARGIN_S, price_of
from remora.devnet.clob.trades import Trade
from remora.devnet.clob.units import ONE, ceil_div, from_text
from remora.devnet.remembering import Part, Remembering

#: More makers make more transactions: the exchange's calldata and gas stay bounded.
MAKERS_PER_TRADE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class LastTrade:
    """The last trade of a market, seen from YES."""

    yes_price: int
    is_bid: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """An accepted order, and the trades that it made at once."""

    order: PlacedOrder
    trades: tuple[Trade, ...]


class Engine(Remembering):
    """Books, orders and trades of all markets."""

    remembered = (
        "orders",
        "trades",
        "_trades_of",
        "_last_trades",
        "_expiring",
        "_delayed",
        "_placed",
    )

    def __init__(
        self,
        *,
        funds: Funds,
        audience: Audience,
        now_s: Callable[[], int],
        delay_of: Callable[[PlacedOrder], int] = lambda order: order.listing.market.seconds_delay,
    ) -> None:
        self.orders: dict[str, PlacedOrder] = {}
        self.trades: dict[str, Trade] = {}
        self._floor = Floor(funds=funds, audience=audience)
        self.aftermath = Aftermath(self._floor, now_s)
        self._funds = funds
        self._audience = audience
        self._now_s = now_s
        self._delay_of = delay_of
        self._trades_of: defaultdict[str, list[Trade]] = defaultdict(list)
        self._last_trades: dict[str, LastTrade] = {}
        self._expiring: list[tuple[int, int, PlacedOrder]] = []
        self._delayed: dict[str, tuple[int, PlacedOrder]] = {}
        self._placed = 0

    def parts(self) -> list[Part]:
        """Return what remembers something."""
        return [self._floor, self]

    def book(self, listing: Listing) -> Book:
        """Return a market's book, for reading."""
        return self._floor.book(listing)

    def last_trade(self, listing: Listing) -> LastTrade | None:
        """Return a market's last trade, if it had one."""
        return self._last_trades.get(listing.market.condition_id)

    def volume(self, listing: Listing) -> int:
        """Return the collateral that was traded in a market, here and before, in base units."""
        return from_text(listing.market.past_volume) + self._floor.volumes[listing.market.condition_id]

    def liquidity(self, listing: Listing) -> int:
        """Return the collateral for which orders rest in a market, in base units; a share offered counts as its price.

        An offer of YES at p is a bid for NO at 1 - p.
        """
        book = self.book(listing)
        bids = [level for is_yes in (True, False) for level in book.bids(is_yes=is_yes)]
        return sum(level.price * level.shares // ONE for level in bids)

    def live_orders(self, address: str) -> list[PlacedOrder]:
        """Return the resting orders that an address made, or placed for its wallet."""
        return self._floor.live_orders(address)

    def trades_of(self, trader: str) -> list[Trade]:
        """Return the trades that a trader was a party of, newest first."""
        return self._trades_of[trader][::-1]

    def submit(self, order_id: str, request: OrderRequest, listing: Listing, *, trader: str | None = None) -> Placement:
        """Accept an order: match it, rest what is left of it where its type says so, or refuse it whole.

        `trader` is who places it, where that is not the order's signer: a deposit wallet has no API key.
        """
        if order_id in self.orders:
            raise refusals.duplicated(order_id)
        self.expire()
        order = self._priced(order_id, request, listing, trader or request.order.signer)
        plan, trades = self._planned(order)
        self.orders[order.id] = order
        if plan.fills and (delay_s := self._delay_of(order)):
            self._delay(order, delay_s)
            return Placement(order=order, trades=())
        self._match(order, plan, trades)
        self._tell_of_placement(order, trades, OrderEvent.PLACEMENT)
        return Placement(order=order, trades=trades)

    def due(self) -> list[PlacedOrder]:
        """Return the delayed orders whose time has come, to be released."""
        now = self._now_s()
        return [order for due, order in self._delayed.values() if due <= now]

    def release(self, order: PlacedOrder) -> tuple[Trade, ...]:
        """Match a delayed order with the book as it is now, or end it; its purse must be known."""
        del self._delayed[order.id]
        self._funds.active[purse_of(order)] -= order.making_left
        try:
            plan, trades = self._planned(order)
        except refusals.Refusal as refusal:
            is_short = isinstance(refusal, refusals.Shortage)
            order.status = OrderStatus.CANCELED_NOT_ENOUGH_BALANCE if is_short else OrderStatus.UNMATCHED
            order.making_left = order.shares_left = 0
            self._audience.order_changed(order, OrderEvent.CANCELLATION)
            return ()
        order.status = OrderStatus.LIVE
        self._match(order, plan, trades)
        self._tell_of_placement(order, trades, OrderEvent.UPDATE)
        return trades

    def cancel(self, order: PlacedOrder, status: OrderStatus = OrderStatus.CANCELED) -> None:
        """Take a live order off the book."""
        self._floor.cancel(order, status)

    def cancel_all(self, trader: str, *, maker: str | None = None) -> None:
        """Take all live orders of a trader, or those for one maker, off their books."""
        for order in self.live_orders(trader):
            if maker in (None, order.maker):
                self.cancel(order)

    def close(self, listing: Listing) -> None:
        """Take all orders of a market off its book: it is resolved."""
        book = self.book(listing)
        for order in [*book.against(is_bid=True), *book.against(is_bid=False)]:
            self.cancel(order, OrderStatus.CANCELED_MARKET_RESOLVED)

    def expire(self) -> None:
        """Cancel what has outlived its date."""
        now = self._now_s()
        while self._expiring and self._expiring[0][0] <= now:
            order = heapq.heappop(self._expiring)[-1]
            if order.status is OrderStatus.LIVE:
                self.cancel(order, OrderStatus.CANCELED_EXPIRED_ORDER)

    def _priced(self, order_id: str, request: OrderRequest, listing: Listing, trader: str) -> PlacedOrder:
        now = self._now_s()
        self._placed += 1
        return PlacedOrder(
            id=order_id,
            request=request,
            trader=trader,
            listing=listing,
            price=price_of(order_id, request, listing, now),
            sequence=self._placed,
            created_s=now,
            making_left=request.order.maker_amount,
            shares_left=request.order.shares,
        )

    def _planned(self, order: PlacedOrder) -> tuple[Match, tuple[Trade, ...]]:
        """Return what the order meets now; refuse it when it cannot be paid for, or is not to be taken so."""
        plan = match(order, self.book(order.listing).against(is_bid=order.is_bid))
        trades = self._drafted(order, plan)
        fees = sum(trade.fee for trade in trades) if order.side is Side.BUY else 0
        self._funds.check(purse_of(order), order.making_left + fees)
        _refuse_unless_fit(order, plan)
        return plan, trades

    def _delay(self, order: PlacedOrder, delay_s: int) -> None:
        """Keep an order, and what it may give, until others have had the time to withdraw theirs."""
        order.status = OrderStatus.DELAYED
        self._delayed[order.id] = (order.created_s + delay_s, order)
        self._funds.active[purse_of(order)] += order.making_left
        self._audience.order_changed(order, OrderEvent.PLACEMENT)

    def _match(self, order: PlacedOrder, plan: Match, trades: Iterable[Trade]) -> None:
        for trade in trades:
            self._execute(trade)
        self._rest_or_finish(order, plan)

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
        self._floor.volumes[taker.listing.market.condition_id] += trade.collateral
        for trader in {party.trader for party in trade.parties()}:
            self._trades_of[trader].append(trade)
        self._floor.claim(trade, 1)
        for fill in trade.fills:
            self._take_from(fill, trade.id)
        last = trade.fills[-1].maker
        self._last_trades[taker.listing.market.condition_id] = LastTrade(yes_price=last.yes_price, is_bid=taker.is_bid)

    def _take_from(self, fill: Fill, trade_id: str) -> None:
        maker = fill.maker
        self._floor.touch(maker)
        maker.making_left -= fill.making
        maker.shares_left -= fill.shares
        maker.shares_matched += fill.shares
        maker.trade_ids.append(trade_id)
        self._funds.active[purse_of(maker)] -= fill.making
        if is_spent(maker):
            self._floor.leave(maker, OrderStatus.MATCHED)

    def _rest_or_finish(self, order: PlacedOrder, plan: Match) -> None:
        if not order.request.type.rests or plan.is_complete:
            order.making_left = order.shares_left = 0
            order.status = OrderStatus.MATCHED
            return
        if order.side is Side.BUY:
            # What better prices saved is not needed to rest.
            order.making_left = min(order.making_left, ceil_div(order.shares_left * order.price, ONE))
        self._floor.enter(order)
        if order.request.type is OrderType.GTD:
            due = order.request.expiration_s - EXPIRY_MARGIN_S
            heapq.heappush(self._expiring, (due, order.sequence, order))

    def _tell_of_placement(self, order: PlacedOrder, trades: tuple[Trade, ...], event: OrderEvent) -> None:
        self._audience.order_changed(order, event)
        for trade in trades:
            for fill in trade.fills:
                self._audience.order_changed(fill.maker, OrderEvent.UPDATE)
            self._audience.trade_changed(trade)
        self._floor.tell_of_book(order.listing)


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
