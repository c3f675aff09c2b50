"""Operator wallets are nobody's leaders, however they came to be named as such."""

from __future__ import annotations

from structlog.testing import capture_logs

from remora.bootstrap.hearing import not_ours
from remora.domain.ids import Address

ANN, OURS = Address("0x" + 40 * "1"), Address("0x" + 40 * "2")


def test_an_operator_wallet_is_not_listened_to_as_a_leader() -> None:
    """A policy may name one before the fleet is known; every copy that it made would be copied again."""
    with capture_logs() as said:
        assert not_ours([ANN, OURS], [OURS]) == {ANN}
    assert [(each["event"], each["leader"]) for each in said] == [("leader_is_ours", OURS)]
    with capture_logs() as said:
        assert not_ours([ANN], [OURS]) == {ANN}
    assert said == []
