"""Rows of the public history become trades: all rows of one transaction, leader, token and side are one."""

from __future__ import annotations

from remora.domain.history import PublicTrade, sum_by_trade
from remora.domain.ids import TokenId, TxHash
from remora.domain.money import Collateral, Shares
from remora.domain.signal import Side
from tests.fakes.specimens import follower, price, shares


def row(
    size: str, at: str, *, tx: int = 1, token: int = 7, side: Side = Side.BUY, leader: int = 1, traded_s: int = 100
) -> PublicTrade:
    return PublicTrade(
        wallet=follower(leader),
        side=side,
        token_id=TokenId(token),
        shares=shares(size),
        price=price(at),
        tx_hash=TxHash(f"0x{tx:064x}"),
        traded_s=traded_s,
    )


def test_rows_that_are_alike_are_fills_of_their_own() -> None:
    (trade,) = sum_by_trade([row("10", "0.5"), row("10", "0.5"), row("30", "0.333333", traded_s=99)])
    # 10 + 10 + 30 shares; 5 + 5 + 9.99999
    assert (trade.shares, trade.collateral, trade.traded_s) == (Shares(50_000_000), Collateral(19_999_990), 99)


def test_whatever_differs_is_another_trade_and_the_oldest_comes_first() -> None:
    rows = [
        row("1", "0.5", traded_s=105),
        row("1", "0.5", tx=2, traded_s=104),
        row("1", "0.5", token=8, traded_s=103),
        row("1", "0.5", side=Side.SELL, traded_s=102),
        row("1", "0.5", leader=2, traded_s=101),
    ]
    trades = sum_by_trade(rows)
    assert [trade.traded_s for trade in trades] == [101, 102, 103, 104, 105]
    assert len({trade.key for trade in trades}) == 5


def test_a_row_of_no_shares_is_no_trade() -> None:
    assert sum_by_trade([row("0", "0.5")]) == []
