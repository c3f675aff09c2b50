"""Usage: reserved by an entry under way, committed by what it was allocated, released however else it ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from remora.domain.ids import ConditionId, PolicyId, TokenId
from remora.domain.money import Collateral, Price
from remora.domain.order import Decision, IntentState, OrderState
from remora.domain.signal import Side, SignalKind
from remora.domain.switches import Scope
from remora.domain.usage import (
    DAY_US,
    SERVICE,
    HeldToken,
    Lot,
    Meter,
    Subject,
    Taken,
    Usage,
    UsageQuestion,
    Used,
    midnight_us,
)
from tests.contract.store import samples
from tests.contract.store.implementations import Stores
from tests.contract.store.journey import Journey

EVERYTHING = frozenset(Meter)
ANN: Subject = (Scope.POLICY, "ann")
HIM: Subject = (Scope.FOLLOWER, samples.follower("ann"))
LEADER: Subject = (Scope.LEADER, samples.LEADER)
MARKET = ConditionId("0x" + 64 * "c")
OTHER = TokenId(7)
PAYOUT = Price(500_000)

Step = Callable[[Journey], Awaitable[None]]


def question(now_us: int = samples.NOW_US, **changes: Any) -> UsageQuestion:
    asked = UsageQuestion(
        leader=samples.LEADER,
        token_id=samples.TOKEN,
        condition_id=None,
        now_us=now_us,
        meters=dict.fromkeys(Scope, EVERYTHING),
        followers=frozenset({samples.follower("ann"), samples.follower("bob")}),
    )
    return asked._replace(**changes)


async def used(stores: Stores, asked: UsageQuestion | None = None, number: int = 1) -> Usage:
    """Return the usage that a decision of a new signal is given."""
    seen: list[Usage] = []
    trade = samples.signal(number)

    def decide(taken: Taken) -> Decision:
        seen.append(taken.usage)
        return Decision(signal=trade, intents=(), denials=())

    await stores.signals.decide_and_record(
        trade, asked or question(), decide, stored_us=samples.NOW_US, state=IntentState.PENDING
    )
    return seen[0]


async def wants(journey: Journey) -> None:
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


async def failed(journey: Journey) -> None:
    (intent,) = await journey.decide()
    await journey.stores.orders.fail_intents({intent.intent_id: samples.NOTHING_FILLED})


async def rejected(journey: Journey) -> None:
    intents = await journey.decide()
    order = await journey.order(intents)
    await journey.stores.orders.finish_order(
        order.order_hash,
        state=OrderState.REJECTED,
        allocations=[],
        failures={intents[0].intent_id: samples.NOTHING_FILLED},
        legs=[],
        postings=[],
    )


async def never_arrived(journey: Journey) -> None:
    order = await journey.order(await journey.decide())
    await journey.stores.orders.release_order(order.order_hash)


async def on_paper(journey: Journey) -> None:
    await journey.decide(state=IntentState.PAPER)


async def sold_a_quarter(journey: Journey) -> None:
    """Sell 5 of 20 shares that cost 9: 2.25 of it."""
    await delivered(journey)
    exits = await journey.decide(side=Side.SELL, size=5_000_000)
    await journey.collect(exits)
    await journey.fill(exits, shares=5_000_000, collateral=2_000_000)


async def sold_out_and_bought_again(journey: Journey) -> None:
    """20 for 9 are gone; what is held cost 9 again, and 18 were spent today."""
    await delivered(journey)
    exits = await journey.decide(side=Side.SELL, size=20_000_000)
    await journey.collect(exits)
    await journey.fill(exits, shares=20_000_000, collateral=2_000_000)
    await delivered(journey)


async def exit_failed(journey: Journey) -> None:
    await delivered(journey)
    (intent,) = await journey.decide(side=Side.SELL, size=5_000_000)
    await journey.stores.orders.fail_intents({intent.intent_id: samples.NOTHING_FILLED})


@pytest.mark.parametrize(
    ("steps", "held", "spent", "entries"),
    [
        ([], 0, 0, 0),
        ([wants], 10_000_000, 10_000_000, 1),
        ([ordered], 10_000_000, 10_000_000, 1),
        ([filled], 9_000_000, 9_000_000, 1),  # what it cost, not what it might have
        ([delivered], 9_000_000, 9_000_000, 1),
        ([owed], 9_000_000, 9_000_000, 1),
        ([failed], 0, 0, 1),  # it was an order all the same
        ([rejected], 0, 0, 1),
        ([never_arrived], 10_000_000, 10_000_000, 1),  # it is to be ordered again
        ([on_paper], 0, 0, 1),
        ([sold_a_quarter], 6_750_000, 9_000_000, 1),
        ([sold_out_and_bought_again], 9_000_000, 18_000_000, 2),
        ([exit_failed], 9_000_000, 9_000_000, 1),
        ([filled, wants, failed], 19_000_000, 19_000_000, 3),
    ],
    ids=lambda steps: "-".join(step.__name__ for step in steps) or "nothing" if isinstance(steps, list) else None,
)
async def test_what_an_entry_uses_on_its_way(
    journey: Journey, steps: list[Step], held: int, spent: int, entries: int
) -> None:
    for step in steps:
        await step(journey)
    found = await used(journey.stores)
    for subject in (ANN, HIM, LEADER, SERVICE):
        mine = found.get(subject, Used())
        assert (mine.held.units, mine.in_market.units, mine.through_leader.units) == (held, held, held)
        assert (mine.spent_today.units, mine.entries) == (spent, entries)
        assert (mine.tokens, mine.holds_token) == ((1, True) if held else (0, False))


async def test_each_scope_sums_its_own(journey: Journey) -> None:
    await journey.decide("ann", "bob", size=4_000_000)
    await journey.decide("cid", size=1_000_000)
    found = await used(journey.stores)
    assert {subject: mine.held.units for subject, mine in found.items()} == {
        ANN: 4_000_000,
        (Scope.POLICY, "bob"): 4_000_000,
        (Scope.POLICY, "cid"): 1_000_000,
        HIM: 4_000_000,
        (Scope.FOLLOWER, samples.follower("bob")): 4_000_000,  # nobody asked about cid's follower
        LEADER: 9_000_000,
        SERVICE: 9_000_000,
    }
    assert found[SERVICE].tokens == 1


async def test_the_fee_is_reserved_too(stores: Stores) -> None:
    trade = samples.signal(50)
    wanted = samples.intent(trade)._replace(fee_bound=Collateral(500_010), condition_id=MARKET)
    await stores.signals.record_decision(trade, [wanted], [], stored_us=samples.NOW_US, state=IntentState.PENDING)
    mine = (await used(stores))[ANN]
    assert (mine.held.units, mine.spent_today.units) == (10_500_010, 10_500_010)
    assert await stores.orders.pending_intents() == [wanted]


@pytest.mark.parametrize(("market", "in_market"), [(MARKET, 14_000_000), (None, 4_000_000)])
async def test_a_market_is_all_its_tokens(stores: Stores, market: ConditionId | None, in_market: int) -> None:
    """10 of the other outcome, 4 of this one: without the market, only the token is known to be in it."""
    for number, token, size in ((50, OTHER, 10_000_000), (51, samples.TOKEN, 4_000_000)):
        trade = samples.signal(number, token_id=token)
        wanted = samples.intent(trade, size=size)._replace(condition_id=MARKET)
        await stores.signals.record_decision(trade, [wanted], [], stored_us=1, state=IntentState.PENDING)
    mine = (await used(stores, question(condition_id=market)))[ANN]
    assert (mine.held.units, mine.in_market.units, mine.tokens) == (14_000_000, in_market, 2)


@pytest.mark.parametrize(("token", "condition"), [(samples.TOKEN, None), (samples.TOKEN, MARKET), (OTHER, MARKET)])
async def test_what_is_held_in_a_resolved_market_takes_nothing_of_a_limit(
    journey: Journey, token: TokenId, condition: ConditionId | None
) -> None:
    """Who held shares of the other outcome is free as well, where the market is known."""
    for number, held in ((50, samples.TOKEN), (51, OTHER)):
        trade = samples.signal(number, token_id=held)
        wanted = samples.intent(trade)._replace(condition_id=condition)
        await journey.stores.signals.record_decision(
            trade, [wanted], [], stored_us=samples.NOW_US, state=IntentState.PENDING
        )
        await journey.fill([wanted])
    assert (await used(journey.stores))[SERVICE].held == Collateral(18_000_000)
    both = {HeldToken(OTHER, condition), HeldToken(samples.TOKEN, condition)}
    assert set(await journey.stores.switches.held_tokens()) == both
    (unpaid,) = both - {HeldToken(token, condition)}
    assert await journey.stores.switches.resolve({token: PAYOUT})
    assert not await journey.stores.switches.resolve({token: PAYOUT})
    assert await journey.stores.switches.held_tokens() == [unpaid]
    payouts = {lot.token_id: lot.payout for lot in await journey.stores.switches.open_lots()}
    assert payouts == {token: PAYOUT, unpaid.token_id: None}
    left = (await used(journey.stores, number=2)).get(SERVICE, Used())
    assert (left.held.units, left.in_market.units, left.tokens) == (
        (9_000_000, 0, 1) if condition is None else (0, 0, 0)
    )
    assert left.spent_today == Collateral(18_000_000)


async def test_a_payout_may_be_known_later_than_that_its_market_is_resolved(journey: Journey) -> None:
    await journey.fill(await journey.decide())
    assert await journey.stores.switches.resolve({samples.TOKEN: None})
    assert not await journey.stores.switches.resolve({samples.TOKEN: None})
    (held,) = await journey.stores.switches.held_tokens()
    assert held.token_id == samples.TOKEN
    assert await journey.stores.switches.resolve({samples.TOKEN: Price(0)})
    assert await journey.stores.switches.held_tokens() == []
    (lot,) = await journey.stores.switches.open_lots()
    assert (lot.resolved, lot.payout) == (True, Price(0))


async def test_what_a_leader_calls_a_redemption_resolves_nothing(journey: Journey) -> None:
    """Whoever shares pass through can emit an event that looks like one."""
    await journey.fill(await journey.decide())
    left = replace(samples.signal(60, side=Side.SELL), kind=SignalKind.REDEMPTION)
    assert await journey.stores.signals.record_decision(
        left, [], [], stored_us=samples.NOW_US, state=IntentState.PENDING
    )
    assert len(await journey.stores.switches.held_tokens()) == 1
    assert (await used(journey.stores, number=2))[SERVICE].tokens == 1


async def test_what_is_of_a_resolved_market_is_no_equity(journey: Journey) -> None:
    """Followers redeem it: then it would count twice."""
    legs = await journey.fill(await journey.decide())
    await journey.mine(legs, [samples.settled(leg) for leg in legs])
    assert [each.token_id for each in await journey.stores.signals.holdings()] == [samples.TOKEN]
    await journey.stores.switches.resolve({samples.TOKEN: None})
    assert await journey.stores.signals.holdings() == []
    (lot,) = await journey.stores.switches.open_lots()
    assert (lot.resolved, lot.is_sellable) == (True, False)


async def test_another_leader_is_no_part_of_a_policy_s_leader(stores: Stores) -> None:
    stranger = samples.wallet(0xABC)
    trade = replace(samples.signal(50), leader=stranger)
    await stores.signals.record_decision(trade, [samples.intent(trade)], [], stored_us=1, state=IntentState.PENDING)
    found = await used(stores)
    assert (found[HIM].held.units, found[HIM].through_leader.units) == (10_000_000, 0)
    assert LEADER not in found
    assert (found[SERVICE].held.units, found[SERVICE].through_leader.units) == (10_000_000, 0)


@pytest.mark.parametrize(
    ("later_us", "spent", "entries"),
    [(0, 9_000_000, 1), (59_999_999, 9_000_000, 1), (60_000_000, 9_000_000, 0), (DAY_US, 0, 0)],
)
async def test_days_and_minutes_pass(journey: Journey, later_us: int, spent: int, entries: int) -> None:
    await delivered(journey)
    mine = (await used(journey.stores, question(samples.NOW_US + later_us)))[ANN]
    assert (mine.spent_today.units, mine.entries, mine.held.units) == (spent, entries, 9_000_000)


async def test_what_was_decided_yesterday_is_spent_yesterday(journey: Journey) -> None:
    await journey.decide()
    tomorrow_us = midnight_us(samples.NOW_US) + DAY_US
    mine = (await used(journey.stores, question(tomorrow_us)))[ANN]
    assert (mine.spent_today.units, mine.held.units) == (0, 10_000_000)


async def test_nothing_is_read_that_nobody_asked(journey: Journey) -> None:
    await journey.decide()
    assert await used(journey.stores, question(meters={})) == {}
    only = await used(journey.stores, question(meters={Scope.SERVICE: frozenset({Meter.ENTRIES})}), number=2)
    assert only == {SERVICE: Used(entries=1)}


async def test_a_known_signal_is_not_decided(stores: Stores) -> None:
    await used(stores)

    def decide(_taken: Taken) -> Decision:
        raise AssertionError("it was decided before")

    assert not await stores.signals.decide_and_record(
        samples.signal(1), question(), decide, stored_us=2, state=IntentState.PENDING
    )


async def test_a_decision_that_fails_stores_nothing(stores: Stores) -> None:
    def decide(_taken: Taken) -> Decision:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await stores.signals.decide_and_record(
            samples.signal(1), question(), decide, stored_us=2, state=IntentState.PENDING
        )
    assert await used(stores) == {}  # the signal is not known


async def test_lots_and_results(journey: Journey) -> None:
    """20 for 9, of which 5 were sold for 2, having cost 2.25: a loss of 0.25, and then a gain."""
    await sold_a_quarter(journey)
    (lot,) = await journey.stores.switches.open_lots()
    assert lot == Lot(
        policy_id=PolicyId("ann"),
        follower=samples.follower("ann"),
        leader=samples.LEADER,
        token_id=samples.TOKEN,
        shares=lot.shares,
        cost=Collateral(6_750_000),
    )
    assert lot.shares.units == 15_000_000
    results = await journey.stores.switches.results()
    assert set(results) == {ANN, HIM, LEADER, SERVICE}
    assert {(each.realised.units, each.losses_in_row) for each in results.values()} == {(-250_000, 1)}
    exits = await journey.decide(side=Side.SELL, size=15_000_000)
    await journey.collect(exits)
    await journey.fill(exits, shares=15_000_000, collateral=8_000_000)  # 8 - 6.75
    assert await journey.stores.switches.open_lots() == []
    assert (await journey.stores.switches.results())[ANN].realised.units == 1_000_000
    assert (await journey.stores.switches.results())[ANN].losses_in_row == 0
