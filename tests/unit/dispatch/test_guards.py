"""Guards: whoever's protection it is, an old book or a collateral off its peg lets nobody in it concerns enter."""

from __future__ import annotations

from typing import Any

import pytest

from remora.dispatch.decide import decide
from remora.dispatch.facts import Facts
from remora.domain.means import CollateralState
from remora.domain.money import Price
from remora.domain.policy import Bounds, Protections, Rulebook
from remora.domain.reasons import Reason
from tests.fakes.clock import START_US, US
from tests.fakes.specimens import LEADER, book, follower, market, policy, price, signal

FRESH = Bounds(protections=Protections(max_book_age_s=1))
PEGGED = Bounds(protections=Protections(max_depeg_bps=100))


def reasons(facts: Facts, *, own: Protections | None = None) -> list[Reason]:
    """Decide an entry for two followers, the first with protections of its own, and say who is denied why."""
    rules = [policy(1, protections=own or Protections()), policy(2)]
    return [denial.because.reason for denial in decide(signal(), rules, facts).denials]


def known(*, age_us: int = 0, peg: Price | None = None, **bounds: Any) -> Facts:
    """Return facts with a book of an age, a price of the collateral, and bounds."""
    return Facts(
        now_us=START_US + 2 * US,
        market=market(),
        book=book(as_of_us=START_US + 2 * US - age_us),
        collateral=CollateralState(paused=False, price=peg),
        bounds=Rulebook(**bounds),
    )


@pytest.mark.parametrize(
    ("bounds", "denied"),
    [
        ({}, 0),
        ({"service": FRESH}, 2),
        ({"leaders": {LEADER: FRESH}}, 2),
        ({"leaders": {follower(2): FRESH}}, 0),
        ({"followers": {follower(2): FRESH}}, 1),
    ],
)
def test_a_stale_book_concerns_whom_the_bounds_are_of(bounds: dict[str, Any], denied: int) -> None:
    assert reasons(known(age_us=US + 1, **bounds)) == [Reason.STALE_BOOK] * denied
    assert reasons(known(age_us=US, **bounds)) == []


def test_a_policys_own_protection_concerns_nobody_else() -> None:
    assert reasons(known(age_us=US + 1), own=FRESH.protections) == [Reason.STALE_BOOK]


@pytest.mark.parametrize(
    ("peg", "why"),
    [("0.99", None), ("1.01", None), ("0.989999", Reason.DEPEGGED), ("1.010001", Reason.DEPEGGED)],
)
def test_a_collateral_off_its_peg(peg: str, why: Reason | None) -> None:
    assert reasons(known(peg=price(peg), service=PEGGED)) == ([why] * 2 if why else [])
    assert reasons(known(peg=price(peg))) == []


def test_a_peg_that_nobody_tells_is_a_denial_for_who_asks_for_it() -> None:
    assert reasons(known(), own=PEGGED.protections) == [Reason.PEG_UNKNOWN]
