"""LeaderStore: whom remora listens to, and what they did."""

from __future__ import annotations

from dataclasses import replace

import pytest

from remora.domain.errors import Malformed
from remora.domain.order import IntentState
from remora.domain.parties import Leader
from remora.domain.signal import Role, Side, Signal, SignalKind
from tests.contract.store.implementations import Stores
from tests.contract.store.samples import NOW_US, signal, wallet

ANN = Leader(wallet=wallet(1), label="ann")
BOB = Leader(wallet=wallet(2), label="bob")


async def test_leaders_are_kept_in_the_order_in_which_they_came(stores: Stores) -> None:
    assert await stores.leaders.leaders() == []
    assert await stores.leaders.add_leader(BOB, added_us=1)
    assert await stores.leaders.add_leader(ANN, added_us=2)
    assert await stores.leaders.leaders() == [BOB, ANN]


async def test_a_wallet_is_one_leader(stores: Stores) -> None:
    await stores.leaders.add_leader(ANN, added_us=1)
    assert not await stores.leaders.add_leader(replace(ANN, label="other"), added_us=2)
    assert await stores.leaders.leaders() == [ANN]


async def test_a_label_names_one_leader(stores: Stores) -> None:
    await stores.leaders.add_leader(ANN, added_us=1)
    with pytest.raises(Malformed, match=f"found 'ann': it is {ANN.wallet}'s"):
        await stores.leaders.add_leader(replace(BOB, label="ann"), added_us=2)


async def test_a_leader_is_removed(stores: Stores) -> None:
    await stores.leaders.add_leader(ANN, added_us=1)
    assert await stores.leaders.remove_leader(ANN.wallet)
    assert await stores.leaders.leaders() == []


async def test_nobody_is_not_removed(stores: Stores) -> None:
    assert not await stores.leaders.remove_leader(ANN.wallet)


async def test_who_was_heard_is_told(stores: Stores) -> None:
    await stores.leaders.add_leader(BOB, added_us=1)
    assert await stores.leaders.heard_leaders() == frozenset()
    for each in (1, 2):
        await heard(stores, replace(signal(each), leader=ANN.wallet))
    assert await stores.leaders.heard_leaders() == {ANN.wallet}


async def test_stats_sum_what_each_leader_did(stores: Stores) -> None:
    bought = replace(signal(1), leader=ANN.wallet, role=Role.MAKER, block_us=NOW_US, heard_us=NOW_US + 5)
    sold = replace(signal(2, side=Side.SELL), leader=ANN.wallet, role=Role.TAKER, block_us=NOW_US, heard_us=NOW_US + 9)
    for each in (bought, sold, replace(signal(3), leader=BOB.wallet)):
        await heard(stores, each)
    ann, bob = sorted(await stores.leaders.leader_stats(), key=lambda each: each.wallet != ANN.wallet)
    assert (ann.wallet, ann.buys, ann.sells, ann.as_maker, ann.as_taker) == (ANN.wallet, 1, 1, 1, 1)
    assert ann.collateral == bought.collateral + sold.collateral
    assert sorted(late for samples in ann.late_us.values() for late in samples) == [5, 9]
    assert (bob.buys, bob.sells) == (1, 0)


async def test_stats_count_exits_of_other_kinds_apart(stores: Stores) -> None:
    kinds = (SignalKind.TRADE, SignalKind.MERGE, SignalKind.MERGE, SignalKind.TRANSFER)
    for number, kind in enumerate(kinds, start=1):
        await heard(stores, replace(signal(number, side=Side.SELL), leader=ANN.wallet, kind=kind))
    (ann,) = await stores.leaders.leader_stats()
    assert (ann.buys, ann.sells, ann.as_maker, ann.as_taker) == (0, 1, 0, 1)
    assert ann.exits == {SignalKind.MERGE: 2, SignalKind.TRANSFER: 1}


async def heard(stores: Stores, each: Signal) -> None:
    await stores.signals.record_decision(each, [], [], stored_us=NOW_US, state=IntentState.PENDING)
