"""What shares cost on average, with the arithmetic beside each number."""

from __future__ import annotations

from remora.devnet.clob.orders import Side
from remora.devnet.data_api.deals import Deal
from remora.devnet.data_api.positions import Position, position_of
from tests.unit.devnet.scene import ALICE, YES, listing

U = 1_000_000


def deal(side: Side, shares: int, collateral: int) -> Deal:
    return Deal(
        sequence=0,
        wallet=ALICE,
        listing=listing(),
        token_id=YES,
        side=side,
        shares=shares * U,
        collateral=collateral * U,
        price=0,
        fee=0,
        is_taker=True,
        at_s=1,
        transaction_hash="0x",
    )


def position(deals: list[Deal], *, held: int) -> Position | None:
    terms = listing()
    return position_of(deals, wallet=ALICE, listing=terms, token_id=YES, held=held * U, opposite_held=0, price=600_000)


def test_sales_realize_the_average_cost() -> None:
    found = position([deal(Side.BUY, 10, 4), deal(Side.BUY, 10, 6), deal(Side.SELL, 5, 4)], held=15)
    assert found is not None
    # 20 for 10 cost 0.50 each: selling 5 for 4 makes 1.50, and 15 for 7.50 are left, worth 9
    assert (found.realized, found.cost, found.average_price) == (1_500_000, 7_500_000, 500_000)
    assert (found.value, found.unrealized, found.bought, found.spent) == (9 * U, 1_500_000, 20 * U, 10 * U)


def test_shares_that_were_split_cost_half() -> None:
    found = position([deal(Side.SELL, 10, 7)], held=4)
    assert found is not None
    assert (found.realized, found.cost) == (2 * U, 2 * U)


def test_who_neither_dealt_nor_holds_has_no_position() -> None:
    assert position([], held=0) is None
