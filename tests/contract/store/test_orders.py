"""OrderStore: an order is recorded before it is sent, fills once per transaction, and ends once."""

from __future__ import annotations

import pytest

from remora.domain import ledger
from remora.domain.errors import InvariantBroken, RemoraError
from remora.domain.ids import OrderHash
from remora.domain.money import ZERO_COLLATERAL, ZERO_SHARES, Collateral, Shares
from remora.domain.order import Intent, IntentState, OrderState, SettlementStep, SignedOrder
from remora.domain.records import Filled, OpenOrder
from remora.domain.signal import Side
from tests.contract.store import samples
from tests.contract.store.implementations import Stores
from tests.contract.store.journey import Journey

NOTHING = Filled(shares=ZERO_SHARES, collateral=ZERO_COLLATERAL, fee=ZERO_COLLATERAL)


# Intents.


async def test_pending_intents_come_oldest_first(stores: Stores) -> None:
    for number, stored_us in ((1, 30), (2, 10), (3, 20)):
        heard = samples.signal(number)
        await stores.signals.record_decision(
            heard, [samples.intent(heard)], [], stored_us=stored_us, state=IntentState.PENDING
        )
    found = [intent.signal_id for intent in await stores.orders.pending_intents()]
    assert found == [samples.signal(number).signal_id for number in (2, 3, 1)]


async def test_failed_intents_keep_reason_and_facts(stores: Stores, journey: Journey) -> None:
    ann, bob = await journey.decide("ann", "bob")
    await stores.orders.fail_intents({ann.intent_id: samples.NOTHING_FILLED})
    assert stores.audit().intents == {
        ann.intent_id: (IntentState.FAILED, samples.NOTHING_FILLED),
        bob.intent_id: (IntentState.PENDING, None),
    }
    assert await stores.orders.pending_intents() == [bob]


async def test_only_pending_intents_fail_for_being_late(stores: Stores, journey: Journey) -> None:
    ann, bob = await journey.decide("ann", "bob")
    await journey.fill([bob])
    with pytest.raises(InvariantBroken, match=bob.intent_id):
        await stores.orders.fail_intents({each.intent_id: samples.NOTHING_FILLED for each in (ann, bob)})
    assert (journey.state(ann), journey.state(bob)) == (IntentState.PENDING, IntentState.FILLED)


# Collecting for exits.


async def test_exit_goes_from_pending_to_collecting_to_collected(stores: Stores, journey: Journey) -> None:
    (intent,) = await journey.decide(side=Side.SELL)
    (leg,) = await journey.collecting([intent])
    assert await stores.orders.pending_intents() == []
    assert await stores.orders.collected() == []
    assert await stores.settlements.pending_legs() == [leg]

    await journey.mine([leg], [samples.settled(leg, IntentState.COLLECTED)])
    assert await stores.orders.collected() == [(leg, intent)]
    assert journey.state(intent) is IntentState.COLLECTED


async def test_collection_is_started_once(stores: Stores, journey: Journey) -> None:
    (intent,) = await journey.decide(side=Side.SELL)
    legs = await journey.collecting([intent])
    with pytest.raises(RemoraError):
        await stores.orders.start_collecting(legs)
    assert await stores.settlements.pending_legs() == legs


async def test_collection_of_one_ordered_intent_starts_for_none(stores: Stores, journey: Journey) -> None:
    ann, bob = await journey.decide("ann", "bob", side=Side.SELL)
    await journey.order([bob])
    with pytest.raises(InvariantBroken):
        await journey.collecting([ann, bob])
    assert await stores.settlements.pending_legs() == []
    assert journey.state(ann) is IntentState.PENDING


async def test_failed_collection_gives_the_exit_up(stores: Stores, journey: Journey) -> None:
    (intent,) = await journey.decide(side=Side.SELL)
    (leg,) = await journey.collecting([intent])
    effect = samples.not_collected(leg)
    await journey.mine([leg], [effect])
    assert await stores.orders.collected() == []
    assert stores.audit().intents[intent.intent_id] == (IntentState.FAILED, effect.because)


