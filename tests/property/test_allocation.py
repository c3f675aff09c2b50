"""Laws of allocation: nothing lost or made, nobody pays above the limit or gives more than asked, one price for all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from remora.domain.errors import InvariantBroken
from remora.domain.money import ONE, Collateral, Price, Shares, mul_div_ceil
from remora.domain.order import Part
from remora.domain.signal import Side
from remora.execute.allocation import Split, allocate, apportion
from tests.fakes.specimens import part

weights = st.lists(st.integers(0, 10**13), min_size=1, max_size=30)


@given(total=st.integers(0, 10**15), weights=weights)
def test_apportion_loses_nothing_and_rounds_each_share_by_less_than_one(total: int, weights: list[int]) -> None:
    assume(sum(weights) > 0)
    shares = apportion(total, weights)
    assert sum(shares) == total
    for share, weight in zip(shares, weights, strict=True):
        exact = Fraction(total * weight, sum(weights))
        assert exact - 1 < share < exact + 1


@given(total=st.integers(0, 1000), weights=weights)
def test_whoever_weighs_more_gets_no_less(total: int, weights: list[int]) -> None:
    assume(sum(weights) > 0)
    shares = apportion(total, weights)
    for share, weight in zip(shares, weights, strict=True):
        for other_share, other_weight in zip(shares, weights, strict=True):
            assert weight <= other_weight or share >= other_share


@given(total=st.integers(1, 10**9), count=st.integers(0, 5))
def test_something_for_nobody_is_a_broken_invariant(total: int, count: int) -> None:
    assert apportion(0, [0] * count) == [0] * count
    with pytest.raises(InvariantBroken, match=f"{total} units to apportion among no weights"):
        apportion(total, [0] * count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A block order and what it filled."""

    parts: list[Part]
    limit: Price
    shares: Shares
    collateral: Collateral
    fee: Collateral

    def split(self, side: Side) -> Split:
        return allocate(
            self.parts, side=side, limit=self.limit, shares=self.shares, collateral=self.collateral, fee=self.fee
        )


