"""The sale of a debt's shares: stored before it is sent, concluded once, and given up without a trace in the debt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from remora.domain import ledger
from remora.domain.errors import InvariantBroken, Malformed
from remora.domain.ids import Address
from remora.domain.money import ONE, Collateral, Shares
from remora.domain.order import Decision, Intent, IntentState, Leg, OrderState, SettlementStep, SignedOrder
from remora.domain.reasons import Reason
from remora.domain.records import DebtSale
from remora.domain.signal import Side, Source
from tests.contract.store import samples
from tests.contract.store.implementations import Stores
from tests.contract.store.journey import Journey, owed

ENDED_US = samples.NOW_US + 99


@pytest.fixture
async def leg(stores: Stores, journey: Journey) -> Leg:
    """20 shares that ann owes 9 for."""
    (leg,) = await journey.fill(await journey.decide("ann"))
    await journey.mine([leg], [samples.unpaid(leg)])
    claim = ledger.transfer(
        ledger.SPENT, ledger.follower_account(leg.follower), ledger.RECEIVABLE, leg.collateral.units
    )
    await stores.settlements.post([ledger.Posting(posting_id="claim", entries=claim)])
    return leg


def decided(number: int = 50, *, of: Leg) -> Decision:
    signal = replace(samples.signal(number, side=Side.SELL), source=Source.OPERATOR, block_number=None, log_index=None)
    intent = samples.intent(signal, "ann", size=of.shares.units)._replace(limit=samples.intent(signal).limit)
    return Decision(signal=signal, intents=(intent,), denials=())


async def ordered(stores: Stores, journey: Journey, leg: Leg, number: int = 50) -> tuple[Intent, SignedOrder]:
    sale = decided(number, of=leg)
    assert await stores.debts.start_sale(leg.settlement_id, sale, at_us=samples.NOW_US)
    return sale.intents[0], await journey.order(sale.intents)


async def end(stores: Stores, of: tuple[Intent, SignedOrder], leg: Leg, *, sold: int, proceeds: int) -> list[Leg]:
    intent, order = of
    sale = DebtSale(
        debt_id=leg.settlement_id,
        intent_id=intent.intent_id,
        cause=intent.intent_id,
        shares=Shares(sold),
        proceeds=Collateral(proceeds),
        at_us=ENDED_US,
    )
    failures = {} if sold else {intent.intent_id: samples.NOTHING_FILLED}
    due = await stores.orders.finish_order(
        order.order_hash, state=OrderState.DONE, allocations=[], failures=failures, legs=[], postings=[], sale=sale
    )
    return list(due)


def claims(books: Mapping[tuple[str, str], int], follower: Address) -> dict[str, int]:
    """Return what is claimed of and by the follower, and where it went."""
    names = {ledger.follower_account(follower): "follower", ledger.PAID: "paid", ledger.WRITTEN_OFF: "written off"}
    return {
        f"{names[account]} {asset}": units
        for (account, asset), units in books.items()
        if account in names and asset in {ledger.RECEIVABLE, ledger.PAYABLE}
    }


async def test_what_is_being_sold_waits_for_the_executor_and_for_nobody_else(
    stores: Stores, journey: Journey, leg: Leg
) -> None:
    sale = decided(of=leg)
    assert await stores.debts.start_sale(leg.settlement_id, sale, at_us=samples.NOW_US)
    ((held, intent),) = await stores.orders.collected()
    assert intent == sale.intents[0]
    assert (held.step, held.wallet, held.shares) == (SettlementStep.DELIVER, leg.wallet, leg.shares)
    (debt,) = await stores.debts.open_debts()
    assert (debt.legs, debt.moving, debt.sales) == ((), leg.collateral, 1)
    assert not await stores.debts.start_sale(leg.settlement_id, decided(51, of=leg), at_us=samples.NOW_US)
    with pytest.raises(Malformed, match="not being collected now"):
        await stores.debts.write_off(leg.settlement_id, "no", at_us=9)
    with pytest.raises(InvariantBroken):
        await journey.send([leg])
    assert await stores.settlements.unsettled() == 0


async def test_what_is_on_its_way_is_not_sold(stores: Stores, journey: Journey, leg: Leg) -> None:
    await journey.send([leg])
    assert not await stores.debts.start_sale(leg.settlement_id, decided(of=leg), at_us=samples.NOW_US)
    assert await stores.orders.collected() == []


async def test_only_what_is_held_now_is_sold(stores: Stores, leg: Leg) -> None:
    """What was held when it was looked at may have been sold by a fill that came late."""
    more = decided(of=replace(leg, shares=leg.shares + Shares(1)))
    assert not await stores.debts.start_sale(leg.settlement_id, more, at_us=samples.NOW_US)
    assert await stores.orders.collected() == []


async def test_a_sale_that_is_given_up_leaves_the_debt_as_it_was(stores: Stores, leg: Leg) -> None:
    before = await stores.debts.open_debts()
    sale = decided(of=leg)
    await stores.debts.start_sale(leg.settlement_id, sale, at_us=samples.NOW_US)
    await stores.orders.return_collected([], {sale.intents[0].intent_id: samples.NOTHING_FILLED})
    assert await stores.debts.open_debts() == [replace(before[0], sales=1)]
    assert await stores.orders.collected() == []
    assert stores.audit().intents[sale.intents[0].intent_id][0] is IntentState.FAILED


async def test_an_order_that_sold_nothing_leaves_the_debt_as_it_was(stores: Stores, journey: Journey, leg: Leg) -> None:
    before = await stores.debts.open_debts()
    books = await stores.settlements.ledger_balances()
    intent, order = await ordered(stores, journey, leg)
    (open_order,) = await stores.orders.open_orders()
    assert open_order.debt_id == leg.settlement_id
    assert await end(stores, (intent, order), leg, sold=0, proceeds=0) == []
    assert await stores.debts.open_debts() == [replace(before[0], sales=1)]
    assert await stores.settlements.ledger_balances() == books


async def test_a_sale_for_less_pays_what_it_brought_and_the_rest_is_written_off(
    stores: Stores, journey: Journey, leg: Leg
) -> None:
    intent, order = await ordered(stores, journey, leg)
    assert await end(stores, (intent, order), leg, sold=20 * ONE, proceeds=6 * ONE) == []
    assert await stores.debts.open_debts() == []
    assert await owed(stores) == {}
    assert await stores.signals.lots(samples.TOKEN) == {}
    assert claims(await stores.settlements.ledger_balances(), leg.follower) == {
        "paid receivable": 6 * ONE,
        "written off receivable": 3 * ONE,
    }
    state, why = stores.audit().intents[leg.intent_id]
    assert (state, why and why.reason) == (IntentState.FAILED, Reason.SHARES_SOLD)
    assert stores.audit().intents[intent.intent_id] == (IntentState.SETTLED, None)


async def test_what_a_sale_brings_beyond_the_debt_is_due_to_the_follower(
    stores: Stores, journey: Journey, leg: Leg
) -> None:
    intent, order = await ordered(stores, journey, leg)
    (due,) = await end(stores, (intent, order), leg, sold=20 * ONE, proceeds=11 * ONE)
    assert (due.step, due.follower, due.collateral) == (SettlementStep.REMIT, leg.follower, Collateral(2 * ONE))
    assert (due.shares, due.returned) == (Shares(0), Shares(0))
    assert await stores.settlements.pending_legs() == await stores.settlements.owed_proceeds() == [due]
    assert await stores.debts.open_debts() == []
    assert claims(await stores.settlements.ledger_balances(), leg.follower) == {
        "paid receivable": 9 * ONE,
        "follower payable": 2 * ONE,
    }


async def test_what_was_not_sold_goes_on_to_secure_the_rest_and_can_be_paid_for(
    stores: Stores, journey: Journey, leg: Leg
) -> None:
    intent, order = await ordered(stores, journey, leg)
    await end(stores, (intent, order), leg, sold=5 * ONE, proceeds=2 * ONE)
    (debt,) = await stores.debts.open_debts()
    (rest,) = debt.legs
    assert (rest.shares, rest.collateral) == (Shares(15 * ONE), Collateral(7 * ONE))
    assert (debt.sold, debt.left, debt.held) == (Collateral(2 * ONE), rest.collateral, rest.shares)
    await journey.mine([rest], [samples.settled(rest)])
    assert await stores.debts.open_debts() == []
    assert stores.audit().intents[leg.intent_id][0] is IntentState.SETTLED
    assert await stores.signals.lots(samples.TOKEN) == {"ann": rest.shares}


async def test_what_was_not_sold_is_sold_by_the_next(stores: Stores, journey: Journey, leg: Leg) -> None:
    first, order = await ordered(stores, journey, leg)
    await end(stores, (first, order), leg, sold=5 * ONE, proceeds=2 * ONE)
    (debt,) = await stores.debts.open_debts()
    second, order = await ordered(stores, journey, replace(debt.legs[0], settlement_id=debt.debt_id), 51)
    assert second.shares == Shares(15 * ONE)
    await end(stores, (second, order), leg, sold=15 * ONE, proceeds=3 * ONE)
    assert await stores.debts.open_debts() == []
    assert claims(await stores.settlements.ledger_balances(), leg.follower) == {
        "paid receivable": 5 * ONE,
        "written off receivable": 4 * ONE,
    }


async def test_a_sale_is_no_exit_of_the_followers_lots(stores: Stores, journey: Journey, leg: Leg) -> None:
    delivered = await journey.fill(await journey.decide("ann"))
    await journey.mine(delivered, [samples.settled(each) for each in delivered])
    lots = {"ann": Shares(20 * ONE)}
    intent, order = await ordered(stores, journey, leg)
    assert await stores.signals.lots(samples.TOKEN) == lots
    await end(stores, (intent, order), leg, sold=20 * ONE, proceeds=6 * ONE)
    assert await stores.signals.lots(samples.TOKEN) == lots