async def test_collected_shares_in_an_order_are_not_offered_again(stores: Stores, journey: Journey) -> None:
    ann, bob = await journey.decide("ann", "bob", side=Side.SELL)
    await journey.collect([ann, bob])
    await journey.order([ann])
    assert [intent for _, intent in await stores.orders.collected()] == [bob]


async def test_collected_shares_are_given_back(stores: Stores, journey: Journey) -> None:
    (intent,) = await journey.decide(side=Side.SELL)
    await journey.collect([intent])
    back = samples.leg(intent, SettlementStep.REMIT, shares=0, returned=intent.shares.units)
    await stores.orders.return_collected([back], {intent.intent_id: samples.NOTHING_FILLED})
    assert await stores.orders.collected() == []
    assert await stores.settlements.pending_legs() == [back]
    assert stores.audit().intents[intent.intent_id] == (IntentState.FAILED, samples.NOTHING_FILLED)


async def test_shares_in_an_order_are_not_given_back(stores: Stores, journey: Journey) -> None:
    (intent,) = await journey.decide(side=Side.SELL)
    await journey.collect([intent])
    await journey.order([intent])
    back = samples.leg(intent, SettlementStep.REMIT, shares=0, returned=intent.shares.units)
    with pytest.raises(InvariantBroken):
        await stores.orders.return_collected([back], {intent.intent_id: samples.NOTHING_FILLED})
    assert await stores.settlements.pending_legs() == []
    assert journey.state(intent) is IntentState.ORDERED


# Recording.


async def test_recorded_order_is_open_and_its_intents_are_ordered(stores: Stores, journey: Journey) -> None:
    intents = await journey.decide("ann", "bob")
    order = await journey.order(intents)
    expected = OpenOrder(
        order_hash=order.order_hash,
        wallet=samples.OPERATOR,
        block=samples.block(intents),
        state=OrderState.RECORDED,
        making=order.terms.maker_amount,
        matched=None,
        sent_us=samples.NOW_US + 1,
    )
    assert await stores.orders.open_order(order.order_hash) == expected
    assert await stores.orders.open_orders() == [expected]
    assert await stores.orders.pending_intents() == []
    assert {journey.state(each) for each in intents} == {IntentState.ORDERED}


async def test_open_orders_come_oldest_first(stores: Stores, journey: Journey) -> None:
    sent = ((1, 30), (2, 10), (3, 20))
    for number, sent_us in sent:
        block = samples.block(await journey.decide())
        await stores.orders.record_order(samples.order(number, block), block, neg_risk=True, sent_us=sent_us)
    found = [order.order_hash for order in await stores.orders.open_orders()]
    assert found == [samples.word(number) for number in (2, 3, 1)]


async def test_intent_is_in_one_order(stores: Stores, journey: Journey) -> None:
    ann, bob = await journey.decide("ann", "bob")
    first = await journey.order([bob])
    with pytest.raises(InvariantBroken, match=bob.intent_id):
        await journey.order([ann, bob])
    assert [order.order_hash for order in await stores.orders.open_orders()] == [first.order_hash]
    assert (journey.state(ann), journey.state(bob)) == (IntentState.PENDING, IntentState.ORDERED)


async def test_order_hash_is_recorded_once(stores: Stores, journey: Journey) -> None:
    (ann,), (bob,) = await journey.decide("ann"), await journey.decide("bob")
    order = await journey.order([ann])
    with pytest.raises(InvariantBroken):
        await stores.orders.record_order(order, samples.block([bob]), neg_risk=False, sent_us=1)
    assert journey.state(bob) is IntentState.PENDING


async def test_unknown_orders_are_unknown(stores: Stores) -> None:
    unknown = OrderHash(samples.word(404))
    assert await stores.orders.open_order(unknown) is None
    assert not await stores.orders.knows_order(unknown)
    assert await stores.orders.filled(unknown) == NOTHING


