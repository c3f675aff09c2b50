"""SettlementStore: transactions recorded before they are broadcast, legs settled once, debts until they are paid."""

from __future__ import annotations

import pytest

from remora.domain.errors import InvariantBroken
from remora.domain.money import Collateral
from remora.domain.order import IntentState, Leg, LegFailure, SettlementStep
from remora.domain.records import Debt, DebtSide, SentTransaction
from remora.domain.signal import Side
from remora.domain.transaction import TxState
from tests.contract.store import samples
from tests.contract.store.implementations import Stores
from tests.contract.store.journey import Journey


@pytest.fixture
async def legs(journey: Journey) -> list[Leg]:
    """Two deliveries that are in no transaction yet."""
    return await journey.fill(await journey.decide("ann", "bob"))


def in_order(legs: list[Leg]) -> list[Leg]:
    return sorted(legs, key=lambda leg: leg.settlement_id)


# Legs and transactions.


async def test_legs_start_pending(stores: Stores, legs: list[Leg]) -> None:
    assert in_order(await stores.settlements.pending_legs()) == in_order(legs)
    assert await stores.settlements.unsettled() == 2
    assert await stores.settlements.unmined() == []


async def test_recorded_transaction_holds_its_legs(stores: Stores, journey: Journey, legs: list[Leg]) -> None:
    tx_hash = await journey.send(legs[:1], nonce=4)
    assert await stores.settlements.pending_legs() == legs[1:]
    assert await stores.settlements.unsettled() == 2
    assert await stores.settlements.unmined() == [
        SentTransaction(transaction=samples.transaction(4), tx_hash=tx_hash, purpose="settle", legs=tuple(legs[:1]))
    ]


async def test_transaction_without_legs_is_followed_too(stores: Stores, journey: Journey) -> None:
    tx_hash = await journey.send([])
    assert [(sent.tx_hash, sent.legs) for sent in await stores.settlements.unmined()] == [(tx_hash, ())]
    await stores.settlements.record_mined(tx_hash, state=TxState.MINED, effects=[], mined_us=1)
    assert await stores.settlements.unmined() == []


async def test_settled_legs_are_done(stores: Stores, journey: Journey, legs: list[Leg]) -> None:
    await journey.mine(legs, [samples.settled(leg) for leg in legs])
    assert await stores.settlements.pending_legs() == []
    assert await stores.settlements.unsettled() == 0
    assert await stores.settlements.unmined() == []
    assert {state for state, _ in stores.audit().intents.values()} == {IntentState.SETTLED}


async def test_leg_is_in_one_transaction(stores: Stores, journey: Journey, legs: list[Leg]) -> None:
    first = await journey.send(legs[1:])
    with pytest.raises(InvariantBroken, match=legs[1].settlement_id):
        await journey.send(legs)
    assert [sent.tx_hash for sent in await stores.settlements.unmined()] == [first]
    assert await stores.settlements.pending_legs() == legs[:1]


async def test_settled_leg_is_not_sent_again(stores: Stores, journey: Journey, legs: list[Leg]) -> None:
    await journey.mine(legs, [samples.settled(leg) for leg in legs])
    with pytest.raises(InvariantBroken):
        await journey.send(legs[:1])
    assert await stores.settlements.unmined() == []


async def test_unknown_leg_is_not_sent(stores: Stores, journey: Journey) -> None:
    (intent,) = await journey.decide()
    with pytest.raises(InvariantBroken):
        await journey.send([samples.leg(intent, SettlementStep.DELIVER, shares=1)])
    assert await stores.settlements.unmined() == []


async def test_leg_without_outcome_is_pending_again(stores: Stores, journey: Journey, legs: list[Leg]) -> None:
    await journey.mine(legs, [samples.settled(legs[0])])
    assert await stores.settlements.pending_legs() == legs[1:]
    assert await stores.settlements.unsettled() == 1


async def test_legs_of_a_reverted_transaction_are_pending_again(
    stores: Stores, journey: Journey, legs: list[Leg]
) -> None:
    await journey.mine(legs, [], state=TxState.REVERTED)
    assert in_order(await stores.settlements.pending_legs()) == in_order(legs)
    assert await stores.settlements.unmined() == []
    await journey.mine(legs, [samples.settled(leg) for leg in legs])
    assert await stores.settlements.unsettled() == 0


