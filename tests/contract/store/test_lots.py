"""Lots: shares held through a policy = delivered - sold - what an open exit may still sell. And entries in flight."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from remora.domain.ids import PolicyId, TokenId
from remora.domain.money import Shares
from remora.domain.order import IntentState, OrderState
from remora.domain.signal import Side
from tests.contract.store import samples
from tests.contract.store.implementations import Stores
from tests.contract.store.journey import Journey

ANN, BOB = PolicyId("ann"), PolicyId("bob")

Step = Callable[[Journey], Awaitable[None]]


async def bought(journey: Journey) -> None:
    """Deliver 20 shares."""
    legs = await journey.fill(await journey.decide())
    await journey.mine(legs, [samples.settled(leg) for leg in legs])


async def wants_to_buy(journey: Journey) -> None:
    await journey.decide()


async def buying(journey: Journey) -> None:
    await journey.order(await journey.decide())


async def bought_not_delivered(journey: Journey) -> None:
    await journey.fill(await journey.decide())


async def bought_and_owed(journey: Journey) -> None:
    legs = await journey.fill(await journey.decide())
    await journey.mine(legs, [samples.unpaid(leg) for leg in legs])


async def buy_failed(journey: Journey) -> None:
    (intent,) = await journey.decide()
    await journey.stores.orders.fail_intents({intent.intent_id: samples.NOTHING_FILLED})


async def wants_to_sell(journey: Journey, size: int = 8_000_000) -> None:
    """Decide an exit of 8 shares."""
    await journey.decide(side=Side.SELL, size=size)


async def collecting(journey: Journey) -> None:
    await journey.collecting(await journey.decide(side=Side.SELL, size=8_000_000))


async def collected(journey: Journey) -> None:
    await journey.collect(await journey.decide(side=Side.SELL, size=8_000_000))


async def selling(journey: Journey) -> None:
    intents = await journey.decide(side=Side.SELL, size=8_000_000)
    await journey.collect(intents)
    await journey.order(intents)


async def sold_not_remitted(journey: Journey) -> None:
    """Sell 5 of the 8 shares that were collected; 3 are still to be returned."""
    intents = await journey.decide(side=Side.SELL, size=8_000_000)
    await journey.collect(intents)
    await journey.fill(intents, shares=5_000_000, collateral=2_000_000)


async def sold(journey: Journey) -> None:
    """Sell 5 of the 8 shares; the other 3 go back with the proceeds."""
    intents = await journey.decide(side=Side.SELL, size=8_000_000)
    await journey.collect(intents)
    legs = await journey.fill(intents, shares=5_000_000, collateral=2_000_000)
    await journey.mine(legs, [samples.settled(leg) for leg in legs])


async def sale_failed(journey: Journey) -> None:
    intents = await journey.decide(side=Side.SELL, size=8_000_000)
    legs = await journey.collecting(intents)
    await journey.mine(legs, [samples.not_collected(leg) for leg in legs])


async def sale_given_back(journey: Journey) -> None:
    intents = await journey.decide(side=Side.SELL, size=8_000_000)
    await journey.collect(intents)
    await journey.stores.orders.return_collected([], {intents[0].intent_id: samples.NOTHING_FILLED})


async def paper_buy(journey: Journey) -> None:
    await journey.decide(state=IntentState.PAPER)


async def paper_sale(journey: Journey) -> None:
    await journey.decide(side=Side.SELL, size=8_000_000, state=IntentState.PAPER)


@pytest.mark.parametrize(
    ("steps", "lot"),
    [
        ([], 0),
        ([bought], 20),
        ([bought, bought], 40),
        ([bought_not_delivered], 0),
        ([bought_and_owed], 0),
        ([buy_failed], 0),
        ([wants_to_buy], 0),
        ([buying], 0),
        ([paper_buy], 0),
        ([bought, wants_to_sell], 12),  # 20 - 8
        ([bought, collecting], 12),
        ([bought, collected], 12),
        ([bought, selling], 12),
        ([bought, sold_not_remitted], 12),  # the 3 unsold are not back yet
        ([bought, sold], 15),  # 20 - 5
        ([bought, sold, sold], 10),
        ([bought, sold, selling], 7),  # 20 - 5 - 8
        ([bought, sale_failed], 20),
        ([bought, sale_given_back], 20),
        ([bought, paper_sale], 20),
        ([bought, bought_and_owed, sold], 15),
    ],
    ids=lambda value: "+".join(step.__name__ for step in value) or "nothing" if isinstance(value, list) else "",
)
async def test_arithmetic(journey: Journey, steps: list[Step], lot: int) -> None:
    for step in steps:
        await step(journey)
    expected = {ANN: Shares(lot * 1_000_000)} if lot else {}
    assert await journey.stores.signals.lots(samples.TOKEN) == expected


IN_FLIGHT = [wants_to_buy, buying, bought_not_delivered]
AT_REST = [bought, bought_and_owed, buy_failed, paper_buy, wants_to_sell, selling, sold]


@pytest.mark.parametrize("step", [*IN_FLIGHT, *AT_REST])
async def test_entry_in_flight_is_one_that_may_still_be_delivered(journey: Journey, step: Step) -> None:
    """A debt may be paid some day, too; no exit waits for that."""
    await step(journey)
    signals = journey.stores.signals
    moving = await signals.entries_in_flight(samples.TOKEN, [ANN, BOB])
    assert len(moving) == (1 if step in IN_FLIGHT else 0)
    assert not await signals.entries_in_flight(samples.TOKEN, [BOB])
    assert not await signals.entries_in_flight(TokenId(samples.TOKEN - 1), [ANN])
    assert not await signals.entries_in_flight(samples.TOKEN, [])


async def test_exit_larger_than_the_lot_leaves_none(journey: Journey) -> None:
    await bought(journey)
    await wants_to_sell(journey, 20_000_000)
    await wants_to_sell(journey, 1)
    assert await journey.stores.signals.lots(samples.TOKEN) == {}


async def test_lots_are_kept_apart_by_policy_and_token(journey: Journey) -> None:
    legs = await journey.fill(await journey.decide("ann", "bob"), shares=3)
    await journey.mine(legs, [samples.settled(leg) for leg in legs])
    await journey.decide("bob", side=Side.SELL, size=1)
    assert await journey.stores.signals.lots(samples.TOKEN) == {ANN: Shares(3), BOB: Shares(2)}
    assert await journey.stores.signals.lots(TokenId(samples.TOKEN - 1)) == {}


async def test_buy_that_filled_nothing_adds_nothing(stores: Stores, journey: Journey) -> None:
    intents = await journey.decide()
    order = await journey.order(intents)
    await stores.orders.finish_order(
        order.order_hash,
        state=OrderState.REJECTED,
        allocations=[],
        failures={intents[0].intent_id: samples.NOTHING_FILLED},
        legs=[],
        postings=[],
    )
    assert await stores.signals.lots(samples.TOKEN) == {}