# Sending and acknowledgement.


async def opened(stores: Stores, order: SignedOrder) -> OpenOrder:
    """Return an order that must be open."""
    found = await stores.orders.open_order(order.order_hash)
    assert found is not None
    return found


async def test_order_is_as_old_as_its_latest_posting(stores: Stores, journey: Journey) -> None:
    order = await journey.order(await journey.decide())
    await stores.orders.mark_sending(order.order_hash, sent_us=samples.NOW_US + 500)
    found = await opened(stores, order)
    assert (found.state, found.sent_us) == (OrderState.RECORDED, samples.NOW_US + 500)


async def test_acknowledgement_stores_what_the_venue_matched(stores: Stores, journey: Journey) -> None:
    order = await journey.order(await journey.decide())
    await stores.orders.mark_acknowledged(order.order_hash, Shares(7), acknowledged_us=1)
    found = await opened(stores, order)
    assert (found.state, found.matched) == (OrderState.ACCEPTED, Shares(7))


async def test_acknowledgement_may_come_before_the_match(stores: Stores, journey: Journey) -> None:
    order = await journey.order(await journey.decide())
    await stores.orders.mark_acknowledged(order.order_hash, None, acknowledged_us=1)
    found = await opened(stores, order)
    assert (found.state, found.matched) == (OrderState.ACCEPTED, None)


@pytest.mark.parametrize(("words", "matched"), [([7, 9], 9), ([7, None], 7), ([None, 7], 7), ([7, 0], 0)], ids=str)
async def test_the_last_word_on_the_match_counts(
    stores: Stores, journey: Journey, words: list[int | None], matched: int
) -> None:
    order = await journey.order(await journey.decide())
    for units in words:
        said = None if units is None else Shares(units)
        await stores.orders.mark_acknowledged(order.order_hash, said, acknowledged_us=1)
    assert (await opened(stores, order)).matched == Shares(matched)


async def test_ended_order_is_neither_sent_nor_acknowledged(stores: Stores, journey: Journey) -> None:
    intents = await journey.decide()
    order = await journey.order(intents)
    await journey.finish(order, intents, shares=1, collateral=1)
    await stores.orders.mark_sending(order.order_hash, sent_us=1)
    await stores.orders.mark_acknowledged(order.order_hash, Shares(7), acknowledged_us=1)
    assert await stores.orders.open_orders() == []


# Fills.


async def test_fills_of_several_transactions_add_up(stores: Stores, journey: Journey) -> None:
    order = await journey.order(await journey.decide())
    assert await stores.orders.filled(order.order_hash) == NOTHING
    for number, (shares, collateral, fee) in enumerate([(10, 5, 1), (7, 4, 0)]):
        fill = samples.fill(order, number, shares=shares, collateral=collateral, fee=fee)
        assert await stores.orders.record_fill(fill, samples.balanced(f"fill:{number}"), heard_us=1)
    expected = Filled(shares=Shares(17), collateral=Collateral(9), fee=Collateral(1))
    assert await stores.orders.filled(order.order_hash) == expected


async def test_same_fill_counts_and_posts_once(stores: Stores, journey: Journey) -> None:
    order = await journey.order(await journey.decide())
    fill = samples.fill(order, shares=10, collateral=5)
    assert await stores.orders.record_fill(fill, samples.balanced("first", units=5), heard_us=1)
    assert not await stores.orders.record_fill(fill, samples.balanced("second", units=5), heard_us=2)
    assert (await stores.orders.filled(order.order_hash)).shares == Shares(10)
    assert await stores.settlements.ledger_balances() == {
        (ledger.VENUE, ledger.COLLATERAL): -5,
        ("operator", ledger.COLLATERAL): 5,
    }


