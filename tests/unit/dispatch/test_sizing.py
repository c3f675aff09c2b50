"""How much, and at worst at which price: tables with the arithmetic beside the row."""

from __future__ import annotations

from typing import Any

import pytest

from remora.dispatch.sizing import entry_budget, limit_price
from remora.domain.money import ONE, Price
from remora.domain.parties import Sizing
from remora.domain.signal import Side
from tests.fakes.specimens import collateral, market, policy, price, shares, signal


@pytest.mark.parametrize(
    ("rules", "spent", "budget"),
    [
        ({"fixed_amount": collateral("10")}, "52", "10"),  # whatever the leader spent
        ({"fixed_amount": collateral("10")}, "0.01", "10"),
        ({"fixed_amount": collateral("10.019999")}, "52", "10.01"),  # whole cents
        ({"fixed_amount": collateral("0.009999")}, "52", "0"),
        ({"sizing": Sizing.PERCENTAGE, "percentage_bps": 1_000}, "52", "5.2"),  # 10 % of 52
        ({"sizing": Sizing.PERCENTAGE, "percentage_bps": 10_000}, "52", "52"),  # 100 %
        ({"sizing": Sizing.PERCENTAGE, "percentage_bps": 25_000}, "52", "130"),  # 250 %
        ({"sizing": Sizing.PERCENTAGE, "percentage_bps": 333}, "10", "0.33"),  # 0.333
        ({"sizing": Sizing.PERCENTAGE, "percentage_bps": 1}, "99.999999", "0"),  # 0.009999
    ],
)
def test_entry_budget(rules: dict[str, Any], spent: str, budget: str) -> None:
    assert entry_budget(policy(**rules), signal(collateral=collateral(spent))) == collateral(budget)


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
    rules = policy(max_slippage_bps=slippage_bps, max_odds=price(max_odds))
    assert limit_price(rules, trade, market(tick)) == price(limit)


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
    rules = policy(max_slippage_bps=slippage_bps, max_odds=price("0.1"))  # odds bound entries only
    assert limit_price(rules, trade, market(tick)) == price(limit)


def test_the_leaders_price_is_what_was_filled_and_has_no_fee_in_it() -> None:
    trade = signal(shares=shares("3"), collateral=collateral("2"), fee=collateral("0.5"))
    assert trade.price == price("0.666667")
    assert limit_price(policy(max_slippage_bps=0), trade, market("0.0001")) == price("0.6666")


def test_odds_of_one_refuse_nothing() -> None:
    assert policy().max_odds == Price(ONE)
