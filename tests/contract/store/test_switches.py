"""Switches are kept until they end or are lifted; protections remember from where they count."""

from __future__ import annotations

from dataclasses import replace

from remora.domain.money import Collateral
from remora.domain.reasons import Reason, because
from remora.domain.signal import Side
from remora.domain.switches import Halt, Scope, Switch
from remora.domain.usage import Baseline, Subject
from tests.contract.store.implementations import OpenStores, Stores
from tests.contract.store.journey import Journey

ANN: Subject = (Scope.POLICY, "ann")
LOST = because(Reason.STOP_LOSS, whom="policy ann", loss="101", limit="100", unpriced=1)
BY_HAND = Switch(scope=Scope.SERVICE, subject="", halt=Halt.STOP, because=None, set_us=5)
TRIPPED = Switch(scope=Scope.POLICY, subject="ann", halt=Halt.PANIC, because=LOST, set_us=6)
PAUSED = Switch(scope=Scope.POLICY, subject="ann", halt=Halt.PAUSE, because=None, set_us=7, until_us=90)


async def test_switches_survive_a_restart(open_stores: OpenStores) -> None:
    with open_stores() as stores:
        for each in (TRIPPED, BY_HAND, PAUSED):
            await stores.switches.set_switch(each)
    with open_stores() as stores:
        assert await stores.switches.switches(10) == [BY_HAND, TRIPPED, PAUSED]


async def test_a_switch_ends_by_itself(stores: Stores) -> None:
    await stores.switches.set_switch(PAUSED)
    assert await stores.switches.switches(89) == [PAUSED]
    assert await stores.switches.switches(90) == []


async def test_a_switch_replaces_the_same_halt_only(stores: Stores) -> None:
    await stores.switches.set_switch(PAUSED)
    await stores.switches.set_switch(TRIPPED)
    longer = replace(PAUSED, until_us=None, set_us=8)
    await stores.switches.set_switch(longer)
    assert await stores.switches.switches(10) == [TRIPPED, longer]


async def test_lifting_takes_all_of_one_subject(stores: Stores) -> None:
    for each in (TRIPPED, BY_HAND, PAUSED):
        await stores.switches.set_switch(each)
    assert await stores.switches.lift(ANN) == 2
    assert await stores.switches.lift(ANN) == 0
    assert await stores.switches.switches(10) == [BY_HAND]


async def test_what_trips_remembers_from_where_it_counts(open_stores: OpenStores) -> None:
    at = Baseline(result=Collateral(-101_000_000), since_us=6)
    with open_stores() as stores:
        await stores.switches.trip(TRIPPED, at)
        await stores.switches.save_baseline(ANN, Reason.DAILY_LOSS, Baseline(result=Collateral(1), since_us=2))
        await stores.switches.save_baseline(ANN, Reason.DAILY_LOSS, Baseline(result=Collateral(3), since_us=4))
    with open_stores() as stores:
        assert await stores.switches.switches(10) == [TRIPPED]
        assert await stores.switches.baselines() == {
            (ANN, Reason.STOP_LOSS): at,
            (ANN, Reason.DAILY_LOSS): Baseline(result=Collateral(3), since_us=4),
        }


async def test_a_row_of_losses_ends_when_it_trips(journey: Journey) -> None:
    store = journey.stores.switches
    bought = await journey.fill(await journey.decide())
    assert bought
    exits = await journey.decide(side=Side.SELL, size=20_000_000)
    await journey.collect(exits)
    await journey.fill(exits, shares=20_000_000, collateral=1_000_000)
    assert (await store.results())[ANN].losses_in_row == 1
    why = because(Reason.LOSSES_IN_ROW, whom="policy ann", losses=1, limit=1, cool_down_s=60)
    await store.trip(replace(PAUSED, because=why), None)
    results = await store.results()
    assert (results[ANN].losses_in_row, results[ANN].realised.units) == (0, -8_000_000)
    assert results[Scope.SERVICE, ""].losses_in_row == 1  # the service has a row of its own
    assert await store.baselines() == {}
