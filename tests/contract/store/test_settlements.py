"""SettlementStore: transactions recorded before they are broadcast, legs settled once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from remora.domain import ledger
from remora.domain.chain import BlockId
from remora.domain.errors import InvariantBroken
from remora.domain.money import Shares, Wei
from remora.domain.order import IntentState, Leg, LegState, SettlementStep
from remora.domain.records import DebtSide, SentTransaction
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
    assert await stores.settlements.reservations(samples.OPERATOR) == {}
    for nonce in (7, 4):
        await journey.send([], nonce=nonce)
    assert set(await stores.settlements.reservations(samples.OPERATOR)) == {4, 7}
    assert await stores.settlements.reservations(samples.wallet(0x0C)) == {}


@pytest.mark.parametrize("state", [TxState.MINED, TxState.REVERTED])
async def test_nonce_in_a_block_is_the_chain_s_to_know(stores: Stores, journey: Journey, state: TxState) -> None:
    await journey.send([], nonce=8)
    tx_hash = await journey.send([], nonce=7)
    await stores.settlements.record_mined(tx_hash, state=state, effects=[], mined_us=1)
    assert set(await stores.settlements.reservations(samples.OPERATOR)) == {8}


@pytest.mark.parametrize("state", TxState)
async def test_nonce_is_used_once(stores: Stores, journey: Journey, legs: list[Leg], state: TxState) -> None:
    tx_hash = await journey.send([], nonce=7)
    if state is not TxState.RECORDED:
        await stores.settlements.record_mined(tx_hash, state=state, effects=[], mined_us=1)
    with pytest.raises(InvariantBroken):
        await journey.send(legs, nonce=7)
    assert in_order(await stores.settlements.pending_legs()) == in_order(legs)


async def test_transactions_that_a_reorg_took_back_are_open_again_and_their_legs_stand(
    stores: Stores, journey: Journey, legs: list[Leg]
) -> None:
    await stores.settlements.record_mined(await journey.send([], nonce=6), state=TxState.MINED, effects=[], mined_us=1)
    effects = [samples.settled(leg) for leg in legs]
    tx_hash = await journey.send(legs, nonce=7)
    await stores.settlements.record_mined(tx_hash, state=TxState.MINED, effects=effects, mined_us=2)
    books = await stores.settlements.ledger_balances()

    assert await stores.settlements.reopen_transactions(samples.OPERATOR, 7, mined_since_us=3) == 0
    assert await stores.settlements.reopen_transactions(samples.OPERATOR, 7, mined_since_us=2) == 1
    assert await stores.settlements.reopen_transactions(samples.OPERATOR, 7, mined_since_us=2) == 0
    (sent,) = await stores.settlements.unmined()
    assert (sent.tx_hash, in_order(list(sent.legs))) == (tx_hash, in_order(legs))
    assert set(await stores.settlements.reservations(samples.OPERATOR)) == {7}
    assert await stores.settlements.unsettled() == 0

    await stores.settlements.discard_transaction(tx_hash)
    assert len(await stores.settlements.unmined()) == 1
    news = await stores.settlements.record_mined(tx_hash, state=TxState.MINED, effects=effects, mined_us=3)
    assert not news & {effect.settlement_id for effect in effects if effect.leg_state is LegState.SETTLED}
    assert await stores.settlements.unmined() == []
    assert await stores.settlements.ledger_balances() == books


async def test_unmined_come_by_wallet_and_nonce(stores: Stores, journey: Journey) -> None:
    for nonce in (2, 0, 1):
        await journey.send([], nonce=nonce)
    assert [sent.transaction.nonce for sent in await stores.settlements.unmined()] == [0, 1, 2]


async def test_discarded_transaction_frees_nonce_and_legs(stores: Stores, journey: Journey, legs: list[Leg]) -> None:
    await stores.settlements.discard_transaction(await journey.send(legs, nonce=7))
    assert await stores.settlements.reservations(samples.OPERATOR) == {}
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


# Replacements.


async def test_a_nonce_has_several_transactions_and_one_set_of_legs(
    stores: Stores, journey: Journey, legs: list[Leg]
) -> None:
    first = await journey.send(legs, nonce=7)
    second = await journey.replace(7, max_fee=40)
    assert first != second
    (sent,) = await stores.settlements.unmined()
    assert (sent.tx_hash, sent.transaction.gas_price.max_fee) == (second, Wei(40))
    assert sent.earlier == (samples.transaction(7),)
    assert in_order(list(sent.legs)) == in_order(legs)
    assert sent.purpose == "settle"
    assert dict(await stores.settlements.reservations(samples.OPERATOR)) == {7: sent.transaction.bound}


@pytest.mark.parametrize("mined", [0, 1, 2])
async def test_whichever_is_mined_ends_the_nonce_and_the_others_are_replaced(
    stores: Stores, journey: Journey, legs: list[Leg], mined: int
) -> None:
    hashes = [await journey.send(legs, nonce=7), await journey.replace(7), await journey.replace(7)]
    effects = [samples.settled(leg) for leg in legs]
    await stores.settlements.record_mined(
        hashes[mined], state=TxState.MINED, effects=effects, mined_us=9, gas_used=50_000
    )
    assert await stores.settlements.unmined() == []
    assert await stores.settlements.reservations(samples.OPERATOR) == {}
    assert await stores.settlements.unsettled() == 0
    books = await stores.settlements.ledger_balances()
    for late in hashes:
        await stores.settlements.record_mined(late, state=TxState.MINED, effects=effects, mined_us=10)
    assert await stores.settlements.ledger_balances() == books
    with pytest.raises(InvariantBroken, match="has its end"):
        await journey.replace(7)


async def test_legs_without_outcome_in_a_replacement_are_pending_again(
    stores: Stores, journey: Journey, legs: list[Leg]
) -> None:
    await journey.send(legs, nonce=7)
    second = await journey.replace(7)
    await stores.settlements.record_mined(second, state=TxState.REVERTED, effects=[], mined_us=9)
    assert in_order(await stores.settlements.pending_legs()) == in_order(legs)


async def test_discarding_forgets_the_whole_nonce(stores: Stores, journey: Journey, legs: list[Leg]) -> None:
    await journey.send(legs, nonce=7)
    other = await journey.send([], nonce=8)
    await stores.settlements.discard_transaction(await journey.replace(7))
    assert [sent.tx_hash for sent in await stores.settlements.unmined()] == [other]
    assert in_order(await stores.settlements.pending_legs()) == in_order(legs)


async def test_a_reorg_opens_all_of_a_nonce_again(stores: Stores, journey: Journey, legs: list[Leg]) -> None:
    first = await journey.send(legs, nonce=7)
    second = await journey.replace(7)
    effects = [samples.settled(leg) for leg in legs]
    await stores.settlements.record_mined(second, state=TxState.MINED, effects=effects, mined_us=2)
    books = await stores.settlements.ledger_balances()
    assert await stores.settlements.reopen_transactions(samples.OPERATOR, 7, mined_since_us=1) == 1
    (sent,) = await stores.settlements.unmined()
    assert (sent.tx_hash, len(sent.earlier), in_order(list(sent.legs))) == (second, 1, in_order(legs))
    await stores.settlements.record_mined(first, state=TxState.MINED, effects=effects, mined_us=3)
    assert await stores.settlements.unmined() == []
    assert await stores.settlements.ledger_balances() == books


async def test_the_last_blocks_that_ended_transactions_come_highest_first(stores: Stores, journey: Journey) -> None:
    blocks = [BlockId(number, f"0x{number:064x}") for number in range(4)]
    for nonce, (block, mined_us) in enumerate([(blocks[2], 5), (blocks[1], 4), (blocks[2], 6), (blocks[3], 7)]):
        tx_hash = await journey.send([], nonce=nonce)
        await stores.settlements.record_mined(tx_hash, state=TxState.MINED, effects=[], mined_us=mined_us, block=block)
    unnamed = await journey.send([], nonce=9)
    await stores.settlements.record_mined(unnamed, state=TxState.MINED, effects=[], mined_us=9)
    assert await stores.settlements.blocks_since(0, 9) == [blocks[3], blocks[2], blocks[1]]
    assert await stores.settlements.blocks_since(0, 2) == [blocks[3], blocks[2]]
    assert await stores.settlements.blocks_since(6, 9) == [blocks[3], blocks[2]]
    assert await stores.settlements.blocks_since(8, 9) == []


async def test_blocks_that_are_gone_open_all_of_the_nonces_that_they_ended(
    stores: Stores, journey: Journey, legs: list[Leg]
) -> None:
    here, there, other = (BlockId(4, f"0x{digit:064x}") for digit in (4, 5, 6))
    first = await journey.send(legs, nonce=7)
    second = await journey.replace(7)
    beside = await journey.send([], nonce=8)
    effects = [samples.settled(leg) for leg in legs]
    await stores.settlements.record_mined(first, state=TxState.MINED, effects=effects, mined_us=2, block=here)
    await stores.settlements.record_mined(beside, state=TxState.MINED, effects=[], mined_us=2, block=other)
    assert await stores.settlements.reopen_blocks([there]) == 0
    assert await stores.settlements.reopen_blocks([here, there]) == 1
    assert await stores.settlements.reopen_blocks([here]) == 0
    (sent,) = await stores.settlements.unmined()
    assert (sent.tx_hash, len(sent.earlier), in_order(list(sent.legs))) == (second, 1, in_order(legs))
    assert await stores.settlements.blocks_since(0, 9) == [other]

    await stores.settlements.record_mined(second, state=TxState.MINED, effects=effects, mined_us=3, block=there)
    assert set(await stores.settlements.blocks_since(0, 9)) == {there, other}
    assert await stores.settlements.unmined() == []


async def test_what_a_transaction_cost_is_booked_once_rounded_up(stores: Stores, journey: Journey) -> None:
    tx_hash = await journey.send([], nonce=4)
    for _ in range(2):
        await stores.settlements.record_mined(
            tx_hash, state=TxState.MINED, effects=[], mined_us=1, cost=Wei(2_000_000_001)
        )
    books = await stores.settlements.ledger_balances()
    assert books == {(ledger.operator_account(samples.OPERATOR), ledger.NATIVE): -3, (ledger.GAS, ledger.NATIVE): 3}


# Proceeds.


async def test_proceeds_are_owed_until_they_are_remitted(stores: Stores, journey: Journey) -> None:
    intents = await journey.decide(side=Side.SELL)
    await journey.collect(intents)
    assert await stores.settlements.owed_proceeds() == [], "a collection owes nothing yet"
    (leg,) = await journey.fill(intents)
    assert await stores.settlements.owed_proceeds() == [leg]

    await journey.mine([leg], [samples.unpaid(leg, DebtSide.OPERATOR)])
    assert await stores.settlements.owed_proceeds() == [leg]
    assert [debt.side for debt in await stores.debts.open_debts()] == [DebtSide.OPERATOR]

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


async def test_a_leg_is_sent_only_as_it_is_stored(stores: Stores, journey: Journey) -> None:
    """A fill that came late may have cut what goes back."""
    (leg,) = await journey.fill(await journey.decide(side=Side.SELL))
    with pytest.raises(InvariantBroken, match="changed"):
        await journey.send([replace(leg, returned=leg.returned + Shares(1))])
    assert await stores.settlements.pending_legs() == [leg]
    await journey.send([leg])
