"""The Clearinghouse settles shares of the position manager as it settles those of the conditional tokens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boa
import pytest

from remora.devnet.artifacts import ROOT
from tests.unit.contracts.generation_v3 import ALICE, BOB, MEANS, NO, YES, Generation, U, deploy

OPERATOR, FOLLOWER = ALICE.address, BOB.address


@pytest.fixture(scope="module")
def deployed(conditional_tokens: Any) -> Iterator[tuple[Generation, Any]]:
    with boa.env.anchor():
        v3 = deploy()
        source = ROOT / "contracts" / "Clearinghouse.vy"
        house = boa.load(source, v3.collateral, conditional_tokens.deploy(), v3.manager)
        house.add_operator(OPERATOR)
        for wallet in (OPERATOR, FOLLOWER):
            v3.collateral.approve(house, 2**256 - 1, sender=wallet)
            v3.manager.setApprovalForAll(house, True, sender=wallet)
        house.join(100 * U, boa.env.timestamp + 86_400, sender=FOLLOWER)
        yield v3, house


@pytest.fixture
def settled(deployed: tuple[Generation, Any]) -> Iterator[tuple[Generation, Any]]:
    with boa.env.anchor():
        yield deployed


def leg_id(number: int) -> bytes:
    return number.to_bytes(32)


def test_shares_are_delivered_collected_and_given_back(settled: tuple[Generation, Any]) -> None:
    v3, house = settled
    house.deliver(YES, [(leg_id(1), FOLLOWER, 10 * U, 5 * U)], sender=OPERATOR)
    assert (v3.change(ALICE), v3.change(BOB)) == ((5 * U, -10 * U, 0), (-5 * U, 10 * U, 0))
    house.collect(YES, [(leg_id(2), FOLLOWER, 10 * U)], sender=OPERATOR)
    assert (v3.change(BOB), house.outstanding(FOLLOWER, YES)) == ((-5 * U, 0, 0), 10 * U)
    house.remit([(leg_id(3), FOLLOWER, YES, 6 * U, 4 * U, 4 * U)], sender=OPERATOR)
    assert (v3.change(ALICE), v3.change(BOB)) == ((U, -4 * U, 0), (-U, 4 * U, 0))
    assert v3.manager.balanceOf(house, YES) == v3.collateral.balanceOf(house) == 0


def test_a_leg_fails_alone_where_the_position_manager_refuses(settled: tuple[Generation, Any]) -> None:
    v3, house = settled
    house.deliver(NO, [(leg_id(1), FOLLOWER, MEANS + 1, 1), (leg_id(2), FOLLOWER, 1, 1)], sender=OPERATOR)
    events = [(type(log).__name__, log.settlement_id) for log in house.get_logs() if hasattr(log, "settlement_id")]
    assert events == [("LegFailed", leg_id(1)), ("Delivered", leg_id(2))]
    assert v3.change(BOB) == (-1, 0, 1)
