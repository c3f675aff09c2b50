"""Who hears of what happens in the engine and on chain: each channel, and the accounts' notifications."""

from __future__ import annotations

from collections.abc import Iterable

from remora.devnet.clob.audience import OrderEvent, Spot
from remora.devnet.clob.book import Book, PlacedOrder
from remora.devnet.clob.listings import Listing
from remora.devnet.clob.market_channel import MarketChannel
from remora.devnet.clob.notifications import Notifications
from remora.devnet.clob.resolutions import Resolutions
from remora.devnet.clob.trades import Trade
from remora.devnet.clob.user_channel import UserChannel
from remora.devnet.data_api.live_channel import LiveChannel


class Channels:
    """The engine's audience: each channel hears what concerns it."""

    def __init__(
        self, markets: MarketChannel, users: UserChannel, live: LiveChannel, notifications: Notifications
    ) -> None:
        self._markets = markets
        self._users = users
        self._live = live
        self._notifications = notifications

    def order_changed(self, order: PlacedOrder, event: OrderEvent) -> None:
        """Tell the order's owner."""
        self._users.order_changed(order, event)
        self._notifications.order_changed(order, event)

    def trade_changed(self, trade: Trade) -> None:
        """Tell the parties, and who follows everybody's trades."""
        self._users.trade_changed(trade)
        self._live.trade_changed(trade)
        self._notifications.trade_changed(trade)

    def trade_sent(self, trade: Trade) -> None:
        """Tell the public."""
        self._markets.trade_sent(trade)
        self._live.trade_sent(trade)

    def book_changed(self, listing: Listing, book: Book, spots: Iterable[Spot]) -> None:
        """Tell the public."""
        self._markets.book_changed(listing, book, spots)


class News:
    """The herald of settlement: trades are told on the channels, resolutions end markets."""

    def __init__(self, channels: Channels, resolutions: Resolutions) -> None:
        self._channels = channels
        self._resolutions = resolutions

    def trade_sent(self, trade: Trade) -> None:
        """Tell of a trade that goes to the chain."""
        self._channels.trade_sent(trade)

    def condition_resolved(self, condition_id: str, payouts: tuple[int, ...]) -> None:
        """End the market of a condition."""
        self._resolutions.condition_resolved(condition_id, payouts)
