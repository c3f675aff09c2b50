"""What is taken of what followers can pay: promised until it is settled, and until the balance is sure to lack it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from remora.domain.money import Collateral
from remora.domain.order import IntentState
from remora.domain.signal import Side
from tests.contract.store import samples
from tests.contract.store.journey import Journey, taken

ANN, BOB = samples.follower("ann"), samples.follower("bob")
SETTLED_US = samples.NOW_US + 3
"""When a journey's legs are settled."""


async def decided(journey: Journey) -> None:
    await journey.decide()


async def ordered(journey: Journey) -> None:
    await journey.order(await journey.decide())


async def filled(journey: Journey) -> None:
    await journey.fill(await journey.decide())


async def delivered(journey: Journey) -> None:
    legs = await journey.fill(await journey.decide())
    await journey.mine(legs, [samples.settled(leg) for leg in legs])


async def owed(journey: Journey) -> None:
    legs = await journey.fill(await journey.decide())
    await journey.mine(legs, [samples.unpaid(leg) for leg in legs])


async def recovered(journey: Journey) -> None:
    legs = await journey.fill(await journey.decide())
    await journey.mine(legs, [samples.unpaid(leg) for leg in legs])
    await journey.mine(legs, [samples.settled(leg) for leg in legs])


async def failed(journey: Journey) -> None:
    (intent,) = await journey.decide()
    await journey.stores.orders.fail_intents({intent.intent_id: samples.NOTHING_FILLED})


async def on_paper(journey: Journey) -> None:
    await journey.decide(state=IntentState.PAPER)


async def sold(journey: Journey) -> None:
    await journey.decide(side=Side.SELL, size=5_000_000)


@pytest.mark.parametrize(
    ("happens", "as_of_us", "promised", "due"),
    [
        (decided, 0, 10_000_000, 0),  # budget 10, no fee
        (ordered, 0, 10_000_000, 0),
        (filled, 0, 10_000_000, 0),
        (delivered, SETTLED_US, 9_000_000, 0),  # what it cost may not be gone from the balance that was read
        (delivered, SETTLED_US + 1, 0, 0),
        (owed, 0, 0, 9_000_000),
        (recovered, SETTLED_US, 9_000_000, 0),
        (recovered, SETTLED_US + 1, 0, 0),
        (failed, 0, 0, 0),
        (on_paper, 0, 0, 0),
        (sold, 0, 0, 0),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_what_is_taken(
    journey: Journey, happens: Callable[[Journey], Awaitable[None]], as_of_us: int, promised: int, due: int
) -> None:
    await happens(journey)
    found = await taken(journey.stores, {ANN: as_of_us})
    assert found.promised == ({ANN: Collateral(promised)} if promised else {})
    assert found.debts == ({ANN: Collateral(due)} if due else {})


async def test_each_follower_has_a_moment_of_its_own(journey: Journey) -> None:
    legs = await journey.fill(await journey.decide("ann", "bob"))
    await journey.mine(legs, [samples.settled(leg) for leg in legs])
    await journey.decide("bob")
    found = await taken(journey.stores, {ANN: SETTLED_US, BOB: SETTLED_US + 1})
    assert found.promised == {ANN: Collateral(9_000_000), BOB: Collateral(10_000_000)}
