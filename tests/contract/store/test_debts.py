"""DebtStore: debts from the refusal to the last base unit: tried, paid in parts, written off."""

from __future__ import annotations

from dataclasses import replace

import pytest

from remora.domain import ledger
from remora.domain.errors import InvariantBroken, Malformed
from remora.domain.ids import PolicyId, SettlementId, part_id
from remora.domain.money import Collateral, Shares
from remora.domain.order import IntentState, Leg, LegFailure
from remora.domain.reasons import Reason
from remora.domain.records import Debt, DebtSide
from remora.domain.signal import Side
from remora.domain.transaction import TxState
from tests.contract.store import samples
from tests.contract.store.implementations import Stores
from tests.contract.store.journey import Journey, owed


@pytest.fixture
async def legs(journey: Journey) -> list[Leg]:
    """Two deliveries of 20 shares for 9 that are in no transaction yet."""
    return await journey.fill(await journey.decide("ann", "bob"))


def debt_of(leg: Leg) -> Debt:
    return Debt(
        debt_id=leg.settlement_id,
        side=DebtSide.FOLLOWER,
        cause=LegFailure.COLLATERAL_REFUSED,
        follower=leg.follower,
        wallet=leg.wallet,
        token_id=leg.token_id,
        due=leg.collateral,
        policy_id=PolicyId("ann" if leg.follower == samples.follower("ann") else "bob"),
        leader=samples.LEADER,
        collected=Collateral(0),
        sold=Collateral(0),
        written_off=Collateral(0),
        opened_us=samples.NOW_US + 3,
        tries=0,
        tried_us=None,
        next_try_us=0,
        sales=0,
        legs=(leg,),
    )


def parts_of(leg: Leg, collateral: int, shares: int) -> tuple[Leg, Leg]:
    """A part for so much collateral and so many shares, and the rest."""
    part = replace(
        leg,
        settlement_id=part_id(leg.settlement_id, "paid"),
        collateral=Collateral(collateral),
        shares=Shares(shares),
    )
    rest = replace(
        leg,
        settlement_id=part_id(leg.settlement_id, "rest"),
        collateral=leg.collateral - part.collateral,
        shares=leg.shares - part.shares,
    )
    return part, rest


async def test_unpaid_delivery_is_a_debt_of_the_follower(stores: Stores, journey: Journey, legs: list[Leg]) -> None:
    await journey.mine(legs, [samples.settled(legs[0]), samples.unpaid(legs[1])])
    assert await stores.debts.open_debts() == [debt_of(legs[1])]
    assert await stores.settlements.unsettled() == 0, "a debt is recovery's, not settlement's"
    assert await stores.settlements.pending_legs() == []
    assert stores.audit().intents[legs[1].intent_id] == (IntentState.OWED, None)


async def test_debt_is_recovered_when_its_leg_settles(stores: Stores, journey: Journey, legs: list[Leg]) -> None:
    await journey.mine(legs, [samples.unpaid(leg) for leg in legs])
    await journey.mine(legs[:1], [samples.settled(legs[0])])
    assert [debt.legs for debt in await stores.debts.open_debts()] == [(legs[1],)]
    assert stores.audit().intents[legs[0].intent_id] == (IntentState.SETTLED, None)


async def test_one_block_pays_a_debt_settles_for_the_first_time_and_refuses(stores: Stores, journey: Journey) -> None:
    owed, first, refused = await journey.fill(await journey.decide("ann", "bob", "cleo"))
    await journey.mine([owed], [samples.unpaid(owed)])
    effects = [samples.settled(owed), samples.settled(first), samples.unpaid(refused)]
    await journey.mine([owed, first, refused], effects)
    assert [debt.debt_id for debt in await stores.debts.open_debts()] == [refused.settlement_id]
    assert {leg.settlement_id: stores.audit().intents[leg.intent_id][0] for leg in (owed, first, refused)} == {
        owed.settlement_id: IntentState.SETTLED,
        first.settlement_id: IntentState.SETTLED,
        refused.settlement_id: IntentState.OWED,
    }


async def test_debt_that_fails_again_is_still_one_debt(stores: Stores, journey: Journey, legs: list[Leg]) -> None:
    for _ in range(2):
        await journey.mine(legs[:1], [samples.unpaid(legs[0])])
    assert [debt.legs for debt in await stores.debts.open_debts()] == [(legs[0],)]


async def test_a_refusal_counts_from_when_it_was_told(stores: Stores, journey: Journey, legs: list[Leg]) -> None:
    """Its leg is divided only when no block with a refusal can be taken back; the try may have been long before."""
    await journey.mine(legs[:1], [samples.unpaid(legs[0])])
    await stores.debts.record_tries({legs[0].settlement_id: 0}, tried_us=1)
    await journey.mine(legs[:1], [samples.unpaid(legs[0])])
    (debt,) = await stores.debts.open_debts()
    assert debt.tried_us == samples.NOW_US + 3


