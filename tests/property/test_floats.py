"""Laws of a rebalance, whatever wallets and treasury have: nothing is lost, nothing reserved moves, bounds hold."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from remora.domain.floats import FloatBounds
from remora.domain.money import Collateral
from remora.execute.floats import WalletFloat, excess, planned
from tests.fakes.specimens import wallet

UNITS = st.integers(0, 1_000)
WALLETS = st.lists(st.tuples(UNITS, UNITS, st.booleans()), max_size=8).map(
    lambda rows: [
        WalletFloat(wallet=wallet(n), balance=Collateral(balance), reserved=Collateral(reserved), retired=retired)
        for n, (balance, reserved, retired) in enumerate(rows)
    ]
)
BOUNDS = st.tuples(UNITS, UNITS, UNITS).map(sorted).map(
    lambda found: FloatBounds(floor=Collateral(found[0]), target=Collateral(found[1]), ceiling=Collateral(found[2]))
)  # fmt: skip
ZERO = Collateral(0)


def after(
    wallets: list[WalletFloat], treasury: int, reserve: int, bounds: FloatBounds
) -> tuple[list[WalletFloat], int]:
    """Return wallets and treasury when all that is planned has moved."""
    plan = planned(wallets, Collateral(treasury), Collateral(reserve), bounds)
    moved = {each.wallet: -each.amount.units for each in plan.draws}
    moved |= {each.wallet: each.amount.units for each in plan.top_ups}
    assert len(moved) == len(plan.draws) + len(plan.top_ups)  # nobody gives and takes
    assert all(each.amount > ZERO for each in (*plan.draws, *plan.top_ups))
    then = [
        WalletFloat(
            wallet=each.wallet,
            balance=Collateral(each.balance.units + moved.get(each.wallet, 0)),
            reserved=each.reserved,
            retired=each.retired,
        )
        for each in wallets
    ]
    return then, treasury - sum(moved.values())


@given(WALLETS, UNITS, UNITS, BOUNDS)
def test_sums_are_conserved(wallets: list[WalletFloat], treasury: int, reserve: int, bounds: FloatBounds) -> None:
    then, left = after(wallets, treasury, reserve, bounds)
    assert sum(each.balance.units for each in then) + left == sum(each.balance.units for each in wallets) + treasury


@given(WALLETS, UNITS, UNITS, BOUNDS)
def test_nothing_reserved_is_drawn(
    wallets: list[WalletFloat], treasury: int, reserve: int, bounds: FloatBounds
) -> None:
    then, _ = after(wallets, treasury, reserve, bounds)
    for before, each in zip(wallets, then, strict=True):
        assert each.free >= min(before.free, ZERO)
        assert each.balance >= min(before.balance, before.reserved)


@given(WALLETS, UNITS, UNITS, BOUNDS)
def test_nobody_is_above_the_ceiling_or_topped_up_above_the_target(
    wallets: list[WalletFloat], treasury: int, reserve: int, bounds: FloatBounds
) -> None:
    then, _ = after(wallets, treasury, reserve, bounds)
    for before, each in zip(wallets, then, strict=True):
        assert each.free <= (ZERO if each.retired else bounds.ceiling)
        assert each.free <= bounds.target or each.free == before.free


@given(WALLETS, UNITS, UNITS, BOUNDS)
def test_the_treasury_keeps_its_reserve_or_gains(
    wallets: list[WalletFloat], treasury: int, reserve: int, bounds: FloatBounds
) -> None:
    _, left = after(wallets, treasury, reserve, bounds)
    assert left >= min(treasury, reserve)


@given(WALLETS, UNITS, UNITS, BOUNDS)
def test_who_is_served_less_is_not_poorer_than_who_is_served(
    wallets: list[WalletFloat], treasury: int, reserve: int, bounds: FloatBounds
) -> None:
    plan = planned(wallets, Collateral(treasury), Collateral(reserve), bounds)
    given_to = {each.wallet: each.amount for each in plan.top_ups}
    low = [each for each in wallets if not each.retired and each.free < bounds.floor]
    unserved = [each.free for each in low if given_to.get(each.wallet, ZERO) < bounds.target - each.free]
    served = [each.free for each in low if each.wallet in given_to]
    assert all(poor <= other for other in unserved for poor in served)


@given(WALLETS, UNITS, BOUNDS)
def test_a_second_rebalance_moves_nothing_more(wallets: list[WalletFloat], treasury: int, bounds: FloatBounds) -> None:
    then, left = after(wallets, treasury, 0, bounds)
    again = planned(then, Collateral(left), ZERO, bounds)
    assert again.draws == again.top_ups == ()
    assert not any(excess(each, bounds) for each in then)
