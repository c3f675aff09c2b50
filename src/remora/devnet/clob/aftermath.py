"""What becomes of a trade after the match, as its transaction fares: mined, confirmed, put off, sent again, undone."""

from __future__ import annotations

from collections.abc import Callable

from remora.devnet.clob.audience import OrderEvent
from remora.devnet.clob.book import OrderStatus
from remora.devnet.clob.floor import Floor
from remora.devnet.clob.funds import Purse, purse_of
from remora.devnet.clob.matching import Fill
from remora.devnet.clob.trades import Trade, TradeStatus


class Aftermath:
    """Advances trades, and books or undoes what they moved. The audience is told after the fact."""

    def __init__(self, floor: Floor, now_s: Callable[[], int]) -> None:
        self._floor = floor
        self._now_s = now_s

    def mine(self, trade: Trade) -> None:
        """Record that a trade's transaction is in a block: balances now tell what it claimed."""
        self._floor.claim(trade, -1)
        for owner, token_id, amount in trade.movements():
            self._floor.funds.book(owner, token_id, amount)
        self._advance(trade, TradeStatus.MINED)

    def confirm(self, trade: Trade) -> None:
        """Record that a trade is final."""
        self._advance(trade, TradeStatus.CONFIRMED)

    def put_off(self, trade: Trade) -> None:
        """Record that a trade which is in no block yet will be sent later."""
        self._advance(trade, TradeStatus.RETRYING)

    def retry(self, trade: Trade) -> None:
        """Record that a mined trade's block is gone, and that it will be sent again."""
        self._floor.claim(trade, 1)
        self._advance(trade, TradeStatus.RETRYING)

    def fail(self, trade: Trade) -> None:
        """Undo a trade whose transaction reverted.

        Makers get their place in the book back, unless they cancelled, would cross what came meanwhile, or no longer
        have what they offer; the taker's part is dropped. The parties' purses must be known.
        """
        self._floor.claim(trade, -1)
        self._floor.volumes[trade.taker.listing.market.condition_id] -= trade.collateral
        trade.taker.shares_matched -= trade.shares
        if not trade.taker.shares_matched and trade.taker.status is OrderStatus.MATCHED:
            trade.taker.status = OrderStatus.INVALID
        self._advance(trade, TradeStatus.FAILED)
        self._floor.audience.order_changed(trade.taker, OrderEvent.UPDATE)
        for fill in trade.fills:
            self._restore(fill)
        for purse in {purse_of(order) for order in trade.parties()}:
            self._drop_uncovered(purse)
        self._floor.tell_of_book(trade.taker.listing)

    def _restore(self, fill: Fill) -> None:
        maker = fill.maker
        maker.shares_matched -= fill.shares
        if maker.status is OrderStatus.MATCHED:
            if self._floor.book(maker.listing).would_cross(maker):
                maker.status = OrderStatus.CANCELED
                self._floor.audience.order_changed(maker, OrderEvent.CANCELLATION)
                return
            maker.status = OrderStatus.LIVE
            self._floor.enter(maker)
        if maker.status is OrderStatus.LIVE:
            maker.making_left += fill.making
            maker.shares_left += fill.shares
            self._floor.funds.active[purse_of(maker)] += fill.making
            self._floor.touch(maker)
            self._floor.audience.order_changed(maker, OrderEvent.UPDATE)

    def _drop_uncovered(self, purse: Purse) -> None:
        if self._floor.funds.covers(purse):
            return
        for order in self._floor.live_orders(purse.owner):
            if purse_of(order) == purse:
                self._floor.cancel(order, OrderStatus.CANCELED_NOT_ENOUGH_BALANCE)

    def _advance(self, trade: Trade, status: TradeStatus) -> None:
        trade.status = status
        trade.updated_s = self._now_s()
        self._floor.audience.trade_changed(trade)