@st.composite
def purchases(draw: st.DrawFn) -> Case:
    """Spend up to the budgets at any average price up to the limit, as the venue does."""
    budgets = draw(st.lists(st.integers(10_000, 10**10), min_size=1, max_size=25))
    spent = draw(st.integers(1, sum(budgets)))
    limit = draw(st.integers(100, ONE - 100).map(Price))
    average = draw(st.integers(100, limit.units))
    return Case(
        parts=[part(n, budget=str(Collateral(budget))) for n, budget in enumerate(budgets)],
        limit=limit,
        shares=Shares(-(-spent * ONE // average)),
        collateral=Collateral(spent),
        fee=Collateral(draw(st.integers(0, spent // 10))),
    )


@given(case=purchases())
def test_a_purchase_is_split_exactly(case: Case) -> None:
    split = case.split(Side.BUY)
    got = split.allocations
    assert [a.intent_id for a in got] == [p.intent_id for p in case.parts]
    assert [a.follower for a in got] == [p.follower for p in case.parts]
    assert Shares(sum(a.shares.units for a in got)) == case.shares
    assert Collateral(sum(a.collateral.units for a in got)) + split.dust == case.collateral
    assert Collateral(sum(a.fee.units for a in got)) == case.fee
    assert split.dust >= Collateral(0)


@given(case=purchases())
def test_nobody_pays_above_the_limit_or_the_budget(case: Case) -> None:
    split = case.split(Side.BUY)
    for allocation, asked in zip(split.allocations, case.parts, strict=True):
        most = mul_div_ceil(allocation.shares.units, case.limit.units, ONE)
        assert 0 <= allocation.collateral.units <= most
        assert allocation.collateral <= asked.budget
        assert not allocation.unsold
    assert split.dust.units <= len(case.parts)  # what rounding can leave


@given(case=purchases())
def test_a_complete_purchase_charges_each_the_budget(case: Case) -> None:
    whole = Collateral(sum(p.budget.units for p in case.parts))
    bought = Case(
        parts=case.parts,
        limit=case.limit,
        shares=case.limit.shares_floor(whole) + Shares(25),
        collateral=whole,
        fee=Collateral(0),
    )
    for allocation, asked in zip(bought.split(Side.BUY).allocations, case.parts, strict=True):
        assert asked.budget - allocation.collateral <= Collateral(1)


@given(case=purchases())
def test_all_buyers_pay_the_average_price_and_their_proportion_of_the_fee(case: Case) -> None:
    """Rounding moves each number by less than a unit, and the bound by the limit takes one more of what is paid."""
    split = case.split(Side.BUY)
    whole = sum(p.budget.units for p in case.parts)
    for allocation, asked in zip(split.allocations, case.parts, strict=True):
        paid, got = allocation.collateral.units, allocation.shares.units
        assert (
            abs(paid * case.shares.units - got * case.collateral.units) <= 2 * case.shares.units + case.collateral.units
        )
        assert abs(allocation.fee.units - Fraction(case.fee.units * asked.budget.units, whole)) < 1


@given(case=purchases(), data=st.data())
def test_who_gets_what_does_not_depend_on_where_one_stands(case: Case, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(case.parts))))
    moved = replace(case, parts=[case.parts[i] for i in order]).split(Side.BUY)
    here = {a.intent_id: a for a in case.split(Side.BUY).allocations}
    for there in moved.allocations:  # but for ties of remainders, which go to the first
        assert abs(there.shares.units - here[there.intent_id].shares.units) <= 1
        assert abs(there.fee.units - here[there.intent_id].fee.units) <= 1


@given(case=purchases(), excess=st.integers(1, 10**6))
def test_more_spent_than_asked_for_is_a_broken_invariant(case: Case, excess: int) -> None:
    whole = Collateral(sum(p.budget.units for p in case.parts) + excess)
    with pytest.raises(InvariantBroken, match="spent of budgets of"):
        allocate(case.parts, side=Side.BUY, limit=case.limit, shares=case.shares, collateral=whole, fee=Collateral(0))


@st.composite
def sales(draw: st.DrawFn) -> Case:
    """Sell some of what was given at any price, for any fee up to all that it brought."""
    given_shares = draw(st.lists(st.integers(10_000, 10**10), min_size=1, max_size=25))
    sold = draw(st.integers(1, sum(given_shares)))
    brought = draw(st.integers(0, sold))
    return Case(
        parts=[part(n, sold=str(Shares(units))) for n, units in enumerate(given_shares)],
        limit=Price(10_000),
        shares=Shares(sold),
        collateral=Collateral(brought),
        fee=Collateral(draw(st.integers(0, brought))),
    )


@given(case=sales())
def test_a_sale_is_split_exactly_and_the_rest_goes_back(case: Case) -> None:
    split = case.split(Side.SELL)
    got = split.allocations
    assert Shares(sum(a.shares.units for a in got)) == case.shares
    assert Collateral(sum(a.collateral.units for a in got)) == case.collateral
    assert Collateral(sum(a.fee.units for a in got)) == case.fee
    assert not split.dust
    for allocation, asked in zip(got, case.parts, strict=True):
        assert Shares(0) <= allocation.shares <= asked.shares
        assert allocation.shares + allocation.unsold == asked.shares


@given(case=sales())
def test_nobody_owes_for_having_sold(case: Case) -> None:
    for allocation in case.split(Side.SELL).allocations:
        assert Collateral(0) <= allocation.fee <= allocation.collateral


@given(case=sales())
def test_all_sellers_get_the_average_price_and_bear_their_proportion_of_the_fee(case: Case) -> None:
    for allocation in case.split(Side.SELL).allocations:
        brought, sold, fee = allocation.collateral.units, allocation.shares.units, allocation.fee.units
        assert (
            abs(brought * case.shares.units - sold * case.collateral.units) <= case.shares.units + case.collateral.units
        )
        assert abs(fee * case.collateral.units - brought * case.fee.units) <= case.collateral.units


@given(case=sales(), excess=st.integers(1, 10**6))
def test_more_sold_than_given_is_a_broken_invariant(case: Case, excess: int) -> None:
    too_much = Shares(sum(p.shares.units for p in case.parts) + excess)
    with pytest.raises(InvariantBroken, match="sold of"):
        allocate(
            case.parts, side=Side.SELL, limit=case.limit, shares=too_much, collateral=case.collateral, fee=case.fee
        )
