"""A deal: one wallet's side of a settled trade, as the Data API lists it.

Only what is in a block is listed. A taker has one deal for each transaction, a maker one for each fill, as there is one
`OrderFilled` for each on chain.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from remora.devnet.clob.listings import Listing
from remora.devnet.clob.matching import Fill
from remora.devnet.clob.orders import Side
from remora.devnet.clob.trades import Trade, TradeStatus

_IN_A_BLOCK = (TradeStatus.MINED, TradeStatus.CONFIRMED)
#: A sequence counts blocks first, then trades, then the deals of a trade.
_DEALS_PER_TRADE = 10**3
ROWS_PER_BLOCK = 10**10


@dataclass(frozen=True, slots=True, kw_only=True)
class Deal:
    """Amounts and price in base units; `sequence` is its place among all deals; `at_s` is its block's time.

    `collateral` is without the fee, which a buyer pays on top and a seller out of the proceeds.
    """

    sequence: int
    wallet: str
    listing: Listing
    token_id: int
    side: Side
    shares: int
    collateral: int
    price: int
    fee: int
    is_taker: bool
    at_s: int
    transaction_hash: str

    @property
    def cash(self) -> int:
        """The collateral that left the wallet or came in, fee included."""
        return self.collateral + self.fee if self.side is Side.BUY else self.collateral - self.fee


def deals_of(trades: Iterable[Trade]) -> Iterator[Deal]:
    """Yield the deals of trades, which must be all there ever were, in their order."""
    for number, trade in enumerate(trades):
        if trade.status in _IN_A_BLOCK:
            yield from deals_in(trade, first=trade.mined_block * ROWS_PER_BLOCK + number * _DEALS_PER_TRADE)


def deals_in(trade: Trade, *, first: int = 0) -> Iterator[Deal]:
    """Yield the deals of one trade, the taker's first, in a block or not; their sequences count from `first`."""
    yield _taken(trade, first)
    yield from (_made(trade, fill, first + place) for place, fill in enumerate(trade.fills, start=1))


def _taken(trade: Trade, sequence: int) -> Deal:
    order = trade.taker
    return Deal(
        sequence=sequence,
        wallet=order.maker,
        listing=order.listing,
        token_id=order.request.order.token_id,
        side=order.side,
        shares=trade.shares,
        collateral=trade.collateral,
        price=trade.price,
        fee=trade.fee,
        is_taker=True,
        at_s=trade.mined_s,
        transaction_hash=trade.transaction_hash,
    )


def _made(trade: Trade, fill: Fill, sequence: int) -> Deal:
    order = fill.maker
    is_buy = order.side is Side.BUY
    return Deal(
        sequence=sequence,
        wallet=order.maker,
        listing=order.listing,
        token_id=order.request.order.token_id,
        side=order.side,
        shares=fill.taking if is_buy else fill.making,
        collateral=fill.making if is_buy else fill.taking,
        price=order.price,
        fee=0,
        is_taker=False,
        at_s=trade.mined_s,
        transaction_hash=trade.transaction_hash,
    )
