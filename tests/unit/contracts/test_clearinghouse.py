"""The Clearinghouse leg by leg: what each kind moves, what it refuses and why, and who may do what."""

from __future__ import annotations

from typing import Any

import boa
import pytest

ALREADY_SETTLED, NOT_JOINED, EXPIRED, PAUSED, DAILY_LIMIT = 1, 2, 3, 4, 5
PRICE_ABOVE_ONE, COLLATERAL_REFUSED, SHARES_REFUSED, NOT_OUTSTANDING, EMPTY_LEG, NO_LOT = 6, 7, 8, 9, 10, 11
DAY = 86_400


def named(contract: Any) -> list[tuple[str, tuple[Any, ...]]]:
    """The events of the last call with their fields."""
    return [(type(log).__name__, tuple(log)[1:]) for log in contract.get_logs()]


# --- deliver -----------------------------------------------------------------------------------------------


def test_a_delivery_swaps_shares_for_collateral(house: Any) -> None:
    follower, settlement = house.new_follower(collateral=1000, shares=0), house.new_id()
    before = house.holdings(house.operator)
    assert house.deliver((settlement, follower, 100, 55)) == []
    assert house.contract.settled(settlement)
    assert house.holdings(follower) == (945, 100)
    assert house.holdings(house.operator) == (before[0] + 55, before[1] - 100)


def test_a_delivery_tells_who_what_and_for_how_much(house: Any) -> None:
    follower, settlement = house.new_follower(), house.new_id()
    house.deliver((settlement, follower, 100, 55))
    (event,) = [log for log in house.contract.get_logs() if type(log).__name__ == "Delivered"]
    assert event.settlement_id == settlement
    assert (event.follower, event.operator) == (follower, house.operator)
    assert (event.token_id, event.shares, event.collateral) == (house.ledgers.yes, 100, 55)


def test_a_leg_that_fails_neither_stops_nor_undoes_the_others(house: Any) -> None:
    first, poor, last = house.new_follower(), house.new_follower(collateral=54), house.new_follower()
    ids = [house.new_id() for _ in range(3)]
    legs = [(settlement, wallet, 100, 55) for settlement, wallet in zip(ids, (first, poor, last), strict=True)]
    assert house.deliver(*legs) == [(ids[1], COLLATERAL_REFUSED)]
    assert [house.contract.settled(settlement) for settlement in ids] == [True, False, True]
    assert house.holdings(poor) == (54, 1000)
    assert house.contract.follower(poor).spent_today == 0
    assert house.holdings(last) == (945, 1100)


def test_a_settled_leg_is_not_settled_again(house: Any) -> None:
    follower, settlement = house.new_follower(), house.new_id()
    leg = (settlement, follower, 100, 55)
    assert house.deliver(leg, leg) == [(settlement, ALREADY_SETTLED)]
    assert house.deliver(leg) == [(settlement, ALREADY_SETTLED)]
    assert house.collect((settlement, follower, 1)) == [(settlement, ALREADY_SETTLED)]
    assert house.remit((settlement, follower, 1, 1, 0)) == [(settlement, ALREADY_SETTLED)]
    assert house.holdings(follower) == (945, 1100)


def test_a_leg_that_failed_can_be_settled_later(house: Any) -> None:
    follower, settlement = house.new_follower(collateral=0), house.new_id()
    assert house.deliver((settlement, follower, 100, 55)) == [(settlement, COLLATERAL_REFUSED)]
    house.ledgers.collateral.mint(follower, 55)
    assert house.deliver((settlement, follower, 100, 55)) == []


@pytest.mark.parametrize(
    ("shares", "collateral", "reasons"),
    [(100, 100, []), (100, 101, [PRICE_ABOVE_ONE]), (0, 0, [EMPTY_LEG]), (0, 1, [EMPTY_LEG]), (1, 0, [])],
)
def test_a_share_costs_at_most_one_unit_of_collateral(
    house: Any, shares: int, collateral: int, reasons: list[int]
) -> None:
    failures = house.deliver((house.new_id(), house.new_follower(), shares, collateral))
    assert [reason for _, reason in failures] == reasons


def test_a_stranger_is_not_delivered_to(house: Any) -> None:
    stranger, settlement = boa.env.generate_address(), house.new_id()
    house.ledgers.fund(stranger, collateral=1000)
    house.ledgers.approve(stranger, house.contract)
    assert house.deliver((settlement, stranger, 100, 55)) == [(settlement, NOT_JOINED)]


