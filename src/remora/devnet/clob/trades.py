"""A trade: one incoming order and the makers it met, settled by one transaction (polymarket.md 3.6)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from remora.devnet.clob.book import PlacedOrder
from remora.devnet.clob.matching import Fill
from remora.devnet.clob.orders import Side
from remora.devnet.clob.units import ONE


class TradeStatus(StrEnum):
    """How far the settlement is; CONFIRMED and FAILED are final, RETRYING means that a reorg took the block."""

    MATCHED = "MATCHED"
    MINED = "MINED"
    RETRYING = "RETRYING"
    CONFIRMED = "CONFIRMED"
    FAILED = "FAILED"


@dataclass(slots=True, kw_only=True, eq=False)
class Trade:
    """One match on its way to the chain; status, hash and time of update and block change, nothing else does.

    `fee` is the taker's, in collateral. `bucket_index` counts the transactions that one order needed.
    """

    id: str
    taker: PlacedOrder
    fills: tuple[Fill, ...]
    fee: int
    bucket_index: int
    matched_s: int
    updated_s: int
    status: TradeStatus = TradeStatus.MATCHED
    transaction_hash: str = ""
    mined_s: int = 0
    mined_block: int = 0

    @property
    def shares(self) -> int:
        return sum(fill.shares for fill in self.fills)

    @property
    def collateral(self) -> int:
        return sum(fill.collateral for fill in self.fills)

    @property
    def price(self) -> int:
        """The average price, rounded to the nearest base unit: exact amounts are in the fills."""
        return (2 * self.collateral * ONE + self.shares) // (2 * self.shares)

    @property
    def making(self) -> int:
        """What the taker gives, before the fee."""
        return self.collateral if self.taker.side is Side.BUY else self.shares

    @property
    def taking(self) -> int:
        """What the taker gets, before the fee."""
        return self.shares if self.taker.side is Side.BUY else self.collateral

    @property
    def claim(self) -> int:
        """What the taker's purse loses: a buyer pays the fee on top, a seller out of the proceeds."""
        return self.making + (self.fee if self.taker.side is Side.BUY else 0)

    def movements(self) -> Iterator[tuple[str, int | None, int]]:
        """Yield what its settlement adds to owners' tokens, or takes; None is collateral."""
        is_buy = self.taker.side is Side.BUY
        got = self.shares if is_buy else self.collateral - self.fee
        yield from _exchanged(self.taker, self.claim, got)
        for fill in self.fills:
            yield from _exchanged(fill.maker, fill.making, fill.taking)

    def parties(self) -> list[PlacedOrder]:
        """Return the taker's order and the makers'."""
        return [self.taker, *(fill.maker for fill in self.fills)]


def _exchanged(order: PlacedOrder, given: int, got: int) -> Iterator[tuple[str, int | None, int]]:
    token_id = order.request.order.token_id
    gives, gets = (None, token_id) if order.side is Side.BUY else (token_id, None)
    yield order.maker, gives, -given
    yield order.maker, gets, got
