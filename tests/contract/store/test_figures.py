"""The figures of a small database whose numbers are known by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from remora.adapters.store.database import engine_for
from remora.adapters.store.figures import Figures, Progress, figures, progress
from remora.domain.ids import TxHash
from remora.domain.money import Shares
from remora.domain.order import IntentState, Leg, OrderState, SettlementStep
from remora.domain.records import LegEffect
from remora.domain.signal import Side
from remora.domain.transaction import TxState
from tests.contract.store import samples
from tests.contract.store.implementations import Stores, sqlite_stores
from tests.contract.store.journey import Journey

T = samples.NOW_US
"""When every leader trade of the samples was heard."""


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    with sqlite_stores(tmp_path) as stores:
        yield stores


def read(tmp_path: Path) -> Figures:
    """Read the figures as the report does: beside the supervisor, on a connection of its own."""
    engine = engine_for(tmp_path / "remora.db")
    with engine.connect() as connection:
        found = figures(connection)
    engine.dispose()
    return found


def waited_for(tmp_path: Path) -> Progress:
    """Read how far the work has come, as who waits for it does."""
    engine = engine_for(tmp_path / "remora.db")
    with engine.connect() as connection:
        found = progress(connection)
    engine.dispose()
    return found


async def settle_at(journey: Journey, legs: list[Leg], effects: list[LegEffect], mined_us: int) -> None:
    tx_hash = await journey.send(legs)
    await journey.stores.settlements.record_mined(tx_hash, state=TxState.MINED, effects=effects, mined_us=mined_us)


async def test_empty_database_has_no_figures(stores: Stores, tmp_path: Path) -> None:
    assert await stores.signals.cursor() is None
    found = read(tmp_path)
    assert found == Figures(
        signals=0,
        intents=Counter(),
        denials=Counter(),
        orders=0,
        fills=0,
        settled=0,
        debts_opened=0,
        debts_recovered=0,
        gas_per_leg={},
        latency_us={
            "heard_to_stored": [],
            "heard_to_sent": [],
            "sent_to_acknowledged": [],
            "acknowledged_to_filled": [],
            "filled_to_settled": [],
        },
    )
    assert waited_for(tmp_path) == Progress(signals=0, unfinished=0, owed=0)


async def test_decisions_are_counted_by_state_and_reason(stores: Stores, tmp_path: Path) -> None:
    first, second = samples.signal(1), samples.signal(2)
    intents = [samples.intent(first, policy) for policy in ("ann", "bob", "cid")]
    denials = [
        samples.denial(first, "dan"),
        samples.denial(first, "eve"),
        samples.denial(first, "fay", samples.TOO_OLD),
    ]
    await stores.signals.record_decision(first, intents, denials, stored_us=T + 300, state=IntentState.PENDING)
    paper = [samples.intent(second)]
    await stores.signals.record_decision(second, paper, [], stored_us=T + 500, state=IntentState.PAPER)
    await stores.orders.fail_intents({intents[0].intent_id: samples.NOTHING_FILLED})

    found = read(tmp_path)
    assert found.signals == 2
    assert found.intents == {"pending": 2, "failed": 1, "paper": 1}
    assert waited_for(tmp_path) == Progress(signals=2, unfinished=2, owed=0)
    assert found.denials == {"MAX_ODDS": 2, "TOO_OLD": 1}
    assert sorted(found.latency_us["heard_to_stored"]) == [300, 500]


async def test_a_trade_that_was_taken_back_is_waited_for(stores: Stores, tmp_path: Path) -> None:
    """It comes again in another block, and its copies are then to be made: the work is not over meanwhile."""
    heard = replace(samples.signal(1), block_hash=samples.word(0xB10C))
    wanted = [samples.intent(heard)]
    await stores.signals.record_decision(heard, wanted, [], stored_us=T, state=IntentState.PENDING)
    await stores.signals.withdraw([samples.word(0xB10C)])
    assert waited_for(tmp_path) == Progress(signals=0, unfinished=0, owed=0)
    assert read(tmp_path).signals == 1
    back = replace(heard, block_hash=samples.word(0xB20C))
    await stores.signals.record_decision(back, wanted, [], stored_us=T, state=IntentState.PENDING)
    assert waited_for(tmp_path) == Progress(signals=1, unfinished=1, owed=0)


async def test_copies_are_counted_and_timed(stores: Stores, tmp_path: Path) -> None:
    """Two buyers in one order: sent 1 us after it was heard, then 400, 2000 and 5000 us per stage; one cannot pay."""
    journey = Journey(stores)
    intents = await journey.decide("ann", "bob")
    order = await journey.order(intents)
    sent_us = T + 1
    await stores.orders.mark_acknowledged(order.order_hash, Shares(20), acknowledged_us=sent_us + 400)
    for number, heard_us in enumerate((sent_us + 900, sent_us + 2400)):
        fill = samples.fill(order, number, shares=10, collateral=5)
        await stores.orders.record_fill(fill, samples.balanced(f"fill:{number}"), heard_us=heard_us)
    legs = await journey.finish(order, intents, shares=10, collateral=5)
    filled_us = sent_us + 2400
    effects = [samples.settled(legs[0]), samples.unpaid(legs[1])]
    await settle_at(journey, legs, effects, filled_us + 5000)

    found = read(tmp_path)
    assert (found.orders, found.fills, found.settled) == (1, 2, 1)
    assert (found.debts_opened, found.debts_recovered) == (1, 0)
    assert found.intents == {"settled": 1, "owed": 1}
    assert waited_for(tmp_path) == Progress(signals=1, unfinished=0, owed=1)
    assert found.latency_us == {
        "heard_to_stored": [0],
        "heard_to_sent": [1],
        "sent_to_acknowledged": [400],
        "acknowledged_to_filled": [2000],  # until the last fill
        "filled_to_settled": [5000],
    }

    await settle_at(journey, legs[1:], [samples.settled(legs[1])], filled_us + 90_000)
    found = read(tmp_path)
    assert (found.settled, found.debts_opened, found.debts_recovered) == (2, 1, 1)
    assert waited_for(tmp_path).owed == 0
    assert sorted(found.latency_us["filled_to_settled"]) == [5000, 90_000]


async def test_first_acknowledgement_is_the_one_that_is_timed(stores: Stores, tmp_path: Path) -> None:
    journey = Journey(stores)
    intents = await journey.decide()
    order = await journey.order(intents)
    for acknowledged_us in (T + 11, T + 999):
        await stores.orders.mark_acknowledged(order.order_hash, Shares(1), acknowledged_us=acknowledged_us)
    await journey.finish(order, intents, shares=1, collateral=1)
    assert read(tmp_path).latency_us["sent_to_acknowledged"] == [10]


async def test_order_of_two_signals_is_timed_from_the_first(stores: Stores, tmp_path: Path) -> None:
    """Exits that were collected by one wallet for one price are sold together."""
    journey = Journey(stores)
    intents = []
    for number, heard_us in ((1, T - 70), (2, T - 10)):
        heard = replace(samples.signal(number), heard_us=heard_us)
        intents.append(samples.intent(heard))
        await stores.signals.record_decision(heard, intents[-1:], [], stored_us=T, state=IntentState.PENDING)
    await journey.order(intents)
    assert read(tmp_path).latency_us["heard_to_sent"] == [71]  # sent at T + 1


async def test_order_is_timed_until_its_latest_posting(stores: Stores, tmp_path: Path) -> None:
    journey = Journey(stores)
    intents = await journey.decide()
    order = await journey.order(intents)
    await stores.orders.mark_sending(order.order_hash, sent_us=T + 600)
    await journey.finish(order, intents, shares=1, collateral=1)
    await stores.orders.mark_sending(order.order_hash, sent_us=T + 900)
    assert read(tmp_path).latency_us["heard_to_sent"] == [600]


async def test_rejected_orders_have_no_fill_times(stores: Stores, tmp_path: Path) -> None:
    journey = Journey(stores)
    (intent,) = await journey.decide()
    order = await journey.order([intent])
    await stores.orders.mark_acknowledged(order.order_hash, Shares(0), acknowledged_us=T + 11)
    await stores.orders.finish_order(
        order.order_hash,
        state=OrderState.REJECTED,
        allocations=[],
        failures={intent.intent_id: samples.NOTHING_FILLED},
        legs=[],
        postings=[],
    )
    found = read(tmp_path)
    assert (found.orders, found.fills) == (1, 0)
    assert found.latency_us["heard_to_sent"] == [1]
    assert found.latency_us["sent_to_acknowledged"] == []
    assert found.latency_us["acknowledged_to_filled"] == []


async def test_collecting_is_no_settlement(stores: Stores, tmp_path: Path) -> None:
    journey = Journey(stores)
    intents = await journey.decide(side=Side.SELL)
    await journey.collect(intents)
    assert read(tmp_path).settled == 0

    order = await journey.order(intents)
    fill = samples.fill(order, shares=10, collateral=5)
    await stores.orders.record_fill(fill, samples.balanced(), heard_us=T + 1000)
    legs = await journey.finish(order, intents, shares=10, collateral=5)
    assert [leg.step for leg in legs] == [SettlementStep.REMIT]
    await settle_at(journey, legs, [samples.settled(leg) for leg in legs], T + 1700)
    found = read(tmp_path)
    assert found.settled == 1
    assert found.latency_us["filled_to_settled"] == [700], "the collection came before the fill and is no part of it"


async def test_gas_per_leg_is_that_of_every_attempt_over_the_legs_that_settled(stores: Stores, tmp_path: Path) -> None:
    journey, store = Journey(stores), stores.settlements
    legs = await journey.fill(await journey.decide("ann", "bob", "cid"))
    settling = [(legs, [samples.settled(legs[0])], 100), (legs[1:], [samples.settled(leg) for leg in legs[1:]], 51)]
    for nonce, (sent, effects, gas_used) in enumerate(settling):
        tx_hash = TxHash(samples.word(nonce))
        await store.record_transaction(samples.transaction(nonce), tx_hash, purpose="deliver", legs=sent, sent_us=T)
        await store.record_mined(tx_hash, state=TxState.MINED, effects=effects, mined_us=T, gas_used=gas_used)
    assert read(tmp_path).gas_per_leg == {"deliver": 51}  # 151 for three, rounded up
