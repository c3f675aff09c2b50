"""How much, and at worst at which price: tables with the arithmetic beside the row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from remora.dispatch.facts import Facts, Occasion, occasion
from remora.dispatch.limit import entry_limit, exit_limit
from remora.dispatch.sizing import entry_size
from remora.domain.ids import Address
from remora.domain.money import Collateral
from remora.domain.policy import Sizing, SizingMode, Tier
from remora.domain.reasons import Because, Reason, because
from remora.domain.signal import Side, Signal
from tests.fakes.clock import START_US
from tests.fakes.specimens import LEADER, book, collateral, follower, market, policy, price, ratio, shares, signal


def seen(trade: Signal, equity: Mapping[Address, Collateral], **facts: Any) -> Occasion:
    known = Facts(now_us=START_US, market=market(), book=book(), equity=equity, **facts)
    found = occasion(trade, known)
    assert isinstance(found, Occasion)
    return found


def tiers(*steps: tuple[str, str]) -> Sizing:
    made = tuple(Tier(above=collateral(above), multiplier=ratio(factor)) for above, factor in steps)
    return Sizing(mode=SizingMode.TIERS, tiers=made)


@pytest.mark.parametrize(
    ("sizing", "traded", "size"),
    [
        (Sizing(mode=SizingMode.FIXED, amount=collateral("10")), "52", "10"),  # whatever the leader spent
        (Sizing(mode=SizingMode.FIXED, amount=collateral("10")), "0.01", "10"),
        (Sizing(mode=SizingMode.FIXED, amount=collateral("10.019999")), "52", "10.019999"),
        (Sizing(mode=SizingMode.FIXED, amount=collateral("0.009999")), "52", "0.009999"),
        (Sizing(), "52", "52"),  # nothing set: as much as the leader
        (Sizing(multiplier=ratio("0.1")), "52", "5.2"),  # 52 x 0.1
        (Sizing(multiplier=ratio("2.5")), "52", "130"),  # 52 x 2.5
        (Sizing(multiplier=ratio("0.0333")), "10", "0.333"),  # 10 x 0.0333
        (Sizing(multiplier=ratio("0.0001")), "99.999999", "0.009999"),  # 0.0099999999
        (Sizing(mode=SizingMode.PROPORTIONAL), "52", "5.2"),  # 1000 x 52 / 10000
        (Sizing(mode=SizingMode.PROPORTIONAL, multiplier=ratio("0.5")), "52", "2.6"),  # 1000 x 0.5 x 52 / 10000
        (Sizing(mode=SizingMode.PROPORTIONAL), "0.1", "0.01"),  # 1000 x 0.1 / 10000
        (tiers(("0", "0.1"), ("100", "0.05")), "99.999999", "9.999999"),  # 99.999999 x 0.1 = 9.9999999
        (tiers(("0", "0.1"), ("100", "0.05")), "100", "5"),  # 100 x 0.05
        (tiers(("0", "0.1"), ("100", "0.05"), ("1000", "0.01")), "5000", "50"),  # 5000 x 0.01
        (Sizing(multiplier=ratio("0.1"), minimum=collateral("6")), "52", "6"),  # 5.2 is lifted
        (Sizing(multiplier=ratio("0.1"), maximum=collateral("5")), "52", "5"),  # 5.2 is cut
        (Sizing(multiplier=ratio("0.1"), minimum=collateral("5"), maximum=collateral("6")), "52", "5.2"),
        (Sizing(multiplier=ratio("1000000")), "100000000000", "1000000000000"),  # no more than a database's integer
    ],
)
def test_entry_size(sizing: Sizing, traded: str, size: str) -> None:
    equity = {LEADER: collateral("10000"), follower(1): collateral("1000")}
    trade = signal(collateral=collateral(traded), shares=shares("1000000000000"))
    assert entry_size(policy(sizing=sizing), seen(trade, equity)) == collateral(size)


@pytest.mark.parametrize(
    ("sizing", "equity", "why"),
    [
        (Sizing(mode=SizingMode.PROPORTIONAL), {}, because(Reason.EQUITY_UNKNOWN, wallet=LEADER)),
        (
            Sizing(mode=SizingMode.PROPORTIONAL),
            {LEADER: collateral("1")},
            because(Reason.EQUITY_UNKNOWN, wallet=follower(1)),
        ),
        (
            Sizing(mode=SizingMode.PROPORTIONAL),
            {LEADER: collateral("0"), follower(1): collateral("1")},
            because(Reason.EQUITY_UNKNOWN, wallet=LEADER),
        ),
        (tiers(("60", "0.1")), {}, because(Reason.BELOW_TIERS, traded="52", lowest="60")),
    ],
)
def test_an_entry_without_a_size(sizing: Sizing, equity: dict[Address, Collateral], why: Because) -> None:
    assert entry_size(policy(sizing=sizing), seen(signal(), equity)) == why


@pytest.mark.parametrize(
    ("sizing", "carried", "size"),
    [
        ({"accumulate": True}, "0.7", "1.2"),  # 0.5 + 0.7
        ({"accumulate": True, "maximum": collateral("1")}, "0.7", "1"),  # no cap is passed by adding up
        ({"accumulate": True, "minimum": collateral("0.6")}, "0.7", "1.3"),  # 0.6 + 0.7
        ({"accumulate": False}, "0.7", "0.5"),
        ({"accumulate": True}, "0", "0.5"),
    ],
)
def test_what_was_too_small_is_added(sizing: dict[str, Any], carried: str, size: str) -> None:
    rules = policy(sizing=Sizing(mode=SizingMode.FIXED, amount=collateral("0.5"), **sizing))
    assert entry_size(rules, seen(signal(), {}, carried={rules.policy_id: collateral(carried)})) == collateral(size)


@pytest.mark.parametrize(
    ("leader", "slippage_bps", "max_odds", "tick", "limit"),
    [
        ("0.52", 500, "1", "0.01", "0.54"),  # 0.52 x 1.05 = 0.546
        ("0.52", 500, "1", "0.001", "0.546"),
        ("0.52", 0, "1", "0.01", "0.52"),  # the tick eats nothing
        ("0.523", 0, "1", "0.01", "0.52"),  # rounded down, never beyond
        ("0.52", 500, "0.53", "0.01", "0.53"),  # max odds first
        ("0.52", 500, "0.535", "0.01", "0.53"),  # max odds between two ticks
        ("0.98", 500, "1", "0.01", "0.99"),  # 1.029: at most 1 - tick
        ("0.999", 500, "1", "0.001", "0.999"),
        ("0.006", 500, "1", "0.01", "0"),  # 0.0063: no valid price
        ("0.333333", 200, "1", "0.0001", "0.3399"),  # 0.33999966
        ("0.5", 9_999, "1", "0.01", "0.99"),  # 0.99995
    ],
)
def test_limit_of_an_entry(*, leader: str, slippage_bps: int, max_odds: str, tick: str, limit: str) -> None:
    trade = signal(shares=shares("1000000"), collateral=price(leader).cost_floor(shares("1000000")))
    rules = policy(filters__max_slippage_bps=slippage_bps, filters__max_odds=price(max_odds))
    assert entry_limit(rules.filters, trade.price, market(tick)) == price(limit)


@pytest.mark.parametrize(
    ("leader", "slippage_bps", "tick", "limit"),
    [
        ("0.52", 500, "0.01", "0.5"),  # 0.494, rounded up
        ("0.52", 500, "0.001", "0.494"),
        ("0.52", 0, "0.01", "0.52"),
        ("0.523", 0, "0.01", "0.53"),
        ("0.004", 500, "0.01", "0.01"),  # the lowest valid price
        ("0.52", 9_999, "0.01", "0.01"),  # 0.000052
        ("0.999", 0, "0.01", "1"),  # no valid price: nobody pays 1
    ],
)
def test_limit_of_an_exit(leader: str, slippage_bps: int, tick: str, limit: str) -> None:
    trade = signal(Side.SELL, shares=shares("1000000"), collateral=price(leader).cost_floor(shares("1000000")))
    rules = policy(exits__max_slippage_bps=slippage_bps, filters__max_odds=price("0.1"))  # odds bound entries only
    assert exit_limit(rules.exits, trade.price, market(tick)) == price(limit)


def test_the_leaders_price_is_what_was_filled_and_has_no_fee_in_it() -> None:
    trade = signal(shares=shares("3"), collateral=collateral("2"), fee=collateral("0.5"))
    assert trade.price == price("0.666667")
    assert entry_limit(policy(filters__max_slippage_bps=0).filters, trade.price, market("0.0001")) == price("0.6666")
