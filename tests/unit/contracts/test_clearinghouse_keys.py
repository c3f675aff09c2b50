"""What whoever has a key can do to followers at worst, as docs/security.md says it; and what settling costs."""

from __future__ import annotations

from typing import Any

import boa
import pytest

DAY = 86_400
LEGS = 100
GAS_PER_LEG = 135_000
BLOCK_GAS = 30_000_000


def extracted(house: Any, rogues: list[str]) -> int:
    return sum(int(house.holdings(rogue)[0]) for rogue in rogues)


def rob(house: Any, rogues: list[str], victims: list[str]) -> None:
    """Have every rogue try to pull every amount from every victim, with shares that may be worth nothing."""
    for amount in (1000, 300, 100, 50, 7, 1):
        for rogue in rogues:
            house.deliver(*((house.new_id(), victim, amount, amount) for victim in victims), operator=rogue)


def test_a_day_of_all_operator_keys_takes_no_more_than_the_followers_limits(house: Any) -> None:
    """The bound: the sum of the followers' daily limits, however many keys are stolen."""
    rogues = [house.new_operator(collateral=0, shares=10**6) for _ in range(4)]
    limits = [100, 250, 0, 1000]
    victims = [house.new_follower(daily_limit=limit, collateral=1000, shares=0) for limit in limits]
    rob(house, rogues, victims)
    assert extracted(house, rogues) == 100 + 250 + 0 + 1000
    rob(house, rogues, victims)
    assert extracted(house, rogues) == 100 + 250 + 0 + 1000
    boa.env.time_travel(seconds=DAY)
    rob(house, rogues, victims)
    assert extracted(house, rogues) == 2 * (100 + 250) + 1000  # the last has nothing left


def test_the_owners_key_takes_what_an_operators_takes_and_no_more(house: Any) -> None:
    """The owner can make an operator of itself, and can change nobody's terms."""
    owner = house.contract.owner()
    victim = house.new_follower(daily_limit=100, collateral=1000, shares=500)
    with boa.reverts("not an operator"):
        house.deliver((house.new_id(), victim, 10, 10), operator=owner)
    house.contract.add_operator(owner, sender=owner)
    house.ledgers.fund(owner, shares=10**6)
    house.ledgers.approve(owner, house.contract)
    before = house.holdings(owner)[0]
    house.contract.join(10**6, boa.env.timestamp + DAY, sender=owner)  # its own terms, not the victim's
    rob(house, [owner], [victim])
    assert house.holdings(owner)[0] - before == 100
    assert house.holdings(victim)[0] == 900


def test_the_owners_key_stops_pulls_and_no_payouts(house: Any) -> None:
    victim = house.new_follower()
    house.collect((house.new_id(), victim, 100))
    house.contract.set_paused(True)
    with boa.reverts("paused"):
        house.deliver((house.new_id(), victim, 1, 1))
    assert house.remit((house.new_id(), victim, 60, 33, 40)) == []


def test_the_treasurys_key_spends_its_own_coins_only(house: Any) -> None:
    treasury, victim, wallet = boa.env.generate_address(), house.new_follower(), boa.env.generate_address()
    boa.env.set_balance(treasury, 10)
    with boa.reverts("not an operator"):
        house.deliver((house.new_id(), victim, 1, 1), operator=treasury)
    with boa.reverts("not an operator"):
        house.collect((house.new_id(), victim, 1), operator=treasury)
    with boa.reverts("not an operator"):
        house.remit((house.new_id(), victim, 1, 0, 0), operator=treasury)
    with boa.reverts("not the owner"):
        house.contract.add_operator(treasury, sender=treasury)
    house.contract.refuel([wallet], [10], value=10, sender=treasury)
    assert (boa.env.get_balance(treasury), boa.env.get_balance(wallet)) == (0, 10)


def test_a_followers_key_reaches_its_own_terms_only(house: Any) -> None:
    thief, victim = house.new_follower(), house.new_follower(daily_limit=100)
    house.contract.join(10**6, boa.env.timestamp + DAY, sender=thief)
    house.contract.leave(sender=thief)
    assert house.contract.follower(victim).daily_limit == 100
    with boa.reverts("not an operator"):
        house.collect((house.new_id(), victim, 1), operator=thief)


@pytest.mark.parametrize(("before", "settles"), [(99, True), (100, True), (101, False)])
def test_a_limit_holds_at_its_boundary(house: Any, before: int, settles: bool) -> None:
    follower = house.new_follower(daily_limit=100, shares=0)
    assert (house.deliver((house.new_id(), follower, before, before)) == []) is settles


def test_a_hundred_legs_fit_into_a_block(house: Any) -> None:
    """To followers who never held the token, which costs most."""
    followers = [house.new_follower(shares=0) for _ in range(LEGS)]
    assert house.deliver(*((house.new_id(), follower, 10, 5) for follower in followers)) == []
    used = house.contract._computation.get_gas_used()
    assert used < LEGS * GAS_PER_LEG < BLOCK_GAS
    assert [house.holdings(follower) for follower in followers] == [(995, 10)] * LEGS
