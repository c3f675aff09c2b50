"""What followers can pay: cut to the cent, with the worst fee, less what is promised; denied with the reason."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora.dispatch.means import spendable, within_means
from remora.domain.means import Means, Membership
from remora.domain.money import Collateral
from remora.domain.reasons import Because, Reason
from tests.fakes.clock import START_US, US
from tests.fakes.specimens import collateral, market

NOW_S = START_US // US
MEMBER = Membership(expires_s=NOW_S + 60, paused=False, daily_limit=collateral("500"), spent_today=collateral("100"))


def means(*, has: str = "1000", allows: str = "1000", member: Membership = MEMBER) -> Means:
    return Means(collateral=collateral(has), allowance=collateral(allows), membership=member)


@pytest.mark.parametrize(
    ("found", "bound", "fee_rate_units", "budget"),
    [
        (means(), "0", 0, "10"),
        (means(has="10"), "0", 0, "10"),
        (means(has="9.999999"), "0", 0, "9.99"),  # whole cents
        (means(has="30"), "25.5", 0, "4.5"),
        (means(allows="7"), "0", 0, "7"),
        (means(member=replace(MEMBER, spent_today=collateral("493"))), "0", 0, "7"),  # 500 - 493
        (means(has="0.01"), "0", 0, "0.01"),
        # 10 pays b and its worst fee, 0.05 b + 0.00001: b = (10 - 0.00001) / 1.05 = 9.52380
        (means(has="10"), "0", 50_000, "9.52"),
        (means(has="10.50001"), "0", 50_000, "10"),  # (10.50001 - 0.00001) / 1.05 = 10
    ],
)
def test_an_entry_is_cut_to_what_can_be_paid(found: Means, bound: str, fee_rate_units: int, budget: str) -> None:
    terms = market(fee_rate_units=fee_rate_units)
    assert within_means(collateral("10"), found, terms, START_US, bound=collateral(bound)) == collateral(budget)


@pytest.mark.parametrize(
    ("found", "reason", "sentence"),
    [
        (None, Reason.MEANS_UNKNOWN, "no node could tell what the follower can pay"),
        (
            means(member=replace(MEMBER, expires_s=0)),
            Reason.NOT_JOINED,
            "the follower has not joined the Clearinghouse, or left it",
        ),
        (
            means(member=replace(MEMBER, expires_s=NOW_S - 5)),
            Reason.MEMBERSHIP_EXPIRED,
            "the follower's membership of the Clearinghouse ended 5 s ago",
        ),
        (
            means(member=replace(MEMBER, expires_s=NOW_S)),
            Reason.MEMBERSHIP_EXPIRED,
            "the follower's membership of the Clearinghouse ended 0 s ago",
        ),
        (
            means(member=replace(MEMBER, paused=True)),
            Reason.MEMBERSHIP_PAUSED,
            "the follower paused the membership of the Clearinghouse",
        ),
        (
            means(has="0"),
            Reason.INSUFFICIENT_COLLATERAL,
            "the follower has 0 of collateral, 0 is promised or owed",
        ),
        (
            means(allows="0.009999"),  # less than a cent
            Reason.INSUFFICIENT_ALLOWANCE,
            "the Clearinghouse may take 0.009999 from the follower, 0 is promised or owed",
        ),
        (
            means(member=replace(MEMBER, spent_today=collateral("500"))),
            Reason.MEMBERSHIP_LIMIT,
            "0 of the Clearinghouse's daily limit is left, 0 is promised or owed",
        ),
        (
            means(member=replace(MEMBER, spent_today=collateral("600"))),  # the limit was lowered since
            Reason.MEMBERSHIP_LIMIT,
            "0 of the Clearinghouse's daily limit is left, 0 is promised or owed",
        ),
    ],
)
def test_who_can_pay_nothing_is_told_why(found: Means | None, reason: Reason, sentence: str) -> None:
    refusal = within_means(collateral("10"), found, market(), START_US)
    assert isinstance(refusal, Because)
    assert refusal.sentence() == f"{reason}: {sentence}"


def test_what_is_promised_or_owed_is_spent() -> None:
    found = means(has="30")
    assert within_means(collateral("10"), found, market(), START_US, bound=collateral("23")) == collateral("7")
    refusal = within_means(collateral("10"), found, market(), START_US, bound=collateral("30"))
    assert isinstance(refusal, Because)
    assert refusal.facts == {"has": "30", "promised": "30"}
    assert refusal.sentence().endswith("the follower has 30 of collateral, 30 is promised or owed")


amounts = st.integers(0, 2**70).map(Collateral)


@given(purse=amounts, rate=st.integers(0, 1_000_000))
def test_what_is_spent_is_covered_with_the_worst_fee_and_no_cent_more_would_be(purse: Collateral, rate: int) -> None:
    terms = market(fee_rate_units=rate)

    def cost(budget: Collateral) -> Collateral:
        return budget + terms.worst_taker_fee(budget) if rate else budget

    budget = spendable(purse, terms)
    assert not budget or cost(budget) <= purse
    assert cost(budget + Collateral(20_000)) > purse


@given(wanted=amounts, has=amounts, allows=amounts, left=amounts, promised=amounts)
def test_no_bound_is_ever_exceeded(
    wanted: Collateral, has: Collateral, allows: Collateral, left: Collateral, promised: Collateral
) -> None:
    member = replace(MEMBER, daily_limit=left, spent_today=Collateral(0))
    found = Means(collateral=has, allowance=allows, membership=member)
    answer = within_means(wanted, found, market(), START_US, bound=promised)
    if isinstance(answer, Collateral):
        assert answer <= wanted
        assert answer + promised <= min(has, allows, left)
