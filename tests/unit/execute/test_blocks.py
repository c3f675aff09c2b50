"""Which intents share an order, and what an order offers and asks for."""

from __future__ import annotations

import pytest

from remora.domain.ids import TokenId
from remora.domain.money import Price
from remora.domain.order import BlockOrder, Intent, OrderKind
from remora.domain.signal import Side
from remora.execute.blocks import amounts, block_orders, budget
from tests.fakes.clock import START_US, US
from tests.fakes.specimens import block, collateral, follower, intent, market, part, price, shares, signal

PLENTY = collateral("1000000")


def joined(intents: list[Intent], *, followers: int = 25, largest: str = "1000000") -> list[BlockOrder]:
    return block_orders(intents, followers_per_order=followers, largest=collateral(largest))


def members(orders: list[BlockOrder]) -> list[list[str]]:
    return [[each.follower for each in order.parts] for order in orders]


def test_intents_that_want_the_same_share_an_order() -> None:
    (order,) = joined([intent(1), intent(2, budget=collateral("20")), intent(3)])
    assert (order.token_id, order.side, order.limit) == (intent(1).token_id, Side.BUY, price("0.54"))
    assert [(p.intent_id, p.follower, p.budget, p.shares) for p in order.parts] == [
        (intent(1).intent_id, follower(1), collateral("10"), shares("0")),
        (intent(2).intent_id, follower(2), collateral("20"), shares("0")),
        (intent(3).intent_id, follower(3), collateral("10"), shares("0")),
    ]
    assert budget(order) == collateral("40")


def test_another_token_side_or_limit_is_another_order() -> None:
    selling = intent(4, of=signal(Side.SELL))
    intents = [intent(1), intent(2, limit=price("0.55")), intent(3, token_id=TokenId(9)), selling, intent(5)]
    assert members(joined(intents)) == [[follower(1), follower(5)], [follower(2)], [follower(3)], [follower(4)]]


def test_another_kind_of_order_or_another_rest_is_another_order() -> None:
    def resting(number: int, rest_s: int) -> Intent:
        return intent(number, kind=OrderKind.GTD, rest_s=rest_s)

    orders = joined([intent(1), resting(2, 60), intent(3, kind=OrderKind.FOK), resting(4, 61), resting(5, 60)])
    assert members(orders) == [[follower(1)], [follower(2), follower(5)], [follower(3)], [follower(4)]]
    assert [(order.kind, order.rest_s) for order in orders] == [("FAK", 0), ("GTD", 60), ("FOK", 0), ("GTD", 61)]


@pytest.mark.parametrize(
    ("limit", "spent", "making", "taking"),
    [
        ("0.54", "10", "9.9954", "18.51"),  # 10 / 0.54 = 18.5185, in hundredths; x 0.54
        ("0.5", "10", "10", "20"),
        ("0.001", "0.1", "0.1", "100"),
        ("0.999", "0.009", "0", "0"),  # not a hundredth of a share
    ],
)
def test_an_order_that_rests_has_exactly_the_limit_as_its_price(
    limit: str, spent: str, making: str, taking: str
) -> None:
    (order,) = joined([intent(1, limit=price(limit), budget=collateral(spent), kind=OrderKind.GTD, rest_s=60)])
    offered, asked = amounts(order, market())
    assert (offered, asked) == (collateral(making).units, shares(taking).units)


def test_an_order_has_so_many_followers_at_most() -> None:
    orders = joined([intent(n) for n in range(7)], followers=3)
    assert [len(order.parts) for order in orders] == [3, 3, 1]
    assert [p.follower for order in orders for p in order.parts] == [follower(n) for n in range(7)]


@pytest.mark.parametrize(
    ("budgets", "largest", "expected"),
    [
        (["10", "10", "10"], "30", [3]),
        (["10", "10", "10"], "29.999999", [2, 1]),
        (["10", "40", "10"], "30", [1, 1, 1]),  # one that no wallet can promise is an order by itself
        (["40", "10", "20"], "30", [1, 2]),
    ],
)
def test_an_order_spends_no_more_than_a_wallet_has(budgets: list[str], largest: str, expected: list[int]) -> None:
    intents = [intent(n, budget=collateral(text)) for n, text in enumerate(budgets)]
    assert [len(order.parts) for order in joined(intents, largest=largest)] == expected


def test_sales_are_not_cut_by_float() -> None:
    intents = [intent(n, of=signal(Side.SELL)) for n in range(3)]
    assert [len(order.parts) for order in joined(intents, largest="0")] == [3]


def test_an_order_is_as_urgent_as_its_most_urgent_intent() -> None:
    (order,) = joined([intent(1), intent(2, deadline_us=START_US + 7 * US), intent(3)])
    assert order.deadline_us == START_US + 7 * US


def test_nothing_wanted_is_no_order() -> None:
    assert joined([]) == []


@pytest.mark.parametrize(
    ("tick", "limit", "budgets", "making", "taking"),
    [
        ("0.01", "0.5", ["10"], "10", "20"),
        ("0.01", "0.54", ["10", "20.5"], "30.5", "56.4814"),  # 56.48148 to 4 decimals
        ("0.1", "0.3", ["1"], "1", "3.333"),  # 3 decimals
        ("0.001", "0.333", ["10"], "10", "30.03003"),  # 30.0300300 to 5
        ("0.0001", "0.3333", ["10"], "10", "30.0030"),  # 30.003000 30 to 6
        ("0.005", "0.335", ["1"], "1", "2.98507"),  # 2.985074
    ],
)
def test_amounts_of_a_purchase(*, tick: str, limit: str, budgets: list[str], making: str, taking: str) -> None:
    order = block(Side.BUY, limit, [part(n, budget=each) for n, each in enumerate(budgets)])
    assert amounts(order, market(tick)) == (collateral(making).units, shares(taking).units)


@pytest.mark.parametrize(
    ("tick", "limit", "sold", "making", "taking"),
    [
        ("0.01", "0.5", ["20"], "20", "10"),
        ("0.01", "0.51", ["3.333333", "3.333333"], "6.66", "3.3966"),  # 6.666666 in whole hundredths
        ("0.001", "0.333", ["0.01"], "0.01", "0.00333"),
        ("0.01", "0.5", ["0.009999"], "0", "0"),  # nothing that the venue takes
        ("0.01", "0.5", ["0.009", "0.009"], "0.01", "0.005"),  # but together they can
    ],
)
def test_amounts_of_a_sale(*, tick: str, limit: str, sold: list[str], making: str, taking: str) -> None:
    order = block(Side.SELL, limit, [part(n, sold=each) for n, each in enumerate(sold)])
    assert amounts(order, market(tick)) == (shares(making).units, collateral(taking).units)


def test_the_price_of_an_order_is_not_below_the_limit() -> None:
    """Or an order that rests exactly at the limit would never be hit."""
    making, taking = amounts(block(Side.BUY, "0.54", [part(1, budget="30.5")]), market())
    assert Price(making * 1_000_000 // taking) >= price("0.54")
