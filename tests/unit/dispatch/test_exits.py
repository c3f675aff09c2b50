"""An exit sells what the leader let go, as a fraction, never more than there is, and leaves no dust."""

from __future__ import annotations

import pytest

from remora.dispatch.exits import exit_shares, without_dust
from remora.dispatch.facts import Facts, leaving
from remora.domain.money import Shares
from remora.domain.policy import ExitMode
from remora.domain.reasons import Because, Reason
from remora.domain.signal import Side
from tests.fakes.clock import START_US
from tests.fakes.specimens import book, market, policy, shares, signal

RULES = policy()


def exiting(
    *, lot: str, balance: str, sold: str, left: str, mode: ExitMode = ExitMode.PROPORTIONAL
) -> Shares | Because:
    facts = Facts(
        now_us=START_US,
        market=market(),
        book=book(),
        lots={RULES.policy_id: shares(lot)},
        balances={RULES.follower: shares(balance)},
        leader_left=shares(left),
    )
    return exit_shares(policy(exits__mode=mode), leaving(signal(Side.SELL, shares=shares(sold)), facts))


@pytest.mark.parametrize(
    ("lot", "balance", "sold", "left", "expected"),
    [
        ("20", "20", "100", "0", "20"),  # all
        ("20", "20", "25", "75", "5"),  # a quarter of 20
        ("20", "20", "0.5", "0", "20"),  # however little it was
        ("20", "20", "1000", "0", "20"),  # however much
        ("20", "4", "25", "75", "4"),  # the follower sold some alone
        ("20", "500", "25", "75", "5"),
        ("10", "10", "1", "2", "3.333333"),  # 10 / 3, rounded down
        ("20", "20", "99.96", "0.04", "20"),  # 19.992: the 0.008 that were left could never be sold
        ("20", "20", "99.95", "0.05", "19.99"),  # 0.01 can
        ("20", "19.995", "99.96", "0.04", "19.995"),
    ],
)
def test_exit_shares(*, lot: str, balance: str, sold: str, left: str, expected: str) -> None:
    assert exiting(lot=lot, balance=balance, sold=sold, left=left) == shares(expected)


@pytest.mark.parametrize(
    ("lot", "balance", "sold", "left", "why"),
    [
        ("20", "0", "100", "0", Reason.NO_POSITION),
        ("0", "50", "100", "0", Reason.NO_POSITION),  # what was not bought through the policy is not sold
        ("20", "0.009999", "100", "0", Reason.BELOW_SMALLEST_SALE),
        ("20", "20", "0.01", "99.99", Reason.BELOW_SMALLEST_SALE),  # 0.002
        ("20", "20", "0", "0", Reason.BELOW_SMALLEST_SALE),  # nothing sold of nothing
    ],
)
def test_nothing_to_sell(*, lot: str, balance: str, sold: str, left: str, why: Reason) -> None:
    found = exiting(lot=lot, balance=balance, sold=sold, left=left)
    assert isinstance(found, Because)
    assert found.reason is why


def test_all_sells_the_lot_and_none_keeps_it() -> None:
    sold = {"lot": "20", "balance": "30", "sold": "1", "left": "99"}
    assert exiting(**sold, mode=ExitMode.ALL) == shares("20")
    assert isinstance(exiting(**sold, mode=ExitMode.NONE), Because)


def test_a_leader_who_leaves_in_steps_takes_the_whole_lot_along() -> None:
    lot, held = shares("20"), shares("100")
    for sold in ("25", "50", "25"):  # 20 x 25/100 = 5, 15 x 50/75 = 10, 5 x 25/25 = 5
        held -= shares(sold)
        sale = exiting(lot=str(lot), balance=str(lot), sold=sold, left=str(held))
        assert isinstance(sale, Shares)
        lot -= sale
    assert lot == shares("0")


def test_dust_is_swept_and_nothing_else() -> None:
    assert without_dust(1_000_000, 990_001) == 1_000_000  # 0.009999 would be left
    assert without_dust(1_000_000, 990_000) == 990_000
