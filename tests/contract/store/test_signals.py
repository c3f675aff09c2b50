"""SignalStore: the cursor, and a signal with all its decisions or nothing of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from remora.domain.errors import RemoraError
from remora.domain.ids import SignalId, TxHash
from remora.domain.order import IntentState
from remora.domain.signal import Signal
from tests.contract.store.implementations import Stores
from tests.contract.store.samples import NOW_US, TOO_ODD, denial, intent, signal, word


async def test_cursor_is_none_before_the_first_block(stores: Stores) -> None:
    assert await stores.signals.cursor() is None


@pytest.mark.parametrize(
    ("saved", "cursor"),
    [([5], 5), ([5, 6], 6), ([5, 4], 5), ([5, 5], 5), ([5, 9, 7, 8], 9), ([0], 0)],
)
async def test_cursor_never_goes_back(stores: Stores, saved: list[int], cursor: int) -> None:
    for block_number in saved:
        await stores.signals.save_cursor(block_number)
    assert await stores.signals.cursor() == cursor


async def test_decision_is_stored_whole(stores: Stores) -> None:
    heard = signal()
    wanted = [intent(heard, "ann"), intent(heard, "cid")]
    new = await stores.signals.record_decision(
        heard, wanted, [denial(heard, "bob")], stored_us=NOW_US, state=IntentState.PENDING
    )
    assert new
    audit = stores.audit()
    assert audit.intents == {each.intent_id: (IntentState.PENDING, None) for each in wanted}
    assert audit.denials == {"bob": TOO_ODD}
    assert audit.denials["bob"].sentence() == "MAX_ODDS: price 0.92 is above the policy's 0.85"
    assert sorted(await stores.orders.pending_intents(), key=lambda each: each.policy_id) == wanted


async def test_decision_without_intents_or_denials_is_remembered(stores: Stores) -> None:
    assert await stores.signals.record_decision(signal(), [], [], stored_us=NOW_US, state=IntentState.PENDING)
    assert not await stores.signals.record_decision(signal(), [], [], stored_us=NOW_US, state=IntentState.PENDING)


async def test_paper_intents_are_not_pending(stores: Stores) -> None:
    heard = signal()
    await stores.signals.record_decision(heard, [intent(heard)], [], stored_us=NOW_US, state=IntentState.PAPER)
    assert await stores.orders.pending_intents() == []
    assert stores.audit().intents[intent(heard).intent_id] == (IntentState.PAPER, None)


@pytest.mark.parametrize(
    "again",
    [
        signal(),
        replace(signal(), heard_us=NOW_US + 1, block_number=99, log_index=7),
        replace(signal(), signal_id=SignalId(word(42))),
    ],
    ids=["same signal", "same signal from another source", "same leader fill under another id"],
)
async def test_signal_is_decided_once(stores: Stores, again: Signal) -> None:
    heard = signal()
    await stores.signals.record_decision(heard, [intent(heard)], [], stored_us=NOW_US, state=IntentState.PENDING)
    assert not await stores.signals.record_decision(again, [], [], stored_us=NOW_US, state=IntentState.PENDING)


async def test_repeated_signal_changes_no_decision(stores: Stores) -> None:
    heard = signal()
    await stores.signals.record_decision(heard, [intent(heard)], [], stored_us=NOW_US, state=IntentState.PENDING)
    before = stores.audit()
    others = [intent(heard, "dan")], [denial(heard, "eve")]
    assert not await stores.signals.record_decision(heard, *others, stored_us=NOW_US, state=IntentState.PENDING)
    assert stores.audit() == before


async def test_one_order_in_two_transactions_is_two_signals(stores: Stores) -> None:
    first = signal()
    second = replace(first, signal_id=SignalId(word(43)), tx_hash=TxHash(word(43)))
    assert await stores.signals.record_decision(first, [], [], stored_us=NOW_US, state=IntentState.PENDING)
    assert await stores.signals.record_decision(second, [], [], stored_us=NOW_US, state=IntentState.PENDING)


async def test_one_failing_intent_leaves_nothing_of_the_decision(stores: Stores) -> None:
    heard = signal()
    twice = [intent(heard, "ann"), intent(heard, "ann")]
    with pytest.raises(RemoraError):
        await stores.signals.record_decision(heard, twice, [denial(heard)], stored_us=NOW_US, state=IntentState.PENDING)
    assert stores.audit().intents == {}
    assert stores.audit().denials == {}
    assert await stores.signals.record_decision(
        heard, [intent(heard)], [], stored_us=NOW_US, state=IntentState.PENDING
    ), "the signal itself must not have stayed behind"


async def test_one_failing_denial_leaves_nothing_of_the_decision(stores: Stores) -> None:
    heard = signal()
    twice = [denial(heard, "bob"), denial(heard, "bob")]
    with pytest.raises(RemoraError):
        await stores.signals.record_decision(heard, [intent(heard)], twice, stored_us=NOW_US, state=IntentState.PENDING)
    assert stores.audit().intents == {}
    assert await stores.orders.pending_intents() == []


async def test_intent_of_another_signal_is_refused(stores: Stores) -> None:
    heard, other = signal(1), signal(2)
    with pytest.raises(RemoraError):
        await stores.signals.record_decision(heard, [intent(other)], [], stored_us=NOW_US, state=IntentState.PENDING)
    assert stores.audit().intents == {}