async def test_fill_transactions_are_those_of_the_order(stores: Stores, journey: Journey) -> None:
    first, second = await journey.order(await journey.decide()), await journey.order(await journey.decide())
    assert await stores.orders.fill_transactions(first.order_hash) == frozenset()
    for order, number in ((first, 1), (first, 2), (second, 2), (second, 3)):
        fill = samples.fill(order, number, shares=1, collateral=1)
        await stores.orders.record_fill(fill, samples.balanced(f"{order.order_hash}:{number}"), heard_us=1)
    found = await stores.orders.fill_transactions(first.order_hash)
    assert found == {samples.word(1), samples.word(2)}


async def test_fills_of_other_orders_do_not_count(stores: Stores, journey: Journey) -> None:
    first, second = await journey.order(await journey.decide()), await journey.order(await journey.decide())
    await stores.orders.record_fill(
        samples.fill(first, 1, shares=10, collateral=5), samples.balanced("first"), heard_us=1
    )
    await stores.orders.record_fill(
        samples.fill(second, 1, shares=3, collateral=2), samples.balanced("second"), heard_us=1
    )
    assert (await stores.orders.filled(second.order_hash)).shares == Shares(3)


async def test_fill_whose_posting_does_not_balance_is_not_stored(stores: Stores, journey: Journey) -> None:
    order = await journey.order(await journey.decide())
    with pytest.raises(InvariantBroken):
        await stores.orders.record_fill(samples.fill(order, shares=10, collateral=5), samples.lopsided(), heard_us=1)
    assert await stores.orders.filled(order.order_hash) == NOTHING
    assert await stores.settlements.ledger_balances() == {}


async def test_fill_of_an_unknown_order_is_refused(stores: Stores, journey: Journey) -> None:
    unknown = samples.order(404, samples.block(await journey.decide()))
    with pytest.raises(RemoraError):
        await stores.orders.record_fill(samples.fill(unknown, shares=10, collateral=5), samples.balanced(), heard_us=1)
    assert await stores.settlements.ledger_balances() == {}


# The end.


async def finish(stores: Stores, order: SignedOrder, ann: Intent, bob: Intent) -> None:
    """End an order of which ann gets all and bob nothing."""
    allocations = [samples.allocation(ann, shares=10, collateral=5), samples.allocation(bob, shares=0, collateral=0)]
    await stores.orders.finish_order(
        order.order_hash,
        state=OrderState.DONE,
        allocations=allocations,
        failures={bob.intent_id: samples.NOTHING_FILLED},
        legs=[samples.leg(ann, SettlementStep.DELIVER, shares=10, collateral=5)],
        postings=[samples.balanced("claims", units=5)],
    )


async def test_end_settles_those_who_got_something_and_fails_the_others(stores: Stores, journey: Journey) -> None:
    ann, bob = await journey.decide("ann", "bob")
    order = await journey.order([ann, bob])
    await finish(stores, order, ann, bob)
    assert stores.audit().intents == {
        ann.intent_id: (IntentState.FILLED, None),
        bob.intent_id: (IntentState.FAILED, samples.NOTHING_FILLED),
    }
    assert [leg.intent_id for leg in await stores.settlements.pending_legs()] == [ann.intent_id]
    assert (await stores.settlements.ledger_balances())["operator", ledger.COLLATERAL] == 5


async def test_ended_order_is_known_and_not_open(stores: Stores, journey: Journey) -> None:
    intents = await journey.decide()
    order = await journey.order(intents)
    await journey.finish(order, intents, shares=1, collateral=1)
    assert await stores.orders.open_orders() == []
    assert await stores.orders.open_order(order.order_hash) is None
    assert await stores.orders.knows_order(order.order_hash)


async def test_order_ends_once(stores: Stores, journey: Journey) -> None:
    ann, bob = await journey.decide("ann", "bob")
    order = await journey.order([ann, bob])
    await finish(stores, order, ann, bob)
    legs, books = await stores.settlements.pending_legs(), await stores.settlements.ledger_balances()
    with pytest.raises(InvariantBroken, match=order.order_hash):
        await finish(stores, order, ann, bob)
    assert await stores.settlements.pending_legs() == legs
    assert await stores.settlements.ledger_balances() == books