async def test_debt_stays_open_while_it_is_tried(stores: Stores, journey: Journey, legs: list[Leg]) -> None:
    await journey.mine(legs[:1], [samples.unpaid(legs[0])])
    await journey.send(legs[:1])
    (debt,) = await stores.debts.open_debts()
    assert (debt.left, debt.legs) == (legs[0].collateral, ()), "what is on its way is not tried beside"
    assert [sent.legs for sent in await stores.settlements.unmined()] == [(legs[0],)]


async def test_debts_add_up_by_follower(stores: Stores, journey: Journey, legs: list[Leg]) -> None:
    assert await owed(stores) == {}
    more = await journey.fill(await journey.decide("ann"), collateral=500)
    await journey.mine([*legs, *more], [samples.unpaid(leg) for leg in (*legs, *more)])
    ann, bob = samples.follower("ann"), samples.follower("bob")
    assert await owed(stores) == {ann: Collateral(9_000_500), bob: Collateral(9_000_000)}


async def test_paid_debt_is_owed_no_more(stores: Stores, journey: Journey, legs: list[Leg]) -> None:
    await journey.mine(legs, [samples.unpaid(leg) for leg in legs])
    await journey.mine(legs[:1], [samples.settled(legs[0])])
    assert await owed(stores) == {legs[1].follower: legs[1].collateral}


async def test_what_the_operator_owes_is_no_debt_of_the_follower(stores: Stores, journey: Journey) -> None:
    intents = await journey.decide(side=Side.SELL)
    await journey.collect(intents)
    legs = await journey.fill(intents)
    await journey.mine(legs, [samples.unpaid(leg, DebtSide.OPERATOR) for leg in legs])
    assert len(await stores.debts.open_debts()) == 1
    assert await owed(stores) == {}


async def test_debts_come_oldest_first(stores: Stores, journey: Journey) -> None:
    opened = []
    for mined_us in (30, 10, 20):
        (leg,) = await journey.fill(await journey.decide())
        tx_hash = await journey.send([leg])
        await stores.settlements.record_mined(
            tx_hash, state=TxState.MINED, effects=[samples.unpaid(leg)], mined_us=mined_us
        )
        opened.append(leg)
    assert [debt.legs[0] for debt in await stores.debts.open_debts()] == [opened[1], opened[2], opened[0]]


async def test_tries_are_counted(stores: Stores, journey: Journey, legs: list[Leg]) -> None:
    await journey.mine(legs, [samples.unpaid(leg) for leg in legs])
    first, second = legs
    for number in (1, 2):
        await stores.debts.record_tries({first.settlement_id: 100 * number}, tried_us=number)
    found = {debt.debt_id: debt for debt in await stores.debts.open_debts()}
    assert found == {
        first.settlement_id: replace(debt_of(first), tries=2, tried_us=2, next_try_us=200),
        second.settlement_id: debt_of(second),
    }
    await stores.debts.try_again([first.settlement_id])
    found = {debt.debt_id: debt for debt in await stores.debts.open_debts()}
    assert found[first.settlement_id].next_try_us == 0


async def test_a_debt_is_paid_in_parts(stores: Stores, journey: Journey, legs: list[Leg]) -> None:
    whole = legs[0]
    await journey.mine([whole], [samples.unpaid(whole)])
    part, rest = parts_of(whole, 3_000_000, 6_666_666)
    await stores.debts.split_leg(whole.settlement_id, part, rest)
    assert part in await stores.settlements.pending_legs(), "a crash before it is sent finds it pending"
    (debt,) = await stores.debts.open_debts()
    assert debt == replace(debt_of(whole), legs=(rest,))

    await journey.mine([part], [samples.settled(part)])
    (debt,) = await stores.debts.open_debts()
    assert (debt.collected, debt.left, debt.legs) == (Collateral(3_000_000), Collateral(6_000_000), (rest,))
    assert await owed(stores) == {whole.follower: Collateral(6_000_000)}
    assert stores.audit().intents[whole.intent_id][0] is IntentState.OWED
    assert (await stores.signals.lots(samples.TOKEN)) == {"ann": Shares(6_666_666)}, "what was delivered can be sold"

    await journey.mine([rest], [samples.settled(rest)])
    assert await stores.debts.open_debts() == []
    assert stores.audit().intents[whole.intent_id][0] is IntentState.SETTLED
    assert (await stores.signals.lots(samples.TOKEN)) == {"ann": whole.shares}


