"""What the venue's public history tells of a wallet: trades without order hashes, some seconds late."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from remora.domain.ids import Address, TokenId, TxHash
from remora.domain.money import ZERO_COLLATERAL, ZERO_SHARES, Collateral, Price, Shares
from remora.domain.signal import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicTrade:
    """One row of the history. `traded_s` is the time of the match by the venue's clock, in seconds."""

    wallet: Address
    side: Side
    token_id: TokenId
    shares: Shares
    price: Price
    tx_hash: TxHash
    traded_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeKey:
    """All that tells one trade of the history from another: it knows no orders, and rows may be alike in all else."""

    leader: Address
    tx_hash: TxHash
    token_id: TokenId
    side: Side


@dataclass(frozen=True, slots=True, kw_only=True)
class PolledTrade:
    """What a leader bought or sold of a token in a transaction, summed over rows: one or more of the leader's orders.

    `collateral` is of the rows' rounded prices, rounded down.
    """

    key: TradeKey
    shares: Shares
    collateral: Collateral
    traded_s: int


def sum_by_trade(rows: Iterable[PublicTrade]) -> list[PolledTrade]:
    """Return the trades that rows of one answer are of, oldest first; rows of no shares are of none."""
    found: defaultdict[TradeKey, list[PublicTrade]] = defaultdict(list)
    for row in rows:
        if row.shares:
            key = TradeKey(leader=row.wallet, tx_hash=row.tx_hash, token_id=row.token_id, side=row.side)
            found[key].append(row)
    return sorted((_summed(key, same) for key, same in found.items()), key=lambda trade: trade.traded_s)


def _summed(key: TradeKey, rows: list[PublicTrade]) -> PolledTrade:
    return PolledTrade(
        key=key,
        shares=sum((row.shares for row in rows), ZERO_SHARES),
        collateral=sum((row.price.cost_floor(row.shares) for row in rows), ZERO_COLLATERAL),
        traded_s=min(row.traded_s for row in rows),
    )
