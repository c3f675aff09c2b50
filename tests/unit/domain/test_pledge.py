"""What a sale of a debt's shares is worth to whom: a table with the arithmetic, and the laws."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora.domain.money import ONE, Collateral, Shares
from remora.domain.pledge import Pledge, realised
from tests.fakes.specimens import collateral, shares


def pledge(owed: str, held: str) -> Pledge:
    return Pledge(owed=collateral(owed), held=shares(held))


@pytest.mark.parametrize(
    ("before", "sale", "after", "rest"),
    [
        (("20", "40"), ("40", "15"), ("15", "0", "5"), None),  # all sold for less: the rest is given up
        (("20", "40"), ("40", "20"), ("20", "0", "0"), None),
        (("20", "40"), ("40", "24"), ("20", "4", "0"), None),  # for more: 4 are the follower's
        (("20", "40"), ("10", "4"), ("4", "0", "0"), ("16", "30")),  # in part: 30 shares are worth 30 at most
        (("20", "40"), ("30", "3"), ("3", "0", "7"), ("10", "10")),  # 17 owed, of which 10 shares secure 10
        (("20", "40"), ("30", "24"), ("20", "4", "0"), ("0", "10")),  # paid: what is left is the follower's
        (("20", "40.009999"), ("40", "15"), ("15", "0", "5"), None),  # less than 0.01 shares cannot be sold
        (("20", "40.01"), ("40", "15"), ("15", "0", "4.99"), ("0.01", "0.01")),
        (("0", "10"), ("10", "6"), ("0", "6", "0"), None),
    ],
)
def test_what_a_sale_comes_to(
    before: tuple[str, str], sale: tuple[str, str], after: tuple[str, str, str], rest: tuple[str, str] | None
) -> None:
    """Owed and held; sold and proceeds; paid, surplus and written off; what is still owed and held."""
    found = realised(pledge(*before), shares(sale[0]), collateral(sale[1]))
    assert (found.paid, found.surplus, found.written_off) == tuple(map(collateral, after))
    assert found.rest == (None if rest is None else pledge(*rest))


@given(
    st.integers(0, 10**12),
    st.integers(1, 10**12),
    st.lists(st.tuples(st.integers(1, 10**12), st.integers(0, ONE)), min_size=1, max_size=5),
)
def test_nothing_is_lost_over_any_number_of_sales(owed: int, held: int, sales: list[tuple[int, int]]) -> None:
    rest: Pledge | None = Pledge(owed=Collateral(owed), held=Shares(held))
    paid = surplus = written_off = brought = 0
    for wanted, price in sales:
        if rest is None:
            break
        sold = min(wanted, rest.held.units)
        proceeds = sold * price // ONE
        found = realised(rest, Shares(sold), Collateral(proceeds))
        paid, surplus = paid + found.paid.units, surplus + found.surplus.units
        written_off, brought = written_off + found.written_off.units, brought + proceeds
        if found.rest is not None:
            assert found.rest.held.units == rest.held.units - sold
            assert found.rest.owed.units <= found.rest.held.units  # it can be delivered for what is owed
        assert not (found.surplus and found.written_off)  # nobody is paid out while anything is given up
        rest = found.rest
    assert paid + surplus == brought
    assert paid + written_off + (rest.owed.units if rest else 0) == owed
