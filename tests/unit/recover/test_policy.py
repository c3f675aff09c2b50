"""Which debts are tried: a table of what is owed and what there is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora.domain.ids import Address
from remora.domain.money import Collateral
from remora.domain.order import LegFailure, SettlementStep
from remora.domain.records import Debt, DebtSide
from remora.recover.policy import collectable
from tests.fakes.specimens import collateral, follower, intent, leg


def debt(number: int, owed_by: int, due: str, side: DebtSide = DebtSide.FOLLOWER) -> Debt:
    step = SettlementStep.DELIVER if side is DebtSide.FOLLOWER else SettlementStep.REMIT
    return Debt(
        side=side,
        leg=leg(step, intent(number), follower=follower(owed_by)),
        due=collateral(due),
        failure=LegFailure.COLLATERAL_REFUSED,
    )


@pytest.mark.parametrize(
    ("owed", "means", "tried"),
    [
        ([(1, "10")], {1: "10"}, [0]),  # just enough
        ([(1, "10")], {1: "9.999999"}, []),
        ([(1, "10")], {}, []),
        ([(1, "10"), (1, "10")], {1: "15"}, [0]),  # the first takes what is left for the second
        ([(1, "10"), (1, "5"), (1, "5")], {1: "15"}, [0, 1]),
        ([(1, "20"), (1, "5"), (1, "5")], {1: "10"}, [1, 2]),  # one that is too large does not block the others
        ([(1, "10"), (2, "10"), (1, "5")], {1: "15", 2: "9"}, [0, 2]),  # each pays for itself
        ([(1, "0")], {1: "0"}, [0]),
    ],
)
def test_collectable(owed: list[tuple[int, str]], means: dict[int, str], tried: list[int]) -> None:
    debts = [debt(number, who, due) for number, (who, due) in enumerate(owed)]
    found = collectable(debts, {follower(who): collateral(text) for who, text in means.items()})
    assert found == [debts[number] for number in tried]


def test_an_operators_debt_is_always_tried_and_takes_nothing_from_the_follower() -> None:
    debts = [debt(1, 1, "100", DebtSide.OPERATOR), debt(2, 1, "10")]
    assert collectable(debts, {follower(1): collateral("10")}) == debts


@given(
    owed=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 20)), max_size=12),
    means=st.dictionaries(st.integers(0, 3).map(follower), st.integers(0, 60).map(Collateral)),
)
def test_nobody_is_asked_for_more_than_there_is_and_who_can_pay_all_is_asked_for_all(
    owed: list[tuple[int, int]], means: dict[Address, Collateral]
) -> None:
    debts = [debt(number, who, str(Collateral(due))) for number, (who, due) in enumerate(owed)]
    tried = collectable(debts, means)
    assert [each for each in debts if each in tried] == tried  # oldest first
    for who in {each.leg.follower for each in debts}:
        has = means.get(who, Collateral(0))
        asked = sum(each.due.units for each in tried if each.leg.follower == who)
        due = sum(each.due.units for each in debts if each.leg.follower == who)
        assert asked <= has.units
        assert due > has.units or asked == due
