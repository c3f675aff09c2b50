"""An exit sells the fraction that the leader sold, and never more than there is."""

from __future__ import annotations

import pytest

from remora.dispatch.exits import exit_shares
from tests.fakes.specimens import shares


@pytest.mark.parametrize(
    ("lot", "balance", "sold", "left", "expected"),
    [
        ("20", "20", "100", "0", "20"),  # all
        ("20", "20", "25", "75", "5"),  # a quarter of 20
        ("20", "20", "0.5", "0", "20"),  # however little it was
        ("20", "20", "1000", "0", "20"),  # however much
        ("20", "4", "25", "75", "4"),  # the follower sold some alone
        ("20", "0", "100", "0", "0"),
        ("0", "50", "100", "0", "0"),  # what was not bought through the policy is not sold
        ("20", "500", "25", "75", "5"),
        ("10", "10", "1", "2", "3.333333"),  # 10 / 3, rounded down
        ("0.000001", "1", "1", "1", "0"),
        ("20", "20", "0", "0", "0"),  # nothing sold of nothing
    ],
)
def test_exit_shares(*, lot: str, balance: str, sold: str, left: str, expected: str) -> None:
    assert exit_shares(lot=shares(lot), balance=shares(balance), sold=shares(sold), left=shares(left)) == shares(
        expected
    )


def test_a_leader_who_leaves_in_steps_takes_the_whole_lot_along() -> None:
    lot, held = shares("20"), shares("100")
    for sold in ("25", "50", "25"):  # 20 x 25/100 = 5, 15 x 50/75 = 10, 5 x 25/25 = 5
        held -= shares(sold)
        lot -= exit_shares(lot=lot, balance=lot, sold=shares(sold), left=held)
    assert lot == shares("0")
