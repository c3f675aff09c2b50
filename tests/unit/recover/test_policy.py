"""Which debts are tried, when, and in which parts: tables of what is owed and what there is, and laws."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from remora.domain.ids import Address, PolicyId
from remora.domain.money import ONE, Collateral, Shares
from remora.domain.order import LegFailure, SettlementStep
from remora.domain.records import Debt, DebtSide
from remora.recover.policy import Try, collectable, divide, is_due, next_try_us
from tests.fakes.specimens import LEADER, collateral, follower, intent, leg

FINAL_US = 1_000
"""The debts of these tests were refused at 0: long before."""


def debt(number: int, owed_by: int, due: str, side: DebtSide = DebtSide.FOLLOWER) -> Debt:
    step = SettlementStep.DELIVER if side is DebtSide.FOLLOWER else SettlementStep.REMIT
    owed = leg(step, intent(number), follower=follower(owed_by), collateral=collateral(due), shares=Shares(40 * ONE))
    return Debt(
        debt_id=owed.settlement_id,
        side=side,
        cause=LegFailure.COLLATERAL_REFUSED,
        follower=owed.follower,
        wallet=owed.wallet,
        token_id=owed.token_id,
        due=owed.collateral,
        policy_id=PolicyId(f"policy-{number}"),
        leader=LEADER,
        collected=Collateral(0),
        sold=Collateral(0),
        written_off=Collateral(0),
        opened_us=0,
        tries=0,
        tried_us=None,
        next_try_us=0,
        sales=0,
        legs=(owed,),
    )


@pytest.mark.parametrize(
    ("owed", "means", "tried"),
    [
        ([(1, "10")], {1: "10"}, [(0, "10")]),  # just enough
        ([(1, "10")], {1: "9.999999"}, [(0, "9.999999")]),  # a part
        ([(1, "10")], {1: "0.999999"}, []),  # not worth the gas
        ([(1, "10")], {}, []),
        ([(1, "10"), (1, "10")], {1: "15"}, [(0, "10"), (1, "5")]),
        ([(1, "10"), (1, "5"), (1, "5")], {1: "15"}, [(0, "10"), (1, "5")]),
        ([(1, "20"), (1, "5"), (1, "5")], {1: "10"}, [(1, "5"), (2, "5")]),  # a large one does not block the others
        ([(1, "20"), (1, "5"), (1, "30")], {1: "8"}, [(1, "5"), (0, "3")]),  # the oldest gets what remains
        ([(1, "10"), (2, "10"), (1, "5")], {1: "15", 2: "9"}, [(0, "10"), (2, "5"), (1, "9")]),  # each for itself
        ([(1, "0")], {1: "0"}, [(0, "0")]),
    ],
)
def test_collectable(owed: list[tuple[int, str]], means: dict[int, str], tried: list[tuple[int, str]]) -> None:
    debts = [debt(number, who, due) for number, (who, due) in enumerate(owed)]
    means_of = {follower(who): collateral(text) for who, text in means.items()}
    found = collectable(debts, means_of, final_before_us=FINAL_US)
    assert [(each.debt, each.leg.collateral) for each in found] == [(debts[n], collateral(text)) for n, text in tried]


def test_what_is_on_its_way_is_paid_first() -> None:
    moving = replace(debt(1, 1, "10"), legs=())
    found = collectable([moving, debt(2, 1, "5")], {follower(1): collateral("14")}, final_before_us=FINAL_US)
    assert [each.leg.collateral for each in found] == [collateral("4")]


@pytest.mark.parametrize(
    ("opened_us", "tried_us", "divided"), [(999, None, True), (1_000, None, False), (0, 999, True), (0, 1_000, False)]
)
def test_a_leg_whose_refusal_may_be_taken_back_is_not_divided(
    opened_us: int, tried_us: int | None, *, divided: bool
) -> None:
    owed = replace(debt(1, 1, "10"), opened_us=opened_us, tried_us=tried_us)
    found = collectable([owed], {follower(1): collateral("3")}, final_before_us=FINAL_US)
    assert bool(found) is divided


def test_an_operators_debt_is_always_tried_and_takes_nothing_from_the_follower() -> None:
    debts = [debt(1, 1, "100", DebtSide.OPERATOR), debt(2, 1, "10")]
    found = collectable(debts, {follower(1): collateral("10")}, final_before_us=FINAL_US)
    assert found == [Try(debt=each, whole=each.legs[0], leg=each.legs[0]) for each in debts]


@pytest.mark.parametrize(
    ("tries", "intervals"), [(0, 1), (1, 1), (2, 2), (3, 4), (4, 8), (5, 15), (6, 30), (7, 30), (1_000, 30)]
)
def test_back_off(tries: int, intervals: int) -> None:
    assert next_try_us(tries, 5_000, 120) == 5_000 + intervals * 120


@pytest.mark.parametrize(
    ("next_us", "eager", "due"),
    [(5, set(), True), (6, set(), False), (6, {follower(1)}, True), (6, {follower(2)}, False)],
)
def test_a_debt_waits_unless_its_debtor_has_new_means(next_us: int, eager: set[Address], *, due: bool) -> None:
    assert is_due(replace(debt(1, 1, "10"), next_try_us=next_us), 5, eager) is due


@given(
    owed=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 20 * ONE)), max_size=12),
    means=st.dictionaries(st.integers(0, 3).map(follower), st.integers(0, 60 * ONE).map(Collateral)),
)
def test_nobody_is_asked_for_more_than_there_is_and_who_can_pay_all_is_asked_for_all(
    owed: list[tuple[int, int]], means: dict[Address, Collateral]
) -> None:
    debts = [debt(number, who, str(Collateral(due))) for number, (who, due) in enumerate(owed)]
    tries = collectable(debts, means, final_before_us=FINAL_US)
    for who in {each.follower for each in debts}:
        has = means.get(who, Collateral(0)).units
        asked = sum(each.leg.collateral.units for each in tries if each.debt.follower == who)
        due = sum(each.due.units for each in debts if each.follower == who)
        assert asked <= has
        assert due > has or asked == due
        assert sum(each.rest is not None for each in tries if each.debt.follower == who) <= 1


@given(
    shares=st.integers(1, 10**12), collateral_units=st.integers(1, 10**12), means=st.integers(0, 10**12).map(Collateral)
)
def test_a_part_and_its_rest_are_the_whole_at_its_price(shares: int, collateral_units: int, means: Collateral) -> None:
    assume(collateral_units <= shares)  # the Clearinghouse pulls no more than 1 a share
    whole = leg(SettlementStep.DELIVER, intent(1), shares=Shares(shares), collateral=Collateral(collateral_units))
    divided = divide(whole, means)
    assert (divided is not None) <= (ONE <= means.units < collateral_units)
    if divided:
        part, rest = divided
        assert part.shares + rest.shares == whole.shares
        assert part.collateral + rest.collateral == whole.collateral
        assert part.collateral <= means
        # shares x price <= paid < shares x price + 1, all times the whole's shares
        exact = part.shares.units * collateral_units
        assert exact <= part.collateral.units * shares < exact + shares
        assert 0 < part.collateral.units <= part.shares.units
        assert 0 <= rest.collateral.units <= rest.shares.units
        assert len({whole.settlement_id, part.settlement_id, rest.settlement_id}) == 3
