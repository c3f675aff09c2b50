"""The Clearinghouse among enemies: followers with code of their own, odd tokens, an operator whose key was stolen."""

from __future__ import annotations

import dataclasses
import functools
from enum import IntEnum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boa
import pytest

HOSTILE = Path(__file__).parent / "hostile"
DAILY_LIMIT, COLLATERAL_REFUSED, SHARES_REFUSED = 5, 7, 8


class Reception(IntEnum):
    """What a hostile follower does on receiving shares."""

    ACCEPT, REFUSE, BURN_ALL_GAS, CALL_BACK, FORGE_REASON, SPEND_GAS = range(6)


class Behaviour(IntEnum):
    """What an odd token does on `transferFrom`."""

    HONEST, ANSWER_FALSE, REVERT, TAKE_FEE, ANSWER_NOTHING, MOVE_NOTHING, ANSWER_NONSENSE, CALL_BACK = range(8)


@functools.cache
def compiled(name: str) -> Any:
    return boa.load_partial(HOSTILE / f"{name}.vy")


def new_hostile_follower(house: Any) -> Any:
    """A contract that joined, with 1000 of everything."""
    follower = compiled("HostileFollower").deploy()
    house.admit(follower.address)
    return follower


# --- receivers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reception", [Reception.REFUSE, Reception.BURN_ALL_GAS, Reception.FORGE_REASON])
def test_a_follower_that_refuses_shares_spoils_its_own_leg_only(house: Any, reception: Reception) -> None:
    hostile, honest = new_hostile_follower(house), house.new_follower()
    hostile.prepare(reception, hostile, b"")
    refused, settled = house.new_id(), house.new_id()
    legs = (refused, hostile.address, 100, 55), (settled, honest, 100, 55)
    assert house.deliver(*legs) == [(refused, SHARES_REFUSED)]
    assert house.holdings(hostile) == (1000, 1000)
    assert house.holdings(honest) == (945, 1100)


def test_a_follower_that_refuses_shares_cannot_be_returned_to_but_can_be_paid(house: Any) -> None:
    hostile = new_hostile_follower(house)
    assert house.collect((house.new_id(), hostile.address, 100)) == []
    hostile.prepare(Reception.REFUSE, hostile, b"")
    both = house.new_id()
    assert house.remit((both, hostile.address, 60, 33, 40)) == [(both, SHARES_REFUSED)]
    assert house.remit((house.new_id(), hostile.address, 60, 33, 0)) == []
    assert house.holdings(hostile) == (1033, 900)
    assert house.contract.outstanding(hostile, house.ledgers.yes) == 40


def test_a_burned_leg_costs_its_operator_a_bounded_amount_of_gas(house: Any) -> None:
    hostile = new_hostile_follower(house)
    hostile.prepare(Reception.BURN_ALL_GAS, hostile, b"")
    house.deliver(*((house.new_id(), hostile.address, 1, 0) for _ in range(3)))
    assert house.contract._computation.get_gas_used() < 3 * 450_000


def test_too_little_gas_fails_the_transaction_and_no_leg(house: Any) -> None:
    # A gas estimate searches for the least gas that does not revert: it must not find one that spoils legs.
    follower, token_id = new_hostile_follower(house), house.ledgers.yes
    follower.prepare(Reception.SPEND_GAS, follower, b"")
    outcomes = set()
    for gas in range(100_000, 480_000, 20_000):
        with boa.env.anchor():
            leg = (house.new_id(), follower.address, 100, 55)
            try:
                house.contract.deliver(token_id, [leg], sender=house.operator, gas=gas)
            except boa.BoaError:
                outcomes.add("reverted")
            else:
                outcomes.add("spoilt" if house.failures() else "settled")
    assert outcomes == {"reverted", "settled"}


