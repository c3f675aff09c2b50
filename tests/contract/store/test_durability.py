"""What was stored is there after a restart, unchanged, however wide its numbers are."""

from __future__ import annotations

import asyncio

import pytest

from remora.domain.errors import InvariantBroken
from remora.domain.ids import TokenId
from remora.domain.money import Shares
from remora.domain.order import IntentState
from remora.domain.signal import Side
from tests.contract.store import samples
from tests.contract.store.implementations import OpenStores, Stores
from tests.contract.store.journey import Journey, owed


async def snapshot(stores: Stores) -> dict[str, object]:
    """Everything that a restart reads."""
    orders, settlements = stores.orders, stores.settlements
    return {
        "cursor": await stores.signals.cursor(),
        "lots": await stores.signals.lots(samples.TOKEN),
        "pending": await orders.pending_intents(),
        "collected": await orders.collected(),
        "open": await orders.open_orders(),
        "filled": [await orders.filled(order.order_hash) for order in await orders.open_orders()],
        "legs": await settlements.pending_legs(),
        "unsettled": await settlements.unsettled(),
        "owed": await settlements.owed_proceeds(),
        "unmined": await settlements.unmined(),
        "debts": await stores.debts.open_debts(),
        "due": await owed(stores),
        "nonces": await settlements.reservations(samples.OPERATOR),
        "books": await settlements.ledger_balances(),
        "audit": stores.audit(),
    }


async def busy_day(journey: Journey) -> None:
    """Leave something in every state."""
    await journey.stores.signals.save_cursor(77)
    await journey.decide()
    await journey.collecting(await journey.decide(side=Side.SELL, size=3))
    await journey.collect(await journey.decide(side=Side.SELL, size=4))
    order = await journey.order(await journey.decide("ann", "bob"))
    await journey.stores.orders.mark_acknowledged(order.order_hash, Shares(9), acknowledged_us=1)
    fill = samples.fill(order, shares=7, collateral=3, fee=1)
    await journey.stores.orders.record_fill(fill, samples.balanced("fill"), heard_us=1)
    await journey.fill(await journey.decide())
    await journey.send(await journey.fill(await journey.decide()))
    delivered = await journey.fill(await journey.decide())
    await journey.mine(delivered, [samples.settled(leg) for leg in delivered])
    owed = await journey.fill(await journey.decide())
    await journey.mine(owed, [samples.unpaid(leg) for leg in owed])
    sold = await journey.decide(side=Side.SELL, size=5)
    await journey.collect(sold)
    await journey.fill(sold, shares=5, collateral=2)
    (late,) = await journey.decide()
    await journey.stores.orders.fail_intents({late.intent_id: samples.NOTHING_FILLED})


async def test_restart_reads_what_was_stored(open_stores: OpenStores) -> None:
    with open_stores() as stores:
        await busy_day(Journey(stores))
        before = await snapshot(stores)
    with open_stores() as stores:
        after = await snapshot(stores)
    assert after == before
    assert [part for part, value in before.items() if not value] == [], "every part must have something to lose"


async def test_restart_changes_no_rule(open_stores: OpenStores) -> None:
    with open_stores() as stores:
        (intent,) = await Journey(stores).decide()
        order = await Journey(stores).order([intent])
        await stores.signals.save_cursor(9)
    with open_stores() as stores:
        await stores.signals.save_cursor(8)
        assert await stores.signals.cursor() == 9
        with pytest.raises(InvariantBroken):
            await stores.orders.record_order(order, samples.block([intent]), neg_risk=False, sent_us=1)


@pytest.mark.parametrize("number", [0, 2**63 - 1, 2**63, 2**64, 2**255 + 1, 2**256 - 1])
async def test_token_ids_keep_all_their_bits(stores: Stores, number: int) -> None:
    token = TokenId(number)
    heard = samples.signal(token_id=token)
    await stores.signals.record_decision(heard, [samples.intent(heard)], [], stored_us=1, state=IntentState.PENDING)
    assert [intent.token_id for intent in await stores.orders.pending_intents()] == [token]


async def test_neighbouring_token_ids_are_different_tokens(stores: Stores) -> None:
    """As floats, or cut to 64 bits, they would be the same."""
    journey = Journey(stores)
    legs = await journey.fill(await journey.decide())
    await journey.mine(legs, [samples.settled(leg) for leg in legs])
    assert await stores.signals.lots(TokenId(samples.TOKEN - 1)) == {}
    assert await stores.signals.lots(samples.TOKEN) != {}


async def test_wei_and_calldata_keep_all_their_bits(stores: Stores) -> None:
    await Journey(stores).send([], nonce=3)
    assert [sent.transaction for sent in await stores.settlements.unmined()] == [samples.transaction(3)]
    assert samples.transaction(3).call.value.units.bit_length() == 256


async def test_writes_at_once_all_arrive(stores: Stores) -> None:
    journey = Journey(stores)
    await asyncio.gather(*(journey.decide() for _ in range(200)))
    assert len(await stores.orders.pending_intents()) == 200


async def test_same_signal_at_once_is_decided_once(stores: Stores) -> None:
    heard = samples.signal()
    answers = await asyncio.gather(
        *(
            stores.signals.record_decision(heard, [samples.intent(heard)], [], stored_us=1, state=IntentState.PENDING)
            for _ in range(20)
        )
    )
    assert sorted(answers) == [False] * 19 + [True]