async def test_a_part_that_is_refused_stays_in_its_debt(stores: Stores, journey: Journey, legs: list[Leg]) -> None:
    whole = legs[0]
    await journey.mine([whole], [samples.unpaid(whole)])
    part, rest = parts_of(whole, 3_000_000, 6_666_666)
    await stores.debts.split_leg(whole.settlement_id, part, rest)
    await journey.mine([part], [samples.unpaid(part)])
    (debt,) = await stores.debts.open_debts()
    assert set(debt.legs) == {part, rest}
    assert debt.left == whole.collateral
    smaller, remainder = parts_of(rest, 1_000_000, 2_000_000)
    await stores.debts.split_leg(rest.settlement_id, smaller, remainder)
    for each in (remainder, smaller, part):
        assert await stores.debts.open_debts() != []
        await journey.mine([each], [samples.settled(each)])
    assert await stores.debts.open_debts() == []


async def test_a_leg_that_is_settled_twice_counts_once(stores: Stores, journey: Journey, legs: list[Leg]) -> None:
    whole = legs[0]
    await journey.mine([whole], [samples.unpaid(whole)])
    part, rest = parts_of(whole, 3_000_000, 6_666_666)
    await stores.debts.split_leg(whole.settlement_id, part, rest)
    await journey.mine([part], [samples.settled(part), samples.settled(part)])
    (debt,) = await stores.debts.open_debts()
    assert debt.collected == Collateral(3_000_000)


async def test_what_is_on_its_way_or_no_debt_is_not_split(stores: Stores, journey: Journey, legs: list[Leg]) -> None:
    part, rest = parts_of(legs[0], 3_000_000, 6_666_666)
    with pytest.raises(InvariantBroken):
        await stores.debts.split_leg(legs[0].settlement_id, part, rest)
    await journey.mine(legs[:1], [samples.unpaid(legs[0])])
    await journey.send(legs[:1])
    with pytest.raises(InvariantBroken):
        await stores.debts.split_leg(legs[0].settlement_id, part, rest)
    assert await stores.settlements.pending_legs() == legs[1:]


async def test_a_debt_is_written_off(stores: Stores, journey: Journey, legs: list[Leg]) -> None:
    whole = legs[0]
    await journey.mine(legs, [samples.unpaid(leg) for leg in legs])
    assert await stores.debts.write_off(whole.settlement_id, "lost the key", at_us=9) == whole.collateral
    assert [debt.debt_id for debt in await stores.debts.open_debts()] == [legs[1].settlement_id]
    assert await owed(stores) == {legs[1].follower: legs[1].collateral}
    state, why = stores.audit().intents[whole.intent_id]
    assert (state, why and why.reason) == (IntentState.FAILED, Reason.WRITTEN_OFF)
    books = await stores.settlements.ledger_balances()
    assert books[ledger.WRITTEN_OFF, ledger.RECEIVABLE] == 9_000_000
    assert books[ledger.follower_account(whole.follower), ledger.RECEIVABLE] == -9_000_000
    with pytest.raises(InvariantBroken):
        await journey.send([whole])


async def test_what_was_paid_of_a_written_off_debt_stays(stores: Stores, journey: Journey, legs: list[Leg]) -> None:
    whole = legs[0]
    await journey.mine([whole], [samples.unpaid(whole)])
    part, rest = parts_of(whole, 3_000_000, 6_666_666)
    await stores.debts.split_leg(whole.settlement_id, part, rest)
    with pytest.raises(Malformed, match="not being collected now"):
        await stores.debts.write_off(whole.settlement_id, "too late", at_us=9)
    await journey.mine([part], [samples.settled(part)])
    assert await stores.debts.write_off(whole.settlement_id, "too late", at_us=9) == Collateral(6_000_000)
    assert stores.audit().intents[whole.intent_id] == (IntentState.SETTLED, None)
    assert (await stores.signals.lots(samples.TOKEN)) == {"ann": part.shares}


async def test_only_open_debts_of_followers_are_written_off(stores: Stores, journey: Journey) -> None:
    intents = await journey.decide(side=Side.SELL)
    await journey.collect(intents)
    (leg,) = await journey.fill(intents)
    await journey.mine([leg], [samples.unpaid(leg, DebtSide.OPERATOR)])
    with pytest.raises(Malformed, match="what the operators owe is paid"):
        await stores.debts.write_off(leg.settlement_id, "no", at_us=9)
    with pytest.raises(Malformed, match="expected the id of an open debt, found '0x12'"):
        await stores.debts.write_off(SettlementId("0x12"), "no", at_us=9)
    assert len(await stores.debts.open_debts()) == 1
