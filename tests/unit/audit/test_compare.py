"""What differs between books and chain, and why: a table per kind of wallet, and the law of booking."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora.audit.compare import booking, compare, confirmed, holdings, strange_orders
from remora.domain import ledger
from remora.domain.audit import Cause, Difference, Standing
from remora.domain.ids import Address, OrderHash
from remora.domain.ledger import balances, check
from tests.fakes.specimens import TOKEN, follower, wallet

OURS, ANN = wallet(1), follower(1)
SHARES = str(TOKEN)
BOOKS = {
    (ledger.operator_account(OURS), ledger.COLLATERAL): 100,
    (ledger.operator_account(OURS), SHARES): 20,
    (ledger.operator_account(OURS), ledger.NATIVE): -5,
    (ledger.follower_account(ANN), ledger.COLLATERAL): -30,
    (ledger.follower_account(ANN), SHARES): 7,
    (ledger.follower_account(ANN), ledger.RECEIVABLE): 3,
    (ledger.VENUE, ledger.COLLATERAL): -70,
}
AS_BOOKED = {(OURS, ledger.COLLATERAL): 100, (OURS, SHARES): 20, (ANN, SHARES): 7}


def standing(*, moving: dict[Address, list[str]] | None = None, orders: tuple[OrderHash, ...] = ()) -> Standing:
    return Standing(balances=BOOKS, opened=frozenset({OURS}), orders={OURS: frozenset(orders)}, moving=moving or {})


def test_what_is_read_is_what_the_books_name() -> None:
    assert set(holdings(standing(), [OURS, wallet(2)])) == set(AS_BOOKED), "wallet 2 is not in the books yet"


@pytest.mark.parametrize(
    ("found", "causes"),
    [
        ({}, {}),
        ({(OURS, ledger.COLLATERAL): 101}, {(OURS, ledger.COLLATERAL): Cause.TOP_UP}),
        ({(OURS, ledger.COLLATERAL): 99}, {(OURS, ledger.COLLATERAL): Cause.MOVED}),
        ({(OURS, SHARES): 21}, {(OURS, SHARES): Cause.TOP_UP}),
        ({(OURS, SHARES): 0}, {(OURS, SHARES): Cause.MOVED}),
        (
            {(OURS, ledger.COLLATERAL): 90, (OURS, SHARES): 40},  # a purchase that was not heard
            {(OURS, ledger.COLLATERAL): Cause.MOVED, (OURS, SHARES): Cause.UNHEARD},
        ),
        ({(ANN, SHARES): 8}, {}),  # a follower may have more
        ({(ANN, SHARES): 6}, {(ANN, SHARES): Cause.MOVED}),
        ({(ANN, SHARES): 6, (OURS, SHARES): 21}, {(ANN, SHARES): Cause.MOVED, (OURS, SHARES): Cause.TOP_UP}),
    ],
)
def test_differences(found: dict[tuple[Address, str], int], causes: dict[tuple[Address, str], Cause]) -> None:
    rows = compare(standing(), AS_BOOKED | found, [OURS], set())
    assert {(row.wallet, row.asset): row.cause for row in rows} == causes
    assert {(row.wallet, row.asset): row.found for row in rows} == found if causes else not rows


def test_what_is_on_its_way_explains_a_wallet_and_no_other() -> None:
    moving = standing(moving={OURS: ["order 0x1", "deliver transaction 0x2"]})
    rows = compare(moving, {(OURS, ledger.COLLATERAL): 9, (ANN, SHARES): 1}, [OURS], set())
    assert [(row.cause, row.detail) for row in rows] == [
        (Cause.IN_FLIGHT, "order 0x1, deliver transaction 0x2"),
        (Cause.MOVED, ""),
    ]


def test_a_follower_may_redeem_what_is_over_and_an_operator_may_not() -> None:
    rows = compare(standing(), {(OURS, SHARES): 0, (ANN, SHARES): 0}, [OURS], {SHARES})
    assert [row.cause for row in rows] == [Cause.MOVED, Cause.REDEEMABLE]


def test_orders_at_the_venue_are_ours_or_strange() -> None:
    mine, strange = OrderHash("0x1"), OrderHash("0x2")
    (row,) = strange_orders(standing(orders=(mine,)), {OURS: [mine, strange], wallet(2): []})
    assert (row.wallet, row.asset, row.cause, row.cause.is_explained) == (OURS, strange, Cause.STRANGE_ORDER, False)


def test_only_what_two_looks_agree_on_counts() -> None:
    rows = [
        Difference(wallet=OURS, asset=ledger.COLLATERAL, booked=100, found=units, cause=Cause.MOVED)
        for units in (99, 98)
    ]
    assert confirmed(rows[:1], rows[:1]) == rows[:1]
    (row,) = confirmed(rows[:1], rows[1:])
    assert (row.cause, row.found) == (Cause.IN_FLIGHT, 98)
    assert confirmed(rows, []) == []


@given(booked=st.integers(0, 10**12), found=st.integers(0, 10**12), is_operator=st.booleans())
def test_booking_brings_the_books_to_what_was_found(booked: int, found: int, *, is_operator: bool) -> None:
    row = Difference(wallet=OURS, asset=SHARES, booked=booked, found=found, cause=Cause.MOVED)
    posting = check(booking(row, ledger.ADJUSTMENT, is_operator=is_operator, at_us=1))
    own = ledger.operator_account(OURS) if is_operator else ledger.follower_account(OURS)
    after = balances(posting.entries)
    assert booked + after.get((own, SHARES), 0) == found
    assert after.get((ledger.ADJUSTMENT, SHARES), 0) == booked - found