async def test_end_is_one_transaction(stores: Stores, journey: Journey) -> None:
    ann, bob = await journey.decide("ann", "bob")
    order = await journey.order([ann])
    with pytest.raises(InvariantBroken):
        await finish(stores, order, ann, bob)  # bob is not in the order
    assert [each.order_hash for each in await stores.orders.open_orders()] == [order.order_hash]
    assert (journey.state(ann), journey.state(bob)) == (IntentState.ORDERED, IntentState.PENDING)
    assert await stores.settlements.pending_legs() == []
    assert await stores.settlements.ledger_balances() == {}


# Release.


async def test_released_buy_is_pending_again(stores: Stores, journey: Journey) -> None:
    intents = await journey.decide("ann", "bob")
    order = await journey.order(intents)
    assert await stores.orders.release_order(order.order_hash)
    assert await stores.orders.open_orders() == []
    found = await stores.orders.pending_intents()
    assert {each.intent_id for each in found} == {each.intent_id for each in intents}


async def test_released_sale_is_collected_again(stores: Stores, journey: Journey) -> None:
    (intent,) = await journey.decide(side=Side.SELL)
    (leg,) = await journey.collect([intent])
    order = await journey.order([intent])
    assert await stores.orders.release_order(order.order_hash)
    assert await stores.orders.collected() == [(leg, intent)]
    assert await stores.orders.pending_intents() == []


@pytest.mark.parametrize("side", Side)
async def test_released_intents_are_ordered_again(stores: Stores, journey: Journey, side: Side) -> None:
    intents = await journey.decide("ann", "bob", side=side)
    if side is Side.SELL:
        await journey.collect(intents)
    first = await journey.order(intents)
    await stores.orders.release_order(first.order_hash)
    second = await journey.order(intents)
    assert [order.order_hash for order in await stores.orders.open_orders()] == [second.order_hash]
    assert (await opened(stores, second)).block == samples.block(intents)


async def test_acknowledged_order_is_not_released(stores: Stores, journey: Journey) -> None:
    intents = await journey.decide()
    order = await journey.order(intents)
    await stores.orders.mark_acknowledged(order.order_hash, None, acknowledged_us=1)
    assert not await stores.orders.release_order(order.order_hash)
    assert (await opened(stores, order)).state is OrderState.ACCEPTED
    assert journey.state(intents[0]) is IntentState.ORDERED


async def test_order_with_a_fill_is_not_released(stores: Stores, journey: Journey) -> None:
    """A block proves that it arrived, even if the venue never answered."""
    intents = await journey.decide()
    order = await journey.order(intents)
    await stores.orders.record_fill(samples.fill(order, shares=1, collateral=1), samples.balanced(), heard_us=1)
    assert not await stores.orders.release_order(order.order_hash)
    assert (await opened(stores, order)).state is OrderState.RECORDED
    assert journey.state(intents[0]) is IntentState.ORDERED


async def test_ended_order_is_not_released(stores: Stores, journey: Journey) -> None:
    intents = await journey.decide()
    order = await journey.order(intents)
    await journey.finish(order, intents, shares=1, collateral=1)
    assert not await stores.orders.release_order(order.order_hash)
    assert journey.state(intents[0]) is IntentState.FILLED


async def test_order_is_released_once(stores: Stores, journey: Journey) -> None:
    intents = await journey.decide()
    first = await journey.order(intents)
    await stores.orders.release_order(first.order_hash)
    await journey.order(intents)
    assert not await stores.orders.release_order(first.order_hash)
    assert journey.state(intents[0]) is IntentState.ORDERED


async def test_unknown_order_is_not_released(stores: Stores) -> None:
    assert not await stores.orders.release_order(OrderHash(samples.word(404)))
