"""What the active faults have in store for orders and trades of the order-book server."""

from __future__ import annotations

from remora.devnet.clob.book import PlacedOrder
from remora.devnet.clob.trades import Trade
from remora.devnet.faults.board import Board
from remora.devnet.faults.occasion import Occasion, occasion
from remora.devnet.faults.settlement import DelayedMatch, FailedTrade, RetriedTrade


class BoardFates:
    """The fates that a board of faults decides; a trade is of its taker and of all its makers."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def match_delay_s(self, order: PlacedOrder) -> int:
        """Return how long an order waits for its match; a market's own delay holds in any case."""
        fault = self._board.take(DelayedMatch, _of(order))
        return max(order.listing.market.seconds_delay, fault.seconds if fault else 0)

    def retry_delay_s(self, trade: Trade) -> float | None:
        """Return after what time a trade is tried again, if it is not to be sent now."""
        fault = self._board.take(RetriedTrade, _of(*trade.parties()))
        return fault.seconds if fault else None

    def reverts(self, trade: Trade) -> bool:
        """Tell whether a trade's transaction shall revert."""
        return self._board.take(FailedTrade, _of(*trade.parties())) is not None


def _of(*orders: PlacedOrder) -> Occasion:
    who = [text for order in orders for text in (order.maker, order.request.order.signer)]
    return occasion("settlement", *who, *(str(order.request.order.token_id) for order in orders))