async def test_end_of_a_transaction_is_recorded_once(stores: Stores, journey: Journey, legs: list[Leg]) -> None:
    effects = [samples.settled(leg) for leg in legs]
    tx_hash = await journey.mine(legs, effects)
    books, audit = await stores.settlements.ledger_balances(), stores.audit()
    await stores.settlements.record_mined(tx_hash, state=TxState.MINED, effects=effects, mined_us=9)
    await stores.settlements.record_mined(tx_hash, state=TxState.REVERTED, effects=[], mined_us=9)
    assert await stores.settlements.ledger_balances() == books
    assert stores.audit() == audit
    assert await stores.settlements.unsettled() == 0


async def test_late_end_of_a_reverted_transaction_changes_nothing(
    stores: Stores, journey: Journey, legs: list[Leg]
) -> None:
    reverted = await journey.mine(legs, [], state=TxState.REVERTED)
    await journey.send(legs)
    effects = [samples.settled(leg) for leg in legs]
    await stores.settlements.record_mined(reverted, state=TxState.MINED, effects=effects, mined_us=9)
    assert len(await stores.settlements.unmined()) == 1
    assert await stores.settlements.unsettled() == 2


async def test_failing_posting_leaves_the_transaction_unmined(
    stores: Stores, journey: Journey, legs: list[Leg]
) -> None:
    tx_hash = await journey.send(legs)
    effects = [samples.settled(legs[0]), samples.settled(legs[1], posting=samples.lopsided())]
    with pytest.raises(InvariantBroken):
        await stores.settlements.record_mined(tx_hash, state=TxState.MINED, effects=effects, mined_us=9)
    assert [sent.tx_hash for sent in await stores.settlements.unmined()] == [tx_hash]
    assert await stores.settlements.ledger_balances() == {}


# Nonces.


async def test_nonces_are_recorded_per_wallet(stores: Stores, journey: Journey) -> None:
    assert await stores.settlements.recorded_nonces(samples.OPERATOR) == frozenset()
    for nonce in (7, 4):
        await journey.send([], nonce=nonce)
    assert await stores.settlements.recorded_nonces(samples.OPERATOR) == {4, 7}
    assert await stores.settlements.recorded_nonces(samples.wallet(0x0C)) == frozenset()


@pytest.mark.parametrize("state", [TxState.MINED, TxState.REVERTED])
async def test_nonce_in_a_block_is_the_chain_s_to_know(stores: Stores, journey: Journey, state: TxState) -> None:
    await journey.send([], nonce=8)
    tx_hash = await journey.send([], nonce=7)
    await stores.settlements.record_mined(tx_hash, state=state, effects=[], mined_us=1)
    assert await stores.settlements.recorded_nonces(samples.OPERATOR) == {8}


@pytest.mark.parametrize("state", TxState)
async def test_nonce_is_used_once(stores: Stores, journey: Journey, legs: list[Leg], state: TxState) -> None:
    tx_hash = await journey.send([], nonce=7)
    if state is not TxState.RECORDED:
        await stores.settlements.record_mined(tx_hash, state=state, effects=[], mined_us=1)
    with pytest.raises(InvariantBroken):
        await journey.send(legs, nonce=7)
    assert in_order(await stores.settlements.pending_legs()) == in_order(legs)


async def test_unmined_come_by_wallet_and_nonce(stores: Stores, journey: Journey) -> None:
    for nonce in (2, 0, 1):
        await journey.send([], nonce=nonce)
    assert [sent.transaction.nonce for sent in await stores.settlements.unmined()] == [0, 1, 2]


async def test_discarded_transaction_frees_nonce_and_legs(stores: Stores, journey: Journey, legs: list[Leg]) -> None:
    await stores.settlements.discard_transaction(await journey.send(legs, nonce=7))
    assert await stores.settlements.recorded_nonces(samples.OPERATOR) == frozenset()
    assert await stores.settlements.unmined() == []
    assert in_order(await stores.settlements.pending_legs()) == in_order(legs)

    await journey.send(legs, nonce=7)
    assert [sent.transaction.nonce for sent in await stores.settlements.unmined()] == [7]


async def test_mined_transaction_is_not_discarded(stores: Stores, journey: Journey, legs: list[Leg]) -> None:
    tx_hash = await journey.mine(legs, [samples.settled(leg) for leg in legs])
    await stores.settlements.discard_transaction(tx_hash)
    assert await stores.settlements.unsettled() == 0
    with pytest.raises(InvariantBroken):
        await journey.send([], nonce=0)


# Debts.


async def test_unpaid_delivery_is_a_debt_of_the_follower(stores: Stores, journey: Journey, legs: list[Leg]) -> None:
    await journey.mine(legs, [samples.settled(legs[0]), samples.unpaid(legs[1])])
    assert await stores.settlements.open_debts() == [
        Debt(
            side=DebtSide.FOLLOWER,
            leg=legs[1],
            due=Collateral(9_000_000),
            failure=LegFailure.COLLATERAL_REFUSED,
        )
    ]
    assert await stores.settlements.unsettled() == 0, "a debt is recovery's, not settlement's"
    assert await stores.settlements.pending_legs() == []
    assert stores.audit().intents[legs[1].intent_id] == (IntentState.OWED, None)