def calls_back(house: Any, hostile: Any) -> dict[str, bytes]:
    """What a receiver may try, as an operator even: by name, the calldata."""
    contract, token_id, wallet = house.contract, house.ledgers.yes, hostile.address
    leg = (house.new_id(), wallet, 10, 5)
    return {
        "deliver": contract.deliver.prepare_calldata(token_id, [leg]),
        "collect": contract.collect.prepare_calldata(token_id, [leg[:3]]),
        "remit": contract.remit.prepare_calldata([(leg[0], wallet, token_id, 1, 1, 0)]),
        "join": contract.join.prepare_calldata(2**255, 2**255),
        "leave": contract.leave.prepare_calldata(),
        "pause": contract.pause.prepare_calldata(),
        "refuel": contract.refuel.prepare_calldata([], []),
        "deliver_leg": contract.deliver_leg.prepare_calldata(house.operator, token_id, leg),
        "collect_leg": contract.collect_leg.prepare_calldata(house.operator, token_id, leg[:3]),
        "remit_leg": contract.remit_leg.prepare_calldata(house.operator, (leg[0], wallet, token_id, 1, 1, 0)),
    }


@pytest.mark.parametrize(
    "call",
    ["deliver", "collect", "remit", "join", "leave", "pause", "refuel", "deliver_leg", "collect_leg", "remit_leg"],
)
def test_a_receiver_cannot_call_back(house: Any, call: str) -> None:
    hostile = new_hostile_follower(house)
    house.contract.add_operator(hostile)
    house.collect((house.new_id(), hostile.address, 500))
    hostile.prepare(Reception.CALL_BACK, house.contract, calls_back(house, hostile)[call])
    assert house.deliver((house.new_id(), hostile.address, 100, 55)) == []
    assert not hostile.called_back()
    assert house.holdings(hostile) == (945, 600)
    assert house.contract.outstanding(hostile, house.ledgers.yes) == 500


@pytest.mark.parametrize("call", ["deliver_leg", "collect_leg", "remit_leg"])
def test_nobody_runs_a_leg_from_outside(house: Any, call: str) -> None:
    hostile = new_hostile_follower(house)
    house.collect((house.new_id(), hostile.address, 500))
    for wallet in (hostile.address, house.operator, house.contract.owner()):
        computation = boa.env.execute_code(
            to_address=house.contract.address, sender=wallet, data=calls_back(house, hostile)[call]
        )
        assert computation.is_error


# --- tokens ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def odd_house(house: Any) -> Any:
    """A Clearinghouse whose collateral is an odd token."""
    token = compiled("OddToken").deploy()
    contract = house.contract.deployer.deploy(token, house.ledgers.tokens, house.ledgers.positions)
    ledgers = dataclasses.replace(house.ledgers, collateral=token)
    odd = dataclasses.replace(house, contract=contract, ledgers=ledgers)
    return dataclasses.replace(odd, operator=odd.new_operator())


@pytest.mark.parametrize(
    ("behaviour", "settles"),
    [
        (Behaviour.HONEST, True),
        (Behaviour.ANSWER_NOTHING, True),
        (Behaviour.ANSWER_FALSE, False),
        (Behaviour.ANSWER_NONSENSE, False),
        (Behaviour.REVERT, False),
        (Behaviour.TAKE_FEE, False),
        (Behaviour.MOVE_NOTHING, False),
    ],
)
def test_collateral_arrives_whole_or_the_leg_fails(odd_house: Any, behaviour: Behaviour, settles: bool) -> None:
    follower = odd_house.new_follower()
    bought, sold, paid = (odd_house.new_id() for _ in range(3))
    assert odd_house.collect((sold, follower, 100)) == []
    odd_house.ledgers.collateral.behave(behaviour)
    refused = [] if settles else [COLLATERAL_REFUSED]
    assert [reason for _, reason in odd_house.deliver((bought, follower, 200, 100))] == refused
    assert [reason for _, reason in odd_house.remit((paid, follower, 100, 100, 0))] == refused
    assert odd_house.holdings(follower) == ((1000, 1100) if settles else (1000, 900))


