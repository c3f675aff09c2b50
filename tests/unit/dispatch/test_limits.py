"""Limits: what each leaves of an entry, whose it is, what fees take of it, and how a pass counts itself."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora.dispatch.limits import Room, question
from remora.domain.ids import PolicyId
from remora.domain.market import MarketInfo
from remora.domain.money import Collateral
from remora.domain.policy import Bounds, Limits, Policy, Rulebook
from remora.domain.reasons import Reason
from remora.domain.signal import Side
from remora.domain.switches import Scope
from remora.domain.usage import SERVICE, Meter, Subject, Used
from tests.fakes.clock import START_US
from tests.fakes.specimens import LEADER, collateral, follower, market, signal

FREE = market()
TAXED = market(fee_rate_units=50_000)
"""A market whose fee is at most 5 % of what is spent, and 0.00001 of rounding."""

OWN: Subject = (Scope.POLICY, "policy-1")
FOLLOWERS: Subject = (Scope.FOLLOWER, follower(1))
LEADERS: Subject = (Scope.LEADER, LEADER)


def rules(number: int = 1, limits: Limits = Limits()) -> Policy:  # noqa: B008  it is frozen
    return Policy(policy_id=PolicyId(f"policy-{number}"), leader=LEADER, follower=follower(number), limits=limits)


def book(subject: Subject, limits: Limits) -> tuple[Policy, Rulebook]:
    """Return policy 1 in a rulebook that limits a subject."""
    bounds = Bounds(limits=limits)
    if subject == OWN:
        return rules(1, limits), Rulebook()
    return rules(), Rulebook(
        followers={follower(1): bounds} if subject == FOLLOWERS else {},
        leaders={LEADER: bounds} if subject == LEADERS else {},
        service=bounds if subject == SERVICE else Bounds(),
    )


TEN, NINE, FOUR = collateral("10"), collateral("9.99"), collateral("4")

CASES = [
    # limit, used, wanted, left of it, reason
    (Limits(per_trade=TEN), Used(held=TEN), "10", "10", None),  # what is held is of no matter
    (Limits(per_trade=TEN), Used(), "10.01", "10", Reason.LIMIT_PER_TRADE),
    (Limits(per_market=TEN), Used(in_market=FOUR), "6", "6", None),  # 10 - 4, exactly
    (Limits(per_market=TEN), Used(in_market=FOUR), "6.01", "6", Reason.LIMIT_PER_MARKET),
    (Limits(per_market=TEN), Used(in_market=TEN), "1", "0", Reason.LIMIT_PER_MARKET),
    (Limits(per_leader=TEN), Used(through_leader=FOUR, held=TEN), "6", "6", None),
    (Limits(per_leader=TEN), Used(through_leader=NINE), "6", "0.01", Reason.LIMIT_PER_LEADER),
    (Limits(per_day=TEN), Used(spent_today=FOUR, held=TEN), "6", "6", None),
    (Limits(per_day=TEN), Used(spent_today=FOUR), "7", "6", Reason.LIMIT_PER_DAY),
    (Limits(exposure=TEN), Used(held=FOUR), "6", "6", None),
    (Limits(exposure=TEN), Used(held=Collateral(4_000_001)), "7", "5.99", Reason.LIMIT_EXPOSURE),  # whole cents
    (Limits(exposure=TEN), Used(held=Collateral(4_000_001)), "6", "5.99", Reason.LIMIT_EXPOSURE),  # by a base unit
    (Limits(exposure=TEN), Used(held=collateral("12")), "1", "0", Reason.LIMIT_EXPOSURE),  # lowered since
    (Limits(open_positions=2), Used(tokens=1), "5", "5", None),
    (Limits(open_positions=2), Used(tokens=2), "5", "0", Reason.LIMIT_OPEN_POSITIONS),
    (Limits(open_positions=2), Used(tokens=2, holds_token=True), "5", "5", None),  # more of what is held
    (Limits(orders_per_minute=3), Used(entries=2), "5", "5", None),
    (Limits(orders_per_minute=3), Used(entries=3), "5", "0", Reason.LIMIT_ORDERS_PER_MINUTE),
    (Limits(per_day=TEN, exposure=FOUR), Used(), "7", "4", Reason.LIMIT_EXPOSURE),  # the tightest
]


def allowed(room: Room, policy: Policy, wanted: Collateral, of: MarketInfo) -> Collateral:
    """Return what may be spent of what is wanted."""
    cut = room.cut(policy, wanted, of)
    return wanted if cut is None else cut.left


@pytest.mark.parametrize("subject", [OWN, FOLLOWERS, LEADERS, SERVICE], ids=lambda subject: subject[0])
@pytest.mark.parametrize(("limits", "used", "wanted", "left", "reason"), CASES)
def test_each_limit_of_each_scope(  # noqa: PLR0917  a table
    subject: Subject, limits: Limits, used: Used, wanted: str, left: str, reason: Reason | None
) -> None:
    policy, rulebook = book(subject, limits)
    cut = Room(rulebook, {subject: used}).cut(policy, collateral(wanted), FREE)
    assert (wanted if cut is None else str(cut.left)) == left
    assert (cut.because.reason if cut else None) is reason


def test_a_refusal_says_whose_limit_it_is_and_what_is_used() -> None:
    policy, rulebook = book(SERVICE, Limits(exposure=TEN))
    cut = Room(rulebook, {SERVICE: Used(held=NINE)}).cut(policy, TEN, FREE)
    assert cut is not None
    assert cut.because.sentence() == "LIMIT_EXPOSURE: the service holds 9.99 in all, the limit is 10"


def test_what_others_used_is_of_no_matter() -> None:
    policy, rulebook = book(OWN, Limits(exposure=TEN))
    others = {(Scope.POLICY, "policy-2"): Used(held=TEN), FOLLOWERS: Used(held=TEN), SERVICE: Used(held=TEN)}
    assert Room(rulebook, others).cut(policy, TEN, FREE) is None


@pytest.mark.parametrize(
    ("room", "budget"),
    [
        ("10", "9.52"),  # 9.52 x 1.05 + 0.00001 = 9.99601; 9.53 would be 10.00651
        ("10.50001", "10"),  # 10 x 1.05 + 0.00001, exactly
        ("10.5", "9.99"),
        ("0.00001", "0"),
    ],
)
def test_the_worst_fee_fits_beside_the_budget(room: str, budget: str) -> None:
    policy, rulebook = book(OWN, Limits(per_day=collateral(room)))
    assert allowed(Room(rulebook, {}), policy, collateral("20"), TAXED) == collateral(budget)


def test_a_budget_that_fits_without_its_worst_fee_is_cut() -> None:
    """10 would fit into 10.2 and 10.50001 does not; (10.2 - 0.00001) / 1.05 = 9.71427."""
    policy, rulebook = book(OWN, Limits(per_day=collateral("10.2")))
    assert allowed(Room(rulebook, {}), policy, TEN, TAXED) == collateral("9.71")


def test_a_pass_counts_what_it_gave() -> None:
    """10 for the service: 4, 4, and the 2 that are left."""
    rulebook = Rulebook(service=Bounds(limits=Limits(exposure=TEN)))
    room = Room(rulebook, {})
    given = []
    for number in (1, 2, 3, 4):
        budget = allowed(room, rules(number), FOUR, FREE)
        if budget:
            room.take(rules(number), budget, FREE)
        given.append(str(budget))
    assert given == ["4", "4", "2", "0"]


def test_a_pass_enters_one_token() -> None:
    rulebook = Rulebook(service=Bounds(limits=Limits(open_positions=1, orders_per_minute=3)))
    room = Room(rulebook, {})
    for number in (1, 2, 3):
        assert room.cut(rules(number), FOUR, FREE) is None
        room.take(rules(number), FOUR, FREE)
    cut = room.cut(rules(4), FOUR, FREE)
    assert cut is not None
    assert cut.because.reason is Reason.LIMIT_ORDERS_PER_MINUTE


@given(
    room=st.integers(0, 10**9).map(Collateral),
    wanted=st.integers(0, 10**5).map(lambda cents: Collateral(cents * 10_000)),
    rate=st.integers(0, 100_000),
)
def test_no_fee_takes_a_limit_beyond_itself(room: Collateral, wanted: Collateral, rate: int) -> None:
    taxed = market(fee_rate_units=rate)
    policy, rulebook = book(OWN, Limits(exposure=room))
    budget = allowed(Room(rulebook, {}), policy, wanted, taxed)
    assert budget <= wanted
    assert not budget or budget + taxed.worst_taker_fee(budget) <= room
    more = budget + collateral("0.01")
    assert budget == wanted or more + taxed.worst_taker_fee(more) > room  # and no cent less than there is


def test_only_what_some_rule_needs_is_asked() -> None:
    policies = [rules(1), rules(2, Limits(per_trade=TEN)), rules(3, Limits(per_day=TEN, open_positions=4))]
    rulebook = Rulebook(
        followers={follower(2): Bounds(limits=Limits(orders_per_minute=4)), follower(9): Bounds()},
        leaders={LEADER: Bounds(limits=Limits(per_market=TEN))},
    )
    asked = question(signal(), FREE, policies, rulebook, START_US)
    assert asked.meters == {
        Scope.POLICY: {Meter.SPENT, Meter.HELD, Meter.TOKENS},
        Scope.FOLLOWER: {Meter.ENTRIES},
        Scope.LEADER: {Meter.HELD},
    }
    assert asked.followers == {follower(2)}
    assert question(signal(Side.SELL), FREE, policies, rulebook, START_US).meters == {}
    unlimited = replace(rulebook, followers={}, leaders={})
    assert question(signal(), FREE, policies[:2], unlimited, START_US).meters == {}
