"""The venue's minimum: small copies are joined with others, where that reaches it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora.dispatch.minimum import VENUE_MINIMUM, Wish, joined, wish
from remora.domain.money import Collateral
from remora.domain.order import Intent, Sized
from remora.domain.policy import OrderMode, Orders
from remora.execute.blocks import block_orders, budget
from tests.fakes.specimens import collateral, intent, policy, price


def wishes(*sizes: str, limit: str = "0.54", start: int = 1) -> list[Wish]:
    return [wish(policy(start + n), price(limit), collateral(size), Sized(facts={})) for n, size in enumerate(sizes)]


def sizes(found: list[Wish]) -> list[str]:
    return [str(each.size) for each in found]


@pytest.mark.parametrize(
    ("wanted", "most", "taken", "short"),
    [
        (["1", "5"], 2, ["1", "5"], []),
        (["0.99"], 2, [], ["0.99"]),
        (["0.5", "0.5"], 2, ["0.5", "0.5"], []),  # 1 together
        (["0.5", "0.5"], 1, [], ["0.5", "0.5"]),  # nobody shares an order
        (["0.5", "0.499999"], 2, [], ["0.5", "0.499999"]),  # 0.99 in cents
        (["5", "6", "0.1"], 2, ["5", "0.1", "6"], []),  # the third sits beside the first, not alone
        (["6", "5", "0.1"], 2, ["5", "0.1", "6"], []),  # the least of the large ones heads the order
        (["5", "0.1", "0.2"], 2, ["5", "0.1"], ["0.2"]),  # the second order would spend 0.2
        (["0.4", "0.4", "0.4", "0.1"], 3, ["0.4", "0.4", "0.4"], ["0.1"]),  # 1.2, and 0.1 alone
        (["0.009999", "5"], 2, ["5"], ["0.009999"]),  # not a cent
        ([], 2, [], []),
    ],
)
def test_joined(wanted: list[str], most: int, taken: list[str], short: list[str]) -> None:
    found, too_small = joined(wishes(*wanted), most)
    assert (sizes(found), sizes(too_small)) == (taken, short)


def test_only_who_has_the_same_limit_can_be_joined() -> None:
    taken, short = joined([*wishes("0.5"), *wishes("0.5", limit="0.53", start=2)], 2)
    assert (taken, sizes(short)) == ([], ["0.5", "0.5"])


@pytest.mark.parametrize(
    "other",
    [Orders(kind=OrderMode.FOK), Orders(kind=OrderMode.GTD, rest_s=60)],
)
def test_only_who_wants_the_same_kind_of_order_can_be_joined(other: Orders) -> None:
    resting = Orders(kind=OrderMode.GTD, rest_s=30)
    halves = [
        wish(replace(policy(number), orders=orders), price("0.54"), collateral("0.5"), Sized(facts={}))
        for number, orders in enumerate((Orders(), other, resting))
    ]
    taken, short = joined(halves, 3)
    assert (taken, sizes(short)) == ([], ["0.5", "0.5", "0.5"])


amounts = st.integers(0, 3_000_000).map(Collateral)


@given(wanted=st.lists(st.tuples(amounts, st.sampled_from(["0.5", "0.6"])), max_size=30), most=st.integers(1, 5))
def test_execution_joins_what_is_taken_into_orders_that_the_venue_takes(
    wanted: list[tuple[Collateral, str]], most: int
) -> None:
    asked = [wish(policy(number), price(limit), size, Sized(facts={})) for number, (size, limit) in enumerate(wanted)]
    taken, short = joined(asked, most)
    assert sorted(each.policy.policy_id for each in (*taken, *short)) == sorted(each.policy.policy_id for each in asked)
    assert not [each for each in short if each.budget >= VENUE_MINIMUM]
    for order in block_orders(intents(taken), followers_per_order=most, largest=Collateral(10**12)):
        assert budget(order) >= VENUE_MINIMUM
        assert len(order.parts) <= most


def intents(taken: list[Wish]) -> Iterator[Intent]:
    for number, each in enumerate(taken):
        yield intent(number, limit=each.limit, budget=each.budget)
