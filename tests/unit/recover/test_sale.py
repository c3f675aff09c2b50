"""Which debts' shares are sold, and on what terms."""

from __future__ import annotations

from dataclasses import replace

import pytest

from remora.domain.ids import ZERO_ADDRESS
from remora.domain.money import Shares
from remora.domain.records import Debt, DebtSide
from remora.domain.signal import Side, SignalState
from remora.recover.sale import Terms, decision, is_overdue, is_sellable
from tests.fakes.clock import START_US
from tests.fakes.specimens import LEADER, collateral, market, price, shares
from tests.unit.recover.test_policy import debt

HOUR_US = 3_600_000_000
TERMS = Terms(chain_id=31337, now_us=START_US, market=market(), bid=price("0.51"), slippage_bps=500)


def owed(**changes: object) -> Debt:
    """A debt of 20 with 40 shares, opened at 0 and refused then."""
    return replace(debt(1, 1, "20"), **changes)  # type: ignore[arg-type]  # whatever fields are given


@pytest.mark.parametrize(
    ("of", "now_us", "expected"),
    [
        (owed(), HOUR_US, True),
        (owed(), HOUR_US - 1, False),
        (owed(opened_us=1), HOUR_US, False),
        (owed(tried_us=HOUR_US - 21_000_000), HOUR_US, True),
        (owed(tried_us=HOUR_US - 20_000_000), HOUR_US, False),  # a reorg may still deliver it
        (owed(side=DebtSide.OPERATOR), HOUR_US, False),
        (owed(legs=()), HOUR_US, False),  # on its way
        (replace(owed(), due=collateral("21")), HOUR_US, False),  # 1 of it is
        (replace(owed(), due=collateral("21"), sold=collateral("1")), HOUR_US, True),
    ],
)
def test_a_follower_who_has_owed_too_long_and_is_not_paying(of: Debt, now_us: int, *, expected: bool) -> None:
    assert is_overdue(of, now_us, after_s=3_600, final_before_us=now_us - 20_000_000) is expected


@pytest.mark.parametrize(("held", "expected"), [(10_000, True), (9_999, False)])
def test_less_than_a_hundredth_of_a_share_cannot_be_sold(held: int, *, expected: bool) -> None:
    of = owed()
    assert is_sellable(replace(of, legs=(replace(of.legs[0], shares=Shares(held)),))) is expected


@pytest.mark.parametrize(
    ("bid", "slippage_bps", "tick", "limit"),
    [
        ("0.51", 500, "0.01", "0.49"),  # 0.4845, up to a tick
        ("0.51", 0, "0.01", "0.51"),
        ("0.5", 9_999, "0.01", "0.01"),
        ("0.507", 500, "0.001", "0.482"),  # 0.48165
    ],
)
def test_the_limit_is_within_the_slippage_of_the_best_bid(bid: str, slippage_bps: int, tick: str, limit: str) -> None:
    terms = replace(TERMS, bid=price(bid), slippage_bps=slippage_bps, market=market(tick))
    assert terms.limit == price(limit)


def test_a_try_sells_all_that_is_held_and_is_the_same_whoever_makes_it() -> None:
    made = decision(owed(), TERMS)
    (intent,) = made.intents
    assert (intent.side, intent.shares, intent.limit) == (Side.SELL, shares("40"), price("0.49"))
    assert (made.signal.state, made.signal.leader, made.signal.exchange) == (SignalState.OWN, LEADER, ZERO_ADDRESS)
    assert decision(owed(), replace(TERMS, bid=price("0.3"))).intents[0].intent_id == intent.intent_id
    assert decision(owed(sales=1), TERMS).intents[0].intent_id != intent.intent_id
