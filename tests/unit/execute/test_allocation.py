"""Who gets what: tables with the arithmetic beside the row."""

from __future__ import annotations

import pytest

from remora.domain.errors import InvariantBroken
from remora.domain.signal import Side
from remora.execute.allocation import Split, allocate, apportion
from tests.fakes.specimens import collateral, part, price, shares


@pytest.mark.parametrize(
    ("total", "weights", "expected"),
    [
        (10, [1, 1], [5, 5]),
        (10, [1, 1, 1], [4, 3, 3]),  # 3.33 each: a tie, to the first
        (10, [1, 2], [3, 7]),  # 3.33 and 6.67: the larger remainder
        (100, [50, 30, 20], [50, 30, 20]),
        (7, [0, 5, 0], [0, 7, 0]),  # no weight, nothing
        (2, [3, 3, 4], [1, 0, 1]),  # 0.6, 0.6, 0.8
        (0, [1, 2], [0, 0]),
        (1, [2**200, 2**200 + 1], [0, 1]),  # no float could tell them apart
    ],
)
def test_apportion(total: int, weights: list[int], expected: list[int]) -> None:
    assert apportion(total, weights) == expected


def test_a_purchase() -> None:
    parts = [part(1, budget="10"), part(2, budget="20"), part(3, budget="30")]
    split = allocate(
        parts,
        side=Side.BUY,
        limit=price("0.5"),
        shares=shares("100"),
        collateral=collateral("48"),
        fee=collateral("0.6"),
    )
    assert [(a.shares, a.collateral, a.fee) for a in split.allocations] == [
        (shares("16.666667"), collateral("8"), collateral("0.1")),  # 10/60 of 100, 48 and 0.6
        (shares("33.333333"), collateral("16"), collateral("0.2")),  # 20/60
        (shares("50"), collateral("24"), collateral("0.3")),  # 30/60
    ]
    assert not split.dust


def test_part_of_a_purchase_at_one_price_for_all() -> None:
    """Of 60 wanted, 30.000001 for 60 shares: 0.50000001667 each, whoever it is."""
    parts = [part(1, budget="10"), part(2, budget="20"), part(3, budget="30")]
    split = allocate(
        parts,
        side=Side.BUY,
        limit=price("0.51"),
        shares=shares("60"),
        collateral=collateral("30.000001"),
        fee=collateral("0.000007"),
    )
    assert [(a.shares, a.collateral, a.fee) for a in split.allocations] == [
        (shares("10"), collateral("5"), collateral("0.000001")),  # 5,000,000.17 and 1.17
        (shares("20"), collateral("10"), collateral("0.000002")),  # 10,000,000.33 and 2.33
        (shares("30"), collateral("15.000001"), collateral("0.000004")),  # 15,000,000.5 and 3.5, the largest remainders
    ]
    assert not split.dust


def test_what_would_pass_the_limit_is_dust() -> None:
    parts = [part(1, budget="0.000001"), part(2, budget="0.000001"), part(3, budget="0.000001")]
    split = allocate(
        parts,
        side=Side.BUY,
        limit=price("0.5"),
        shares=shares("0.000004"),
        collateral=collateral("0.000002"),
        fee=collateral("0"),
    )
    assert [str(a.shares) for a in split.allocations] == ["0.000002", "0.000001", "0.000001"]
    assert [str(a.collateral) for a in split.allocations] == ["0.000001", "0.000001", "0"]
    assert not split.dust
    worse = allocate(
        parts,
        side=Side.BUY,
        limit=price("0.000001"),
        shares=shares("0.000001"),
        collateral=collateral("0.000003"),
        fee=collateral("0"),
    )
    assert [str(a.collateral) for a in worse.allocations] == ["0.000001", "0", "0"]  # ceil(0.000001 x 1) = 1 unit
    assert worse.dust == collateral("0.000002")


def test_a_sale() -> None:
    parts = [part(1, sold="10"), part(2, sold="30")]
    split = allocate(
        parts,
        side=Side.SELL,
        limit=price("0.5"),
        shares=shares("20"),
        collateral=collateral("11"),
        fee=collateral("0.4"),
    )
    assert [(a.shares, a.unsold, a.collateral, a.fee) for a in split.allocations] == [
        (shares("5"), shares("5"), collateral("2.75"), collateral("0.1")),  # a quarter
        (shares("15"), shares("15"), collateral("8.25"), collateral("0.3")),
    ]


def test_a_fee_follows_the_proceeds_and_not_the_shares() -> None:
    """By shares, rounding would charge the second follower 4 for proceeds of 3."""
    parts = [part(n, sold=f"0.00000{weight}") for n, weight in enumerate([5, 1, 7, 7])]
    split = allocate(
        parts,
        side=Side.SELL,
        limit=price("0.5"),
        shares=shares("0.00002"),
        collateral=collateral("0.000011"),
        fee=collateral("0.00001"),
    )
    assert [a.collateral.units for a in split.allocations] == [3, 0, 4, 4]
    assert [a.fee.units for a in split.allocations] == [3, 0, 4, 3]  # 10 x 3/11 = 2.73, 0, 3.64, 3.64


def test_an_order_without_parts_filled_nothing() -> None:
    def split(filled: str) -> Split:
        zero = collateral("0")
        return allocate([], side=Side.BUY, limit=price("0.5"), shares=shares(filled), collateral=zero, fee=zero)

    assert split("0") == Split(allocations=(), dust=collateral("0"))
    with pytest.raises(InvariantBroken, match="1000000 units to apportion among no weights"):
        split("1")