@pytest.mark.parametrize(
    "call",
    ["deliver", "collect", "remit", "join", "leave", "pause", "refuel", "deliver_leg", "collect_leg", "remit_leg"],
)
def test_a_token_cannot_call_back(odd_house: Any, call: str) -> None:
    """Not even one that is an operator."""
    token, victim = odd_house.ledgers.collateral, odd_house.new_follower()
    odd_house.contract.add_operator(token)
    odd_house.collect((odd_house.new_id(), victim, 500))
    token.prepare(odd_house.contract, calls_back(odd_house, SimpleNamespace(address=victim))[call])
    token.behave(Behaviour.CALL_BACK)
    assert odd_house.deliver((odd_house.new_id(), victim, 100, 55)) == []
    assert not token.called_back()
    assert odd_house.holdings(victim) == (945, 600)
    assert odd_house.contract.outstanding(victim, odd_house.ledgers.yes) == 500


# --- a stolen operator key -------------------------------------------------------------------------------------------


def test_a_rogue_operator_gets_a_days_limit_from_each_follower_and_pays_in_shares(house: Any) -> None:
    rogue = house.new_operator(collateral=0, shares=10**6)
    victims = [house.new_follower(daily_limit=100, collateral=1000, shares=0) for _ in range(3)]
    for amount in (1000, 100, 60, 50, 10, 1):
        house.deliver(*((house.new_id(), victim, amount, amount) for victim in victims), operator=rogue)
    taken = house.holdings(rogue)[0]
    assert taken == 3 * 100
    # Whatever was taken was paid for with as many shares.
    assert [house.holdings(victim) for victim in victims] == [(900, 100)] * 3


def test_a_rogue_operator_takes_no_collateral_without_shares_to_give(house: Any) -> None:
    rogue = house.new_operator(collateral=0, shares=0)
    victim, settlement = house.new_follower(), house.new_id()
    assert house.deliver((settlement, victim, 100, 100), operator=rogue) == [(settlement, SHARES_REFUSED)]
    assert house.holdings(rogue) == (0, 0)


def test_a_rogue_operator_takes_no_shares_but_those_delivered_and_of_those_a_days_limit(house: Any) -> None:
    """The bound: per follower and day, the limit in collateral, paid for in shares, and the limit in shares."""
    rogue = house.new_operator(collateral=0, shares=0)
    victim = house.new_follower(collateral=1000, shares=500)
    house.contract.join(100, boa.env.timestamp + 86_400, 200, sender=victim)
    house.ledgers.fund(victim, shares=1000)  # 500 of them bought elsewhere
    for amount in (1000, 200, 150, 40, 10, 1):
        house.collect((house.new_id(), victim, amount), operator=rogue)
        house.deliver((house.new_id(), victim, amount, amount), operator=rogue)
        house.remit((house.new_id(), victim, amount, 0, 0), operator=rogue)
    collateral, shares = house.holdings(victim)
    assert 1000 - collateral <= 100
    assert (1000 - collateral) + (1000 - shares) <= 200


def test_what_a_rogue_operator_collects_stays_on_record(house: Any) -> None:
    rogue, victim = house.new_operator(), house.new_follower()
    house.collect((house.new_id(), victim, 1000), operator=rogue)
    (event,) = [log for log in house.contract.get_logs() if type(log).__name__ == "Collected"]
    assert (event.operator, event.shares) == (rogue, 1000)
    assert house.contract.outstanding(victim, house.ledgers.yes) == 1000
    house.contract.remove_operator(rogue)
    with boa.reverts("not an operator"):
        house.collect((house.new_id(), victim, 1), operator=rogue)


def test_a_follower_stops_a_rogue_operator_alone(house: Any) -> None:
    rogue, victim = house.new_operator(), house.new_follower()
    house.contract.pause(sender=victim)
    house.deliver((house.new_id(), victim, 100, 100), operator=rogue)
    house.collect((house.new_id(), victim, 100), operator=rogue)
    assert house.holdings(victim) == (1000, 1000)
