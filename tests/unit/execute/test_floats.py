"""What a rebalance moves: the excess to the treasury, and from there to whoever lacks some, the poorest first."""

from __future__ import annotations

import pytest

from remora.domain.errors import Malformed
from remora.domain.floats import FloatBounds
from remora.domain.ids import Address
from remora.execute.floats import RebalancePlan, WalletFloat, planned
from tests.fakes.specimens import collateral, wallet

BOUNDS = FloatBounds(floor=collateral("40"), target=collateral("100"), ceiling=collateral("150"))


def floats(*balances: str) -> list[WalletFloat]:
    """Return wallets by "balance", "balance/reserved" or, of a retired one, "-balance"."""
    found = []
    for n, text in enumerate(balances):
        balance, _, reserved = text.removeprefix("-").partition("/")
        found.append(
            WalletFloat(
                wallet=wallet(n),
                balance=collateral(balance),
                reserved=collateral(reserved or "0"),
                retired=text.startswith("-"),
            )
        )
    return found


def amounts(plan: RebalancePlan) -> tuple[dict[Address, str], dict[Address, str], str]:
    draws, top_ups = ({each.wallet: str(each.amount) for each in found} for found in (plan.draws, plan.top_ups))
    return draws, top_ups, str(plan.missing)


@pytest.mark.parametrize(
    ("has", "treasury", "draws", "top_ups", "missing"),
    [
        ([], "1000", {}, {}, "0"),
        (["40", "100", "150"], "1000", {}, {}, "0"),  # at a bound is within
        (["150.000001"], "0", {0: "50.000001"}, {}, "0"),  # down to the target
        (["39.999999"], "1000", {}, {0: "60.000001"}, "0"),  # up to the target
        (["190/40"], "0", {}, {}, "0"),  # 150 are free
        (["200/40"], "0", {0: "60"}, {}, "0"),  # 160 are free: 100 stay, and the 40
        (["60/30"], "1000", {}, {0: "70"}, "0"),  # 30 are free
        (["10/30"], "1000", {}, {0: "120"}, "0"),  # 20 less than promised
        (["180", "20"], "0", {0: "80"}, {1: "80"}, "0"),  # what is drawn is there for the others
        (["180", "10", "20"], "0", {0: "80"}, {1: "80"}, "90"),  # 10 lack of the first, and 80
        (["20", "10", "30"], "150", {}, {1: "90", 0: "60"}, "90"),  # the poorest first, the second in part
        (["10", "10"], "100", {}, {0: "90", 1: "10"}, "80"),  # of equals the first
        (["10"], "0", {}, {}, "90"),
        (["-30", "-50/20", "-5/7", "-0"], "0", {0: "30", 1: "30"}, {}, "0"),  # a retired one gives what is free
        (["-100", "10"], "0", {0: "100"}, {1: "90"}, "0"),
    ],
)
def test_what_moves(
    has: list[str], treasury: str, draws: dict[int, str], top_ups: dict[int, str], missing: str
) -> None:
    plan = planned(floats(*has), collateral(treasury), collateral("0"), BOUNDS)
    expected = [{wallet(n): amount for n, amount in found.items()} for found in (draws, top_ups)]
    assert amounts(plan) == (*expected, missing)
    assert [each.wallet for each in plan.top_ups] == [*expected[1]]  # in this order


@pytest.mark.parametrize(
    ("treasury", "reserve", "given", "missing"),
    [("500", "410", "90", "0"), ("500", "460", "40", "50"), ("500", "500", None, "90"), ("500", "900", None, "90")],
)
def test_the_treasury_keeps_its_reserve(treasury: str, reserve: str, given: str | None, missing: str) -> None:
    plan = planned(floats("10"), collateral(treasury), collateral(reserve), BOUNDS)
    assert amounts(plan) == ({}, {wallet(0): given} if given else {}, missing)


def test_without_bounds_only_retired_wallets_are_drawn_from() -> None:
    plan = planned(floats("10000", "0", "-7"), collateral("1000"), collateral("0"), None)
    assert amounts(plan) == ({wallet(2): "7"}, {}, "0")


def test_exactly_is_to_the_base_unit() -> None:
    plan = planned(
        floats("99.999999", "100.000001", "100"),
        collateral("1"),
        collateral("0"),
        FloatBounds.exactly(collateral("100")),
    )
    assert amounts(plan) == ({wallet(1): "0.000001"}, {wallet(0): "0.000001"}, "0")


@pytest.mark.parametrize(("floor", "target", "ceiling"), [("-1", "2", "3"), ("3", "2", "4"), ("1", "3", "2")])
def test_bounds_in_another_order_are_refused(floor: str, target: str, ceiling: str) -> None:
    with pytest.raises(Malformed, match=f"found {floor}, {target} and {ceiling}"):
        FloatBounds(floor=collateral(floor), target=collateral(target), ceiling=collateral(ceiling))
