"""Signals and fills that leave the chain, come back, or were heard of before they were in it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from remora.domain import ledger
from remora.domain.errors import InvariantBroken
from remora.domain.history import TradeKey
from remora.domain.ids import (
    ZERO_ADDRESS,
    Address,
    IntentId,
    OrderHash,
    TokenId,
    TxHash,
    pending_signal_id,
    polled_signal_id,
)
from remora.domain.ledger import Posting, transfer
from remora.domain.money import ZERO_COLLATERAL, ZERO_SHARES, Shares
from remora.domain.order import Intent, IntentState
from remora.domain.records import BookedFill, Filled, Reversal
from remora.domain.signal import Fill, Side, Signal, SignalKind, SignalState, Source
from tests.contract.store.implementations import Stores
from tests.contract.store.journey import Journey
from tests.contract.store.samples import NOW_US, block, denial, intent, order, signal, word
from tests.contract.store.samples import fill as fill_of

HERE, THERE = word(0xB10C), word(0xB20C)


def mined(block_hash: str = HERE, *, number: int = 1, **changes: object) -> Signal:
    return replace(signal(number), block_hash=block_hash, **changes)  # type: ignore[arg-type]  # whatever fields are given


def pending(number: int = 1) -> Signal:
    heard = signal(number)
    return replace(
        heard,
        signal_id=pending_signal_id(heard.chain_id, heard.exchange, heard.order_hash, heard.tx_hash),
        block_number=None,
        log_index=None,
        block_us=None,
        source=Source.MEMPOOL,
    )


def polled() -> Signal:
    heard = signal(1)
    name = polled_signal_id(heard.chain_id, heard.leader, heard.token_id, heard.side, heard.tx_hash)
    return replace(
        pending(),
        signal_id=name,
        exchange=ZERO_ADDRESS,
        order_hash=OrderHash(name),
        block_us=NOW_US,
        source=Source.POLLING,
    )


def key_of(heard: Signal) -> TradeKey:
    return TradeKey(leader=heard.leader, tx_hash=heard.tx_hash, token_id=heard.token_id, side=heard.side)


async def decide(stores: Stores, heard: Signal, *policies: str) -> bool:
    wanted = [intent(heard, policy) for policy in policies]
    return await stores.signals.record_decision(heard, wanted, [], stored_us=NOW_US, state=IntentState.PENDING)


async def send(stores: Stores, wanted: Intent) -> None:
    of = block([wanted])
    await stores.orders.record_order(order(1, of), of, neg_risk=False, sent_us=NOW_US)


def states(stores: Stores) -> dict[IntentId, IntentState]:
    return {intent_id: state for intent_id, (state, _) in stores.audit().intents.items()}


async def test_what_was_not_sent_is_withdrawn_and_cannot_be_sent(stores: Stores) -> None:
    heard = mined()
    await decide(stores, heard, "ann", "bob")
    (lost,) = await stores.signals.withdraw([HERE])
    assert (lost.signal_id, lost.state, lost.sent) == (heard.signal_id, SignalState.WITHDRAWN, 0)
    assert set(states(stores).values()) == {IntentState.WITHDRAWN}
    assert await stores.orders.pending_intents() == []
    with pytest.raises(InvariantBroken, match="is not pending or collected"):
        await send(stores, intent(heard, "ann"))  # the executor may have it in hand
    assert await stores.orders.open_orders() == []


async def test_what_was_sent_is_shown_and_the_rest_withdrawn(stores: Stores) -> None:
    heard = mined()
    await decide(stores, heard, "ann", "bob")
    await send(stores, intent(heard, "ann"))
    (lost,) = await stores.signals.withdraw([HERE])
    assert (lost.state, lost.sent) == (SignalState.REORGED, 1)
    assert states(stores) == {
        intent(heard, "ann").intent_id: IntentState.ORDERED,
        intent(heard, "bob").intent_id: IntentState.WITHDRAWN,
    }


async def test_only_orphaned_blocks_are_withdrawn_and_once(stores: Stores) -> None:
    await decide(stores, mined(), "ann")
    await decide(stores, mined(THERE, number=2), "ann")
    assert len(await stores.signals.withdraw([HERE])) == 1
    assert await stores.signals.withdraw([HERE]) == []
    assert await stores.signals.withdraw([]) == []


async def test_a_withdrawn_signal_that_comes_back_is_decided_anew_once(stores: Stores) -> None:
    heard, again = mined(), mined(THERE, block_number=77)
    await stores.signals.record_decision(
        heard, [intent(heard, "ann"), intent(heard, "bob")], [], stored_us=NOW_US, state=IntentState.PENDING
    )
    await stores.signals.withdraw([HERE])
    assert not await stores.signals.confirm(again)
    assert await stores.signals.record_decision(
        again, [intent(again, "ann")], [denial(again, "bob")], stored_us=NOW_US, state=IntentState.PENDING
    )
    assert states(stores) == {intent(heard, "ann").intent_id: IntentState.PENDING}
    assert set(stores.audit().denials) == {"bob"}
    assert not await decide(stores, again, "ann")
    (known,) = await stores.signals.known_signals(0)
    assert (known.state, known.block_number, known.block_hash) == (SignalState.MINED, 77, THERE)


async def test_a_reorged_signal_that_comes_back_is_not_decided_again(stores: Stores) -> None:
    heard = mined()
    await decide(stores, heard, "ann")
    await send(stores, intent(heard, "ann"))
    await stores.signals.withdraw([HERE])
    assert not await decide(stores, mined(THERE), "ann")
    (known,) = await stores.signals.known_signals(0)
    assert (known.state, known.block_hash) == (SignalState.MINED, THERE)
    assert await stores.signals.withdraw([HERE]) == []


@pytest.mark.parametrize("from_mempool", [False, True])
async def test_what_was_withdrawn_beside_what_was_sent_may_be_sent_when_the_signal_comes_back(
    stores: Stores, *, from_mempool: bool
) -> None:
    heard = pending() if from_mempool else mined()
    await decide(stores, heard, "ann", "bob")
    await send(stores, intent(heard, "ann"))
    await (stores.signals.mark_vanished(heard.signal_id) if from_mempool else stores.signals.withdraw([HERE]))
    assert await stores.orders.pending_intents() == []
    assert await stores.signals.confirm(mined(THERE))
    (left,) = await stores.orders.pending_intents()
    assert left == intent(heard, "bob")
    assert states(stores)[intent(heard, "ann").intent_id] is IntentState.ORDERED


async def test_a_pending_signal_is_the_mined_one_of_the_same_order_whatever_its_transaction(stores: Stores) -> None:
    heard = pending()
    assert await decide(stores, heard, "ann")
    replacing = mined(tx_hash=TxHash(word(5)))
    assert await stores.signals.confirm(replacing)
    assert not await decide(stores, replacing, "ann")
    (known,) = await stores.signals.known_signals(0)
    assert (known.signal_id, known.tx_hash, known.state) == (heard.signal_id, replacing.tx_hash, SignalState.MINED)
    assert await decide(stores, mined(), "ann")  # the first was mined after all: an order can fill twice
    assert len(await stores.signals.known_signals(0)) == 2


async def test_a_pending_signal_of_what_is_known_changes_nothing(stores: Stores) -> None:
    await decide(stores, mined(), "ann")
    assert not await decide(stores, pending(), "ann")
    (known,) = await stores.signals.known_signals(0)
    assert known.state is SignalState.MINED


async def test_a_vanished_signal_withdraws_what_was_not_sent(stores: Stores) -> None:
    heard = pending()
    await decide(stores, heard, "ann", "bob")
    await send(stores, intent(heard, "ann"))
    lost = await stores.signals.mark_vanished(heard.signal_id)
    assert lost is not None
    assert (lost.state, lost.sent) == (SignalState.VANISHED, 1)
    assert await stores.signals.mark_vanished(heard.signal_id) is None
    assert await stores.signals.confirm(mined())  # something was sent: it is never decided again


async def test_a_polled_signal_is_the_mined_one_of_every_order_of_its_trade(stores: Stores) -> None:
    heard = polled()
    assert await decide(stores, heard, "ann")
    for order_hash in (OrderHash(word(1)), OrderHash(word(2))):
        assert await stores.signals.confirm(mined(order_hash=order_hash, shares=Shares(5_000_000)))
        assert not await decide(stores, mined(order_hash=order_hash, shares=Shares(5_000_000)), "ann")
    (known,) = await stores.signals.known_signals(0)
    assert (known.signal_id, known.state, known.block_hash) == (heard.signal_id, SignalState.MINED, HERE)
    assert len(states(stores)) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"tx_hash": TxHash(word(5))},
        {"leader": Address("0x" + 40 * "9")},
        {"token_id": TokenId(7)},
        {"side": Side.SELL},
    ],
    ids=lambda other: next(iter(other)),
)
async def test_a_polled_signal_is_no_other_trade(stores: Stores, other: dict[str, object]) -> None:
    assert await decide(stores, polled(), "ann")
    another = replace(mined(), **other)  # type: ignore[arg-type]  # one field, of its own type
    assert not await stores.signals.confirm(another)
    assert await decide(stores, another, "ann")
    assert await stores.signals.mined_trades([key_of(polled()), key_of(another)]) == {key_of(another)}


async def test_a_polled_sale_is_not_what_else_took_the_shares_in_its_transaction(stores: Stores) -> None:
    sale = replace(polled(), side=Side.SELL)
    name = polled_signal_id(sale.chain_id, sale.leader, sale.token_id, sale.side, sale.tx_hash)
    sale = replace(sale, signal_id=name, order_hash=OrderHash(name))
    gift = mined(side=Side.SELL, kind=SignalKind.TRANSFER)
    assert await decide(stores, gift, "ann")
    assert await decide(stores, sale, "ann")
    assert await stores.signals.mined_trades([key_of(sale)]) == frozenset()
    assert not await decide(stores, gift, "ann")
    known = {each.signal_id: each.state for each in await stores.signals.known_signals(0)}
    assert known == {gift.signal_id: SignalState.MINED, sale.signal_id: SignalState.PENDING}


async def test_what_is_held_before_is_that_of_the_block_which_has_the_exit(stores: Stores) -> None:
    await decide(stores, mined(side=Side.SELL, held_before=Shares(40_000_000)), "ann")
    assert list(stores.audit().held_before.values()) == [40_000_000]
    await stores.signals.withdraw([HERE])
    assert await decide(stores, mined(THERE, side=Side.SELL, held_before=Shares(30_000_000)), "ann")
    assert list(stores.audit().held_before.values()) == [30_000_000]
    assert await stores.signals.confirm(mined(THERE, side=Side.SELL))
    assert list(stores.audit().held_before.values()) == [30_000_000]


@pytest.mark.parametrize("pending_first", [False, True])
async def test_a_polled_signal_of_what_any_source_told_changes_nothing(stores: Stores, *, pending_first: bool) -> None:
    await decide(stores, pending() if pending_first else mined(order_hash=OrderHash(word(9))), "ann")
    assert not await decide(stores, polled(), "ann")
    assert len(await stores.signals.known_signals(0)) == 1


@pytest.mark.parametrize(("earlier_s", "is_new"), [(0, False), (599, False), (601, True)])
async def test_a_polled_signal_may_be_of_a_pending_order_that_another_transaction_fills(
    stores: Stores,
    earlier_s: int,
    is_new: bool,
) -> None:
    replaced = replace(pending(2), heard_us=NOW_US - earlier_s * 1_000_000)
    await decide(stores, replaced, "ann")
    assert await decide(stores, polled(), "ann") is is_new


async def test_a_polled_signal_that_was_taken_back_unsent_stands_for_no_order(stores: Stores) -> None:
    await decide(stores, polled(), "ann")
    await stores.signals.confirm(mined())
    await stores.signals.withdraw([HERE])
    assert not await decide(stores, polled(), "ann")
    for order_hash in (OrderHash(word(1)), OrderHash(word(2))):
        again = mined(THERE, order_hash=order_hash, signal_id=order_hash)
        assert not await stores.signals.confirm(again)
        assert await decide(stores, again, "ann")
    assert sorted(states(stores).values()) == [IntentState.PENDING, IntentState.PENDING, IntentState.WITHDRAWN]


async def test_a_polled_signal_that_was_taken_back_after_something_was_sent_stands(stores: Stores) -> None:
    heard = polled()
    await decide(stores, heard, "ann")
    await send(stores, intent(heard, "ann"))
    await stores.signals.confirm(mined())
    await stores.signals.withdraw([HERE])
    assert await stores.signals.confirm(mined(THERE))
    assert not await decide(stores, mined(THERE), "ann")


async def test_known_signals_are_those_of_late_blocks_and_of_none(stores: Stores) -> None:
    await decide(stores, mined(number=1, block_number=10), "ann")
    await decide(stores, mined(number=2, block_number=20), "ann")
    await decide(stores, pending(3), "ann")
    assert {each.block_number for each in await stores.signals.known_signals(20)} == {20, None}


async def test_what_has_been_pending_since_before_a_time_is_found(stores: Stores) -> None:
    early, late, told = pending(1), replace(pending(2), heard_us=NOW_US + 10), mined(number=3)
    for each in (early, late, told):
        await stores.signals.record_decision(each, [], [], stored_us=NOW_US, state=IntentState.PENDING)
    assert [each.signal_id for each in await stores.signals.pending_signals(NOW_US + 10)] == [early.signal_id]
    await stores.signals.mark_vanished(early.signal_id)
    assert await stores.signals.pending_signals(NOW_US + 10) == []


async def booked(stores: Stores, journey: Journey) -> Fill:
    """Book a fill of an order that is open."""
    order_ = await journey.order(await journey.decide("ann"))
    fill = fill_of(order_, shares=20, collateral=9)
    await stores.orders.record_fill(fill, bought(fill), heard_us=NOW_US)
    return fill


def bought(fill: Fill) -> Posting:
    moves = transfer(ledger.VENUE, ledger.operator_account(fill.wallet), str(fill.token_id), fill.shares.units)
    return Posting(posting_id=ledger.fill_id(fill.order_hash, fill.tx_hash), entries=moves)


async def take_back(stores: Stores, fill: Fill) -> Reversal:
    assert fill.tx_hash is not None
    return await stores.orders.reverse_fill(fill.order_hash, fill.tx_hash)


async def test_a_fill_is_found_by_the_block_it_was_heard_in_until_it_is_final(stores: Stores, journey: Journey) -> None:
    fill = await booked(stores, journey)
    assert fill.tx_hash is not None
    known = BookedFill(order_hash=fill.order_hash, tx_hash=fill.tx_hash, block_number=78)
    assert await stores.orders.fills_not_final(77) == []
    assert await stores.orders.fills_not_final(78) == await stores.orders.fills_not_final(99) == [known]
    await stores.orders.mark_final([])
    await stores.orders.mark_final([replace(known, tx_hash=TxHash("0x" + 64 * "9"))])
    assert await stores.orders.fills_not_final(99) == [known]
    await stores.orders.mark_final([known])
    assert await stores.orders.fills_not_final(99) == []
    assert await take_back(stores, fill) is Reversal.OPEN
    await stores.orders.record_fill(fill, bought(fill), heard_us=NOW_US)
    assert await stores.orders.fills_not_final(99) == [known], "heard anew, it may be taken back anew"


async def test_a_fill_is_reversed_once_and_booked_again_as_often_as_it_comes_back(
    stores: Stores, journey: Journey
) -> None:
    fill = await booked(stores, journey)
    before = await stores.settlements.ledger_balances()
    for _ in range(3):
        assert await take_back(stores, fill) is Reversal.OPEN
        assert await take_back(stores, fill) is Reversal.UNKNOWN
        assert await stores.settlements.ledger_balances() == {}
        assert await stores.orders.filled(fill.order_hash) == Filled(
            shares=ZERO_SHARES, collateral=ZERO_COLLATERAL, fee=ZERO_COLLATERAL
        )
        assert await stores.orders.record_fill(fill, bought(fill), heard_us=NOW_US)
        assert await stores.settlements.ledger_balances() == before


async def test_nothing_is_reversed_while_a_leg_is_under_way(stores: Stores, journey: Journey) -> None:
    intents = await journey.decide("ann")
    order_ = await journey.order(intents)
    fill = fill_of(order_, shares=20, collateral=9)
    await stores.orders.record_fill(fill, bought(fill), heard_us=NOW_US)
    legs = await journey.finish(order_, intents, shares=20, collateral=9)
    before = await stores.settlements.ledger_balances()
    assert await take_back(stores, fill) is Reversal.UNDER_WAY
    await journey.send(legs)
    assert await take_back(stores, fill) is Reversal.UNDER_WAY
    assert await stores.settlements.ledger_balances() == before
    assert not await stores.orders.record_fill(fill, bought(fill), heard_us=NOW_US)
