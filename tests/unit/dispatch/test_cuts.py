"""What cuts an entry: by how much, one thing after the other, and how that is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from remora.dispatch.decide import decide
from remora.dispatch.facts import Facts
from remora.dispatch.limits import Room
from remora.domain.ids import Address
from remora.domain.means import Means, Membership
from remora.domain.money import ZERO_COLLATERAL, Collateral
from remora.domain.policy import Bounds, Limits, Opposite, Policy, Rulebook
from tests.fakes.clock import START_US
from tests.fakes.specimens import book, collateral, follower, listing, market, policy, shares, signal

CENT = 10_000
ENOUGH = collateral("1000000")
NETTING = policy(filters__opposite=Opposite.NET)
HELD = {"opposite": {follower(1): shares("5")}}


def has(text: str) -> Mapping[Address, Means]:
    member = Membership(daily_limit=ENOUGH, spent_today=ZERO_COLLATERAL, expires_s=2**40, paused=False)
    return {follower(1): Means(collateral=collateral(text), allowance=ENOUGH, membership=member, as_of_us=START_US)}


def everything(**changes: Any) -> Facts:
    return Facts(now_us=START_US, market=market(), book=book(), listing=listing(), **changes)


def within(**service: Any) -> dict[str, Any]:
    return {"room": Room(Rulebook(service=Bounds(limits=Limits(**service))), {})}


@pytest.mark.parametrize(
    ("rules", "known", "cuts"),
    [
        (policy(), {"means": has("10"), **within(per_day=collateral("10"))}, []),
        (policy(), {"means": has("4.567")}, [("4.56", "the follower has 4.567 of collateral, 0 is promised or owed")]),
        # the tighter of two limits is the one that cuts
        (
            policy(),
            within(per_trade=collateral("7"), per_day=collateral("6.5")),
            [("6.5", "the service spent 0 today, the limit is 6.5")],
        ),
        # 10 buy 18.518518 shares at 0.54, 13.518518 more than 5: 7.299999
        (NETTING, HELD, [("7.299999", "the follower holds 5 shares of the other outcome through another leader")]),
        # one after the other
        (
            NETTING,
            HELD | {"means": has("6"), **within(per_trade=collateral("5"))},
            [
                ("7.299999", "the follower holds 5 shares of the other outcome through another leader"),
                ("6", "the follower has 6 of collateral, 0 is promised or owed"),
                ("5", "the service may spend 5 per trade"),
            ],
        ),
        # what leaves more than is left cuts nothing
        (
            NETTING,
            HELD | {"means": has("8"), **within(per_trade=collateral("5"))},
            [
                ("7.299999", "the follower holds 5 shares of the other outcome through another leader"),
                ("5", "the service may spend 5 per trade"),
            ],
        ),
    ],
)
def test_an_entry_that_is_cut_tells_what_cut_it_and_to_how_much(
    rules: Policy, known: dict[str, Any], cuts: list[tuple[str, str]]
) -> None:
    decision = decide(signal(), [rules], everything(**known))
    (intent,) = decision.intents
    sized = decision.sized[rules.policy_id]
    assert sized.facts == {"mode": "fixed", "wanted": "10"}
    assert [(str(cut.left), cut.because.sentence().partition(": ")[2]) for cut in sized.cuts] == cuts
    smallest = sized.cuts[-1].left if cuts else collateral("10")
    assert intent.budget == Collateral(smallest.units // CENT * CENT)  # in whole cents
