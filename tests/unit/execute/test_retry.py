"""What is tried a second time: tables with the arithmetic beside the row, and what holds over both tries."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora.domain.ids import OrderHash
from remora.domain.market import Book
from remora.domain.money import ONE, ZERO_COLLATERAL, Collateral, Price, Shares, mul_div_floor
from remora.domain.order import OrderKind, OrderState
from remora.domain.reasons import Because, Reason, because
from remora.domain.records import Filled, OpenOrder
from remora.domain.signal import Side
from remora.execute.allocation import allocate
from remora.execute.retry import Rest, finds_somebody, float_for, may_try_again, missing, rest
from tests.fakes.clock import START_US
from tests.fakes.specimens import block, book, collateral, market, part, price, shares, wallet

BUY, SELL = Side.BUY, Side.SELL
FIRST = OrderHash("0x" + 64 * "1")
NOTHING_THERE = because(Reason.NOT_FILLED, limit=price("0.5"))
REVERTED = because(Reason.MATCH_REVERTED, shares=shares("1"))


def order(side: Side, *, making: str = "10", limit: str = "0.5", kind: OrderKind = OrderKind.FAK) -> OpenOrder:
    """Return an order that spends, or sells, so much."""
    parts = [part(1, budget=making) if side is BUY else part(1, sold=making)]
    return OpenOrder(
        order_hash=FIRST,
        wallet=wallet(1),
        block=block(side, limit, parts, kind=kind),
        state=OrderState.ACCEPTED,
        making=shares(making).units,
        matched=None,
        sent_us=START_US,
    )


def filled(of: str, at: str = "0.5") -> Filled:
    return Filled(shares=shares(of), collateral=price(at).cost_floor(shares(of)), fee=ZERO_COLLATERAL)


@pytest.mark.parametrize(
    ("side", "limit", "got", "left"),
    [
        (BUY, "0.5", "0", "10"),
        (BUY, "0.5", "8", "6"),  # 10 - 8 x 0.5
        (BUY, "0.53", "8.01", "5.75"),  # 10 - 4.2453 = 5.7547, in whole cents
        (BUY, "0.5", "18", "1"),  # the venue's least
        (BUY, "0.5", "18.01", "0"),  # 0.995: less than that
        (BUY, "0.5", "20", "0"),
        (SELL, "0.5", "0", "10"),
        (SELL, "0.5", "3.333333", "6.66"),  # in whole hundredths
        (SELL, "0.5", "9.995", "0"),
        (SELL, "0.5", "10", "0"),
    ],
)
def test_what_is_missing(side: Side, limit: str, got: str, left: str) -> None:
    assert missing(order(side, limit=limit), filled(got)) == shares(left).units


def test_a_purchase_that_got_all_its_shares_for_less_is_whole() -> None:
    """An order for 20 shares at 0.5 that found 20 at 0.3 has spent 6 of 10, and wants no more."""
    assert missing(order(BUY), filled("20", "0.3")) == 0


@pytest.mark.parametrize(
    ("first", "got", "why", "again"),
    [
        (order(BUY), "8", None, True),
        (order(BUY), "0", NOTHING_THERE, True),
        (order(SELL), "8", None, True),
        (order(BUY), "20", None, False),
        (order(BUY), "8", REVERTED, False),
        (order(BUY), "0", because(Reason.EXPIRED, late_s=1), False),
        (order(BUY), "0", because(Reason.OPERATOR_SHORT, detail=""), False),
        (order(BUY, kind=OrderKind.FOK), "0", NOTHING_THERE, False),
        (order(BUY, kind=OrderKind.GTD), "8", None, False),
        (replace(order(BUY), rest_of=OrderHash("0x2")), "0", NOTHING_THERE, False),
    ],
)
def test_what_is_tried_again(first: OpenOrder, got: str, why: Because | None, *, again: bool) -> None:
    assert may_try_again(first, filled(got), why) == again


def test_the_rest_is_ordered_at_the_same_limit() -> None:
    buying, selling = rest(order(BUY), filled("8"), market()), rest(order(SELL), filled("8"), market())
    assert buying == Rest(making=collateral("6").units, taking=shares("12").units)  # 6 / 0.5
    assert selling == Rest(making=shares("2").units, taking=collateral("1").units)  # 2 x 0.5
    feeing = market(fee_rate_units=40_000)
    assert float_for(order(BUY), buying, feeing) == collateral("6") + feeing.worst_taker_fee(collateral("6"))
    assert float_for(order(SELL), selling, feeing) == ZERO_COLLATERAL


@pytest.mark.parametrize(
    ("side", "there", "found"),
    [
        (BUY, book(ask="0.5"), True),
        (BUY, book(ask="0.51"), False),
        (BUY, book(ask=None), False),
        (SELL, book(bid="0.5"), True),
        (SELL, book(bid="0.49"), False),
        (SELL, book(bid=None), False),
        (SELL, None, False),
    ],
)
def test_the_price_must_still_be_within_the_limit(side: Side, there: Book | None, *, found: bool) -> None:
    assert finds_somebody(order(side).block, there) == found


@given(
    budgets=st.lists(st.integers(100, 100_000), min_size=1, max_size=5),
    limit=st.integers(1, 99),
    got_bps=st.integers(0, 10_000),
    again_bps=st.integers(0, 10_000),
)
def test_both_tries_together_stay_within_the_budgets_and_the_limit(
    budgets: list[int], limit: int, got_bps: int, again_bps: int
) -> None:
    """Whatever both fill, allocation is exact and nobody overpays."""
    parts = tuple(part(n, budget=str(Collateral(cents * 10_000))) for n, cents in enumerate(budgets))
    whole, bound = sum(budgets) * 10_000, Price(limit * 10_000)
    first = replace(order(BUY), block=block(BUY, str(bound), parts), making=whole)
    one = _part(whole, bound, got_bps)
    second = rest(first, one, market())
    two = _part(second.making, bound, again_bps)
    both = Filled(shares=one.shares + two.shares, collateral=one.collateral + two.collateral, fee=ZERO_COLLATERAL)
    assert both.collateral.units <= whole
    assert both.shares.units <= mul_div_floor(whole, ONE, bound.units)
    split = allocate(parts, side=BUY, limit=bound, shares=both.shares, collateral=both.collateral, fee=ZERO_COLLATERAL)
    assert sum(each.shares.units for each in split.allocations) == both.shares.units
    assert sum(each.collateral.units for each in split.allocations) + split.dust.units == both.collateral.units


def _part(making: int, limit: Price, bps: int) -> Filled:
    """Return what a purchase for so much fills when so many of its shares are found, at the limit."""
    got = Shares(mul_div_floor(mul_div_floor(making, ONE, limit.units), bps, 10_000))
    return Filled(shares=got, collateral=limit.cost_floor(got), fee=ZERO_COLLATERAL)