async def test_debt_is_recovered_when_its_leg_settles(stores: Stores, journey: Journey, legs: list[Leg]) -> None:
    await journey.mine(legs, [samples.unpaid(leg) for leg in legs])
    await journey.mine(legs[:1], [samples.settled(legs[0])])
    assert [debt.leg for debt in await stores.settlements.open_debts()] == legs[1:]
    assert stores.audit().intents[legs[0].intent_id] == (IntentState.SETTLED, None)


async def test_debt_that_fails_again_is_still_one_debt(stores: Stores, journey: Journey, legs: list[Leg]) -> None:
    for _ in range(2):
        await journey.mine(legs[:1], [samples.unpaid(legs[0])])
    assert [debt.leg for debt in await stores.settlements.open_debts()] == legs[:1]


async def test_debt_stays_open_while_it_is_tried(stores: Stores, journey: Journey, legs: list[Leg]) -> None:
    await journey.mine(legs[:1], [samples.unpaid(legs[0])])
    await journey.send(legs[:1])
    assert len(await stores.settlements.open_debts()) == 1
    assert [sent.legs for sent in await stores.settlements.unmined()] == [(legs[0],)]


async def test_debts_add_up_by_follower(stores: Stores, journey: Journey, legs: list[Leg]) -> None:
    assert await stores.signals.debts() == {}
    more = await journey.fill(await journey.decide("ann"), collateral=500)
    await journey.mine([*legs, *more], [samples.unpaid(leg) for leg in (*legs, *more)])
    ann, bob = samples.follower("ann"), samples.follower("bob")
    assert await stores.signals.debts() == {ann: Collateral(9_000_500), bob: Collateral(9_000_000)}


async def test_paid_debt_is_owed_no_more(stores: Stores, journey: Journey, legs: list[Leg]) -> None:
    await journey.mine(legs, [samples.unpaid(leg) for leg in legs])
    await journey.mine(legs[:1], [samples.settled(legs[0])])
    assert await stores.signals.debts() == {legs[1].follower: legs[1].collateral}


async def test_what_the_operator_owes_is_no_debt_of_the_follower(stores: Stores, journey: Journey) -> None:
    intents = await journey.decide(side=Side.SELL)
    await journey.collect(intents)
    legs = await journey.fill(intents)
    await journey.mine(legs, [samples.unpaid(leg, DebtSide.OPERATOR) for leg in legs])
    assert len(await stores.settlements.open_debts()) == 1
    assert await stores.signals.debts() == {}


async def test_debts_come_oldest_first(stores: Stores, journey: Journey) -> None:
    opened = []
    for mined_us in (30, 10, 20):
        (leg,) = await journey.fill(await journey.decide())
        tx_hash = await journey.send([leg])
        await stores.settlements.record_mined(
            tx_hash, state=TxState.MINED, effects=[samples.unpaid(leg)], mined_us=mined_us
        )
        opened.append(leg)
    assert [debt.leg for debt in await stores.settlements.open_debts()] == [opened[1], opened[2], opened[0]]


async def test_proceeds_are_owed_until_they_are_remitted(stores: Stores, journey: Journey) -> None:
    intents = await journey.decide(side=Side.SELL)
    await journey.collect(intents)
    assert await stores.settlements.owed_proceeds() == [], "a collection owes nothing yet"
    (leg,) = await journey.fill(intents)
    assert await stores.settlements.owed_proceeds() == [leg]

    await journey.mine([leg], [samples.unpaid(leg, DebtSide.OPERATOR)])
    assert await stores.settlements.owed_proceeds() == [leg]
    assert [debt.side for debt in await stores.settlements.open_debts()] == [DebtSide.OPERATOR]

    await journey.send([leg])
    assert await stores.settlements.owed_proceeds() == [leg]


async def test_remitted_proceeds_are_not_owed(stores: Stores, journey: Journey) -> None:
    intents = await journey.decide(side=Side.SELL)
    await journey.collect(intents)
    legs = await journey.fill(intents)
    await journey.mine(legs, [samples.settled(leg) for leg in legs])
    assert await stores.settlements.owed_proceeds() == []


async def test_deliveries_are_no_proceeds(stores: Stores, legs: list[Leg]) -> None:
    assert in_order(await stores.settlements.pending_legs()) == in_order(legs)
    assert await stores.settlements.owed_proceeds() == []