def test_approvals_taken_back_are_told_apart(house: Any) -> None:
    follower, settlement = house.new_follower(), house.new_id()
    house.ledgers.collateral.approve(house.contract, 54, sender=follower)
    assert house.deliver((settlement, follower, 100, 55)) == [(settlement, COLLATERAL_REFUSED)]
    house.ledgers.approve(follower, house.contract)
    house.ledgers.tokens.setApprovalForAll(house.contract, False, sender=house.operator)
    assert house.deliver((settlement, follower, 100, 55)) == [(settlement, SHARES_REFUSED)]
    assert house.holdings(follower) == (1000, 1000)


def test_an_operator_delivers_no_more_than_it_has(house: Any) -> None:
    operator = house.new_operator(shares=99)
    follower, settlement = house.new_follower(), house.new_id()
    assert house.deliver((settlement, follower, 100, 55), operator=operator) == [(settlement, SHARES_REFUSED)]


# --- the daily limit ---------------------------------------------------------------------------------------


def test_the_daily_limit_is_of_a_utc_day(house: Any) -> None:
    follower = house.new_follower(daily_limit=100)
    boa.env.timestamp = (boa.env.timestamp // DAY + 1) * DAY  # midnight
    late, early = house.new_id(), house.new_id()
    assert house.deliver((house.new_id(), follower, 100, 60), (house.new_id(), follower, 100, 40)) == []
    assert house.contract.follower(follower).spent_today == 100
    boa.env.timestamp += DAY - 1
    assert house.deliver((late, follower, 100, 1)) == [(late, DAILY_LIMIT)]
    boa.env.timestamp += 1
    assert house.contract.follower(follower).spent_today == 0
    assert house.deliver((early, follower, 100, 100)) == []


def test_the_limit_of_collateral_does_not_bound_exits(house: Any) -> None:
    follower = house.new_follower(daily_limit=0)
    bought = house.new_id()
    assert house.deliver((bought, follower, 100, 1)) == [(bought, DAILY_LIMIT)]
    assert house.collect((house.new_id(), follower, 1000)) == []


def test_a_follower_may_bound_a_days_collections_too(house: Any) -> None:
    follower = house.new_follower()
    house.contract.join(1000, boa.env.timestamp + 10 * DAY, 100, sender=follower)
    boa.env.timestamp = (boa.env.timestamp // DAY + 1) * DAY  # midnight
    more, after = house.new_id(), house.new_id()
    assert house.collect((house.new_id(), follower, 60), (more, follower, 41)) == [(more, DAILY_LIMIT)]
    assert house.contract.follower(follower).collected_today == 60
    boa.env.timestamp += DAY
    assert house.collect((after, follower, 100)) == []


# --- lots --------------------------------------------------------------------------------------------------


def test_only_what_was_delivered_can_be_collected(house: Any) -> None:
    follower = house.new_follower(shares=0)
    house.ledgers.fund(follower, shares=1000)  # from elsewhere
    early, late = house.new_id(), house.new_id()
    assert house.collect((early, follower, 1)) == [(early, NO_LOT)]
    house.deliver((house.new_id(), follower, 50, 20))
    assert house.collect((late, follower, 51)) == [(late, NO_LOT)]
    assert house.collect((house.new_id(), follower, 50)) == []


def test_what_comes_back_unsold_is_in_the_lot_again(house: Any) -> None:
    follower, lots = house.new_follower(shares=100), house.contract.lots
    house.collect((house.new_id(), follower, 100))
    assert lots(follower, house.ledgers.yes) == 0
    house.remit((house.new_id(), follower, 70, 35, 30))
    assert lots(follower, house.ledgers.yes) == 30


def test_leaving_and_joining_again_does_not_renew_the_days_limit(house: Any) -> None:
    follower = house.new_follower(daily_limit=100)
    house.deliver((house.new_id(), follower, 100, 100))
    house.contract.leave(sender=follower)
    house.contract.join(100, boa.env.timestamp + DAY, sender=follower)
    settlement = house.new_id()
    assert house.deliver((settlement, follower, 100, 1)) == [(settlement, DAILY_LIMIT)]


def test_a_limit_lowered_below_what_was_spent_stops_the_day(house: Any) -> None:
    follower = house.new_follower(daily_limit=100)
    house.deliver((house.new_id(), follower, 100, 50))
    house.contract.join(10, boa.env.timestamp + DAY, sender=follower)
    settlement = house.new_id()
    assert house.deliver((settlement, follower, 100, 1)) == [(settlement, DAILY_LIMIT)]


# --- membership --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("act", "reason"), [("pause", PAUSED), ("leave", NOT_JOINED), ("expire", EXPIRED), (None, None)]
)
def test_who_paused_left_or_expired_is_not_pulled_from_but_still_paid(
    house: Any, act: str | None, reason: int | None
) -> None:
    follower = house.new_follower()
    house.collect((house.new_id(), follower, 100))
    match act:
        case "pause":
            house.contract.pause(sender=follower)
        case "leave":
            house.contract.leave(sender=follower)
        case "expire":
            boa.env.timestamp = house.contract.follower(follower).expires_at
    bought, sold = house.new_id(), house.new_id()
    assert house.deliver((bought, follower, 100, 55)) == ([(bought, reason)] if reason else [])
    assert house.collect((sold, follower, 10)) == ([(sold, reason)] if reason else [])
    assert house.remit((house.new_id(), follower, 60, 33, 40)) == []


def test_a_pause_ends_with_resume_and_survives_new_terms(house: Any) -> None:
    follower, settlement = house.new_follower(), house.new_id()
    house.contract.pause(sender=follower)
    house.contract.join(500, boa.env.timestamp + DAY, sender=follower)
    assert house.deliver((settlement, follower, 100, 55)) == [(settlement, PAUSED)]
    house.contract.resume(sender=follower)
    assert house.deliver((settlement, follower, 100, 55)) == []


def test_a_follower_can_read_its_terms(house: Any) -> None:
    follower = house.new_follower(daily_limit=700)
    house.contract.pause(sender=follower)
    terms = house.contract.follower(follower)
    assert (terms.daily_limit, terms.daily_shares, terms.paused) == (700, 2**256 - 1, True)
    assert (terms.spent_today, terms.collected_today) == (0, 0)
    house.contract.leave(sender=follower)
    assert (terms := house.contract.follower(follower)).expires_at == terms.daily_shares == 0


def test_terms_that_are_over_are_no_terms(house: Any) -> None:
    with boa.reverts("expired"):
        house.contract.join(1, boa.env.timestamp, sender=boa.env.generate_address())


@pytest.mark.parametrize("act", ["pause", "resume", "leave"])
def test_who_never_joined_has_nothing_to_change(house: Any, act: str) -> None:
    with boa.reverts("not joined"):
        getattr(house.contract, act)(sender=boa.env.generate_address())


# --- collect and remit -------------------------------------------------------------------------------------


def test_a_sale_is_outstanding_until_it_is_remitted(house: Any) -> None:
    follower = house.new_follower(collateral=0)
    assert house.collect((house.new_id(), follower, 100)) == []
    assert house.contract.outstanding(follower, house.ledgers.yes) == 100
    assert house.holdings(follower) == (0, 900)
    assert house.remit((house.new_id(), follower, 60, 33, 0)) == []
    assert house.contract.outstanding(follower, house.ledgers.yes) == 40
    assert house.remit((house.new_id(), follower, 0, 0, 40)) == []
    assert house.contract.outstanding(follower, house.ledgers.yes) == 0
    assert house.holdings(follower) == (33, 940)


@pytest.mark.parametrize(
    ("sold", "returned", "reasons"),
    [
        (101, 0, [NOT_OUTSTANDING]),
        (0, 101, [NOT_OUTSTANDING]),
        (60, 41, [NOT_OUTSTANDING]),
        (2**256 - 1, 2, [NOT_OUTSTANDING]),
        (2, 2**256 - 1, [NOT_OUTSTANDING]),
        (60, 40, []),
        (0, 0, []),  # money alone, which is nobody's but the operator's
    ],
)
def test_no_more_is_remitted_than_was_collected(house: Any, sold: int, returned: int, reasons: list[int]) -> None:
    follower = house.new_follower()
    house.collect((house.new_id(), follower, 100))
    failures = house.remit((house.new_id(), follower, sold, 10, returned))
    assert [reason for _, reason in failures] == reasons


@pytest.mark.parametrize(("shares", "reasons"), [(1001, [NO_LOT]), (1000, []), (0, [EMPTY_LEG])])
def test_no_more_is_collected_than_the_follower_has(house: Any, shares: int, reasons: list[int]) -> None:
    failures = house.collect((house.new_id(), house.new_follower(), shares))
    assert [reason for _, reason in failures] == reasons


def test_an_operator_may_pay_for_nothing_and_an_empty_leg_is_refused(house: Any) -> None:
    follower, settlement = house.new_follower(collateral=0), house.new_id()
    assert house.remit((settlement, follower, 0, 7, 0)) == []
    assert house.remit((settlement, follower, 0, 7, 0)) == [(settlement, ALREADY_SETTLED)]
    assert house.holdings(follower) == (7, 1000)
    assert [reason for _, reason in house.remit((house.new_id(), follower, 0, 0, 0))] == [EMPTY_LEG]


def test_an_operator_that_cannot_pay_remits_nothing(house: Any) -> None:
    operator, follower, settlement = house.new_operator(collateral=9), house.new_follower(), house.new_id()
    house.collect((house.new_id(), follower, 100), operator=operator)
    leg = (settlement, follower, 50, 10, 50)
    assert house.remit(leg, operator=operator) == [(settlement, COLLATERAL_REFUSED)]
    assert house.contract.outstanding(follower, house.ledgers.yes) == 100
    assert house.holdings(follower) == (1000, 900)


def test_another_operator_may_remit(house: Any) -> None:
    follower = house.new_follower()
    house.collect((house.new_id(), follower, 100))
    assert house.remit((house.new_id(), follower, 100, 50, 0), operator=house.new_operator()) == []
    assert house.holdings(follower) == (1050, 900)


# --- who may -------------------------------------------------------------------------------------------------


def test_it_serves_contracts_only(house: Any) -> None:
    contracts = (house.ledgers.collateral, house.ledgers.tokens, house.ledgers.positions)
    for place in range(3):
        addresses = [*contracts]
        addresses[place] = boa.env.generate_address()
        with boa.reverts("not a contract"):
            house.contract.deployer.deploy(*addresses)


def test_only_operators_settle(house: Any) -> None:
    stranger = boa.env.generate_address()
    house.contract.remove_operator(house.operator)
    for wallet in (stranger, house.operator):
        for settle in (house.deliver, house.collect, house.remit):
            with boa.reverts("not an operator"):
                settle(operator=wallet)


def test_a_pause_stops_pulls_and_not_remittances(house: Any) -> None:
    follower = house.new_follower()
    house.collect((house.new_id(), follower, 100))
    house.contract.set_paused(True)
    for settle in (house.deliver, house.collect):
        with boa.reverts("paused"):
            settle()
    assert house.remit((house.new_id(), follower, 100, 50, 0)) == []
    house.contract.set_paused(False)
    assert house.deliver((house.new_id(), follower, 100, 50)) == []


def test_only_the_owner_rules(house: Any) -> None:
    stranger = boa.env.generate_address()
    contract = house.contract
    for rule, argument in (
        (contract.add_operator, stranger),
        (contract.remove_operator, house.operator),
        (contract.set_paused, True),
        (contract.transfer_ownership, stranger),
    ):
        with boa.reverts("not the owner"):
            rule(argument, sender=stranger)


def test_ownership_passes_when_it_is_accepted(house: Any) -> None:
    heir, previous = boa.env.generate_address(), house.contract.owner()
    house.contract.transfer_ownership(heir)
    assert house.contract.owner() == previous
    with boa.reverts("not the candidate"):
        house.contract.accept_ownership()
    house.contract.accept_ownership(sender=heir)
    assert house.contract.owner() == heir
    with boa.reverts("not the candidate"):
        house.contract.accept_ownership(sender=heir)


# --- refuel --------------------------------------------------------------------------------------------------


def test_anyone_refuels_many_wallets_at_once(house: Any) -> None:
    donor = boa.env.generate_address()
    wallets = [boa.env.generate_address() for _ in range(3)]
    boa.env.set_balance(donor, 100)
    house.contract.refuel(wallets, [1, 2, 3], value=6, sender=donor)
    assert named(house.contract) == [("Refueled", (wallet, n)) for n, wallet in enumerate(wallets, 1)]
    assert [boa.env.get_balance(wallet) for wallet in (*wallets, donor)] == [1, 2, 3, 94]
    assert boa.env.get_balance(house.contract.address) == 0


@pytest.mark.parametrize(("amounts", "value"), [([1, 2], 4), ([1, 2], 2), ([1], 1), ([1, 2, 3], 6)])
def test_a_refuel_that_does_not_add_up_is_refused(house: Any, amounts: list[int], value: int) -> None:
    donor = boa.env.generate_address()
    boa.env.set_balance(donor, 100)
    wallets = [boa.env.generate_address() for _ in range(2)]
    with pytest.raises(boa.BoaError):
        house.contract.refuel(wallets, amounts, value=value, sender=donor)
    assert boa.env.get_balance(donor) == 100
