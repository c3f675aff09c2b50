"""What shares cost on average, with the arithmetic beside each number."""

from __future__ import annotations

from typing import TypeAlias

from remora.devnet.clob.orders import Side
from remora.devnet.data_api.costs import accounts_of
from remora.devnet.data_api.deals import Deal
from remora.devnet.data_api.positions import Position, position_of
from remora.devnet.data_api.share_moves import MoveKind, ShareMove
from tests.unit.devnet.scene import ALICE, NO, YES, listing

U = 1_000_000
OTHER_YES = 2**253 + 5
Done: TypeAlias = list[Deal | ShareMove]
#: YES has won.
PAYOUTS = {YES: U, NO: 0}


def deal(side: Side, shares: int, collateral: int, token: int = YES) -> Deal:
    return Deal(
        sequence=0,
        wallet=ALICE,
        listing=listing(),
        token_id=token,
        side=side,
        shares=shares * U,
        collateral=collateral * U,
        price=0,
        fee=0,
        is_taker=True,
        at_s=1,
        transaction_hash="0x",
    )


def move(kind: MoveKind, amount: int, **shares: int) -> ShareMove:
    names = {"yes": YES, "no": NO, "other_yes": OTHER_YES}
    return ShareMove(
        sequence=0,
        wallet=ALICE,
        kind=kind,
        listing=listing(),
        amount=amount * U,
        shares={names[name]: count * U for name, count in shares.items()},
        at_s=9,
        transaction_hash="0x",
    )


def position(
    done: Done, *, held: int, token: int = YES, opposite: int = 0, is_resolved: bool = False
) -> Position | None:
    return position_of(
        accounts_of(done, PAYOUTS.__getitem__).get(token),
        wallet=ALICE,
        listing=listing(),
        token_id=token,
        held=held * U,
        opposite_held=opposite * U,
        price=600_000,
        is_resolved=is_resolved,
    )


def realized(done: Done, token: int = YES) -> int:
    return accounts_of(done, PAYOUTS.__getitem__)[token].realized


def test_sales_realize_the_average_cost() -> None:
    found = position([deal(Side.BUY, 10, 4), deal(Side.BUY, 10, 6), deal(Side.SELL, 5, 4)], held=15)
    assert found is not None
    # 20 for 10 cost 0.50 each: selling 5 for 4 makes 1.50, and 15 for 7.50 are left, worth 9
    assert (found.realized, found.cost, found.average_price) == (1_500_000, 7_500_000, 500_000)
    assert (found.value, found.unrealized, found.bought, found.spent) == (9 * U, 1_500_000, 20 * U, 10 * U)


def test_shares_that_came_from_nowhere_cost_half() -> None:
    found = position([deal(Side.SELL, 10, 7)], held=4)
    assert found is not None
    assert (found.realized, found.cost) == (2 * U, 2 * U)


def test_who_neither_dealt_nor_holds_has_no_position() -> None:
    assert position([], held=0) is None


def test_split_shares_cost_half_and_are_not_bought() -> None:
    done: Done = [move(MoveKind.SPLIT, 10, yes=10, no=10), deal(Side.BUY, 10, 3)]
    found = position(done, held=20)
    assert found is not None
    # 10 for 5 and 10 for 3
    assert (found.cost, found.bought, found.average_price) == (8 * U, 10 * U, 400_000)
    assert (found.first_s, found.last_s) == (9, 1)


def test_merged_shares_are_sold_at_half() -> None:
    # bought at 0.40, merged at 0.50
    assert realized([deal(Side.BUY, 10, 4), move(MoveKind.MERGE, 5, yes=-5, no=-5)]) == 500_000


def test_redeemed_shares_are_sold_at_their_payout() -> None:
    redeemed = move(MoveKind.REDEEM, 10, yes=-10, no=-4)
    done: Done = [deal(Side.BUY, 10, 4), deal(Side.BUY, 4, 2, NO), redeemed]
    # 10 that cost 4 paid 10, and 4 that cost 2 paid nothing
    assert (realized(done), realized(done, NO)) == (6 * U, -2 * U)


def test_yes_shares_of_a_conversion_cost_what_the_no_shares_did() -> None:
    done: Done = [deal(Side.BUY, 10, 7, NO), move(MoveKind.CONVERSION, 10, no=-10, other_yes=10)]
    accounts = accounts_of(done, PAYOUTS.__getitem__)
    assert (accounts[NO].shares, accounts[NO].realized) == (0, 0)
    assert (accounts[OTHER_YES].shares, accounts[OTHER_YES].cost) == (10 * U, 7 * U)


def test_a_conversion_realizes_what_its_collateral_exceeds_the_cost_by() -> None:
    # two NO that cost 3 and 4 give 10 of collateral and a YES share: 3 are made, and the YES shares cost nothing
    done: Done = [
        deal(Side.BUY, 10, 3, NO),
        deal(Side.BUY, 10, 4, YES),
        move(MoveKind.CONVERSION, 10, no=-10, yes=-10, other_yes=10),
    ]
    accounts = accounts_of(done, PAYOUTS.__getitem__)
    assert accounts[NO].realized + accounts[YES].realized == 3 * U
    assert accounts[OTHER_YES].cost == 0


def test_a_position_of_a_resolved_market_is_redeemable_and_not_mergeable() -> None:
    open_one = position([], held=4, opposite=1)
    ended = position([], held=4, opposite=1, is_resolved=True)
    assert open_one is not None
    assert ended is not None
    assert (open_one.is_redeemable, open_one.is_mergeable) == (False, True)
    assert (ended.is_redeemable, ended.is_mergeable) == (True, False)
