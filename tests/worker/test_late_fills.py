"""Fills that come after their order has ended: whom they were ordered for gets them, once, and the books are true."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count

import pytest
from structlog.testing import capture_logs

from remora.domain import ledger
from remora.domain.errors import OutcomeUnknown, Refused
from remora.domain.money import Collateral, Shares
from remora.domain.order import Decision, IntentState, LegFailure, SettlementStep, SignedOrder
from remora.domain.records import Reversal
from remora.domain.signal import Fill, Side
from remora.domain.usage import Taken, UsageQuestion
from remora.execute.late_fills import LateFills
from tests.fakes.chain import FakeChain
from tests.fakes.clock import START_US, SimulatedClock
from tests.fakes.database import Database
from tests.fakes.signer import FakeSigner
from tests.fakes.specimens import collateral, follower, shares, signal
from tests.fakes.venue import FakeVenue
from tests.worker.executing import Executing


class Late(Executing):
    """An executor, and who looks for late fills."""

    numbers = count(5_000)

    async def look(self) -> None:  # type: ignore[override]  # of the late fills, not of an order
        """Look once, as any process does every second."""
        late = LateFills(
            fleet=self.fleet, store=self.database.orders, clock=self.clock, settle_later=self.to_settle.extend
        )
        await late.look()

    async def refused(self, *policies: int) -> SignedOrder:
        """Let the venue say that it did not take an order for 10 each."""
        self.venue.answers.append(Refused("the market is paused"))
        await self.executor.execute(await self.steps.pending(*policies))
        return self.order

    async def sold(self, order_of: int = 1) -> SignedOrder:
        """Let an exit of 20 shares sell nothing, as the venue says."""
        await self.steps.collected(order_of)
        self.venue.answers.append(Refused("nobody buys"))
        await self.executor.resume_collected(None)
        return self.order

    async def books(self) -> dict[tuple[str, str], int]:
        return dict(await self.database.settlements.ledger_balances())

    async def bound(self) -> tuple[str, str]:
        """Return what a decision takes to be promised and owed of what follower 1 has, as it is read from now on."""
        seen: list[Taken] = []
        trade = signal(number=next(self.numbers))
        asked = UsageQuestion(
            leader=trade.leader,
            token_id=trade.token_id,
            condition_id=None,
            now_us=self.clock.now_us(),
            meters={},
            followers=frozenset({follower(1)}),
            means_as_of={follower(1): self.clock.now_us() + 1},
        )

        def decide(taken: Taken) -> Decision:
            seen.append(taken)
            return Decision(signal=trade, intents=(), denials=())

        await self.database.signals.decide_and_record(
            trade, asked, decide, stored_us=START_US, state=IntentState.PENDING
        )
        (taken,) = seen
        nothing = Collateral(0)
        return str(taken.promised.get(follower(1), nothing)), str(taken.debts.get(follower(1), nothing))

    async def due(self) -> list[tuple[str, str, str, str]]:
        """Return what is to be settled: step, shares, collateral, returned."""
        return [
            (leg.step, str(leg.shares), str(leg.collateral), str(leg.returned))
            for leg in await self.database.settlements.pending_legs()
        ]

    async def real(self, fill: Fill) -> tuple[int, int]:
        """Return what the books say the operator wallet has, in collateral and shares."""
        books, operator = await self.books(), ledger.operator_account(fill.wallet)
        return books.get((operator, ledger.COLLATERAL), 0), books.get((operator, str(fill.token_id)), 0)


@pytest.fixture
async def bench(
    venue: FakeVenue, chain: FakeChain, signer: FakeSigner, database: Database, clock: SimulatedClock
) -> AsyncIterator[Late]:
    bench = Late(venue=venue, chain=chain, signer=signer, database=database, clock=clock)
    await bench.fund("100", "100", "100")
    with capture_logs():
        yield bench


def sums_to_zero(books: dict[tuple[str, str], int]) -> bool:
    return all(sum(units for (_, of), units in books.items() if of == asset) == 0 for _, asset in books)


async def test_a_refused_entry_that_fills_after_all_is_delivered_as_if_it_had_come_in_time(bench: Late) -> None:
    order = await bench.refused(1, 2)
    assert set(bench.database.states().values()) == {"failed"}
    await bench.hear(order, shares=shares("40"), paid=collateral("20"))
    await bench.look()
    assert await bench.due() == [("deliver", "20", "10", "0")] * 2
    assert set(bench.database.states().values()) == {"filled"}
    assert bench.database.reasons() == {}
    assert sums_to_zero(await bench.books())
    await bench.steps.settled(bench.to_settle)
    assert set(bench.database.states().values()) == {"settled"}


async def test_it_happens_once_in_whatever_process(bench: Late) -> None:
    order = await bench.refused(1)
    fill = await bench.hear(order)
    books = await bench.books()
    bench.restart()
    for _ in range(3):
        await bench.look()
        await bench.executor.on_fill(fill, bench.clock.now_us())
    assert len(await bench.due()) == len(bench.to_settle) == 1
    assert await bench.real(fill) == (
        books[ledger.operator_account(fill.wallet), ledger.COLLATERAL],
        books[ledger.operator_account(fill.wallet), str(fill.token_id)],
    )


async def test_who_cannot_pay_any_more_owes(bench: Late) -> None:
    await bench.hear(await bench.refused(1), shares=shares("20"), paid=collateral("10"))
    await bench.look()
    await bench.steps.settled(bench.to_settle, LegFailure.COLLATERAL_REFUSED)
    (debt,) = await bench.database.debts.open_debts()
    assert debt.left == collateral("10")
    assert bench.database.states() == {"policy-1": "owed"}


async def test_what_comes_after_a_part_was_delivered_has_a_leg_of_its_own(bench: Late) -> None:
    bench.venue.answers.append((collateral("4").units, shares("8").units))
    await bench.executor.execute(await bench.steps.pending(1))
    await bench.hear(bench.order, shares=shares("8"), paid=collateral("4"))
    first = list(bench.to_settle)
    await bench.steps.settled(first)
    await bench.hear(bench.order, shares=shares("6"), paid=collateral("3"), number=2)
    await bench.look()
    (second,) = bench.to_settle[len(first) :]
    assert (second.shares, second.collateral) == (shares("6"), collateral("3"))
    assert second.settlement_id != first[0].settlement_id
    assert bench.database.states() == {"policy-1": "filled"}
    await bench.steps.settled([second])
    assert bench.database.states() == {"policy-1": "settled"}
    assert bench.database.committed("SELECT shares, collateral FROM allocations") == [(14_000_000, 7_000_000)]
    assert bench.database.committed("SELECT shares, cost FROM lots") == [(14_000_000, 7_000_000)]


async def test_the_first_part_is_owed_until_it_is_paid_whatever_comes_of_the_second(bench: Late) -> None:
    bench.venue.answers.append((collateral("4").units, shares("8").units))
    await bench.executor.execute(await bench.steps.pending(1))
    await bench.hear(bench.order, shares=shares("8"), paid=collateral("4"))
    (first,) = bench.to_settle
    await bench.steps.settled([first], LegFailure.COLLATERAL_REFUSED)
    await bench.hear(bench.order, shares=shares("6"), paid=collateral("3"), number=2)
    await bench.look()
    await bench.steps.settled(bench.to_settle[1:])
    assert bench.database.states() == {"policy-1": "owed"}
    await bench.steps.settled([first])
    assert bench.database.states() == {"policy-1": "settled"}


async def test_what_it_costs_somebody_who_owes_is_promised_until_it_is_paid(bench: Late) -> None:
    bench.venue.answers.append((collateral("4").units, shares("8").units))
    await bench.executor.execute(await bench.steps.pending(1))
    await bench.hear(bench.order, shares=shares("8"), paid=collateral("4"))
    (first,) = bench.to_settle
    await bench.steps.settled([first], LegFailure.COLLATERAL_REFUSED)
    assert await bench.bound() == ("0", "4")
    await bench.hear(bench.order, shares=shares("6"), paid=collateral("3"), number=2)
    await bench.look()
    assert await bench.bound() == ("3", "4")
    await bench.steps.settled([first], LegFailure.COLLATERAL_REFUSED)
    assert await bench.bound() == ("3", "4"), "the debt is owed once, on its way or not"
    await bench.steps.settled(bench.to_settle[1:])
    assert await bench.bound() == ("0", "4")


async def test_what_nobody_has_the_budget_for_is_the_fleets(bench: Late) -> None:
    order = await bench.refused(1)
    await bench.hear(order, shares=shares("20"), paid=collateral("10"))
    await bench.look()
    with capture_logs() as said:
        fill = await bench.hear(order, shares=shares("5"), paid=collateral("2.5"), number=2)
        await bench.look()
    assert [each["shares"] for each in said if each["event"] == "late_fill_of_nobody"] == ["5"]
    assert len(await bench.due()) == 1
    books = await bench.books()
    assert books[ledger.DUST, ledger.RECEIVABLE] == 2_500_000
    assert await bench.real(fill) == (-12_500_000, 25_000_000)
    assert sums_to_zero(books)


async def test_an_entry_that_was_ordered_anew_waits_for_that_order_and_is_not_bought_twice(bench: Late) -> None:
    bench.venue.answers.append(OutcomeUnknown("the answer was lost"))
    intents = await bench.steps.pending(1)
    await bench.executor.execute(intents)
    (first,) = bench.venue.submitted
    (open_order,) = await bench.database.orders.open_orders()
    assert await bench.executor.release(open_order)
    bench.venue.answers.append("delayed")
    await bench.executor.execute(intents)
    await bench.hear(first)
    await bench.look()
    assert await bench.due() == []
    second = bench.venue.submitted[1]
    await bench.hear(second, number=2)
    await bench.executor.end_as_filled(second.order_hash)
    await bench.look()
    assert len(await bench.due()) == 1  # the budget is spent: the other is the fleet's
    assert sums_to_zero(await bench.books())


async def test_an_entry_that_is_free_again_has_what_its_lost_order_filled(bench: Late) -> None:
    bench.venue.answers.append(OutcomeUnknown("the answer was lost"))
    intents = await bench.steps.pending(1)
    await bench.executor.execute(intents)
    (open_order,) = await bench.database.orders.open_orders()
    assert await bench.executor.release(open_order)
    await bench.hear(bench.order)
    await bench.look()
    await bench.executor.execute(intents)
    assert len(bench.venue.submitted) == 1
    assert len(await bench.due()) == 1


async def test_an_exit_that_sells_after_all_pays_and_gives_no_shares_back_that_were_sold(bench: Late) -> None:
    order = await bench.sold()
    assert await bench.due() == [("remit", "0", "0", "20")]
    await bench.hear(order, shares=shares("15"), paid=collateral("7.5"))
    await bench.look()
    assert sorted(await bench.due()) == [("remit", "0", "0", "5"), ("remit", "15", "7.5", "0")]
    await bench.hear(order, shares=shares("5"), paid=collateral("2.5"), number=2)
    await bench.look()
    assert sorted(await bench.due()) == [("remit", "15", "7.5", "0"), ("remit", "5", "2.5", "0")]
    await bench.steps.settled(await bench.database.settlements.pending_legs())
    assert bench.database.states() == {"policy-1": "settled"}
    assert sums_to_zero(await bench.books())


async def test_shares_that_are_on_their_way_back_are_waited_for_and_proceeds_of_others_are_the_fleets(
    bench: Late,
) -> None:
    order = await bench.sold()
    (back,) = bench.to_settle
    await bench.hear(order, shares=shares("20"), paid=collateral("10"))
    await bench.steps.settled([back])
    await bench.look()
    assert await bench.due() == []
    books = await bench.books()
    assert books[ledger.DUST, ledger.PAYABLE] == 10_000_000
    assert sums_to_zero(books)


async def test_a_late_fill_that_no_block_has_any_more_is_forgotten(bench: Late) -> None:
    fill = await bench.hear(await bench.refused(1))
    assert fill.tx_hash is not None
    assert await bench.database.orders.reverse_fill(fill.order_hash, fill.tx_hash) is Reversal.OPEN
    await bench.look()
    assert await bench.due() == []
    assert await bench.books() == {}
    assert bench.database.states() == {"policy-1": "failed"}


async def test_a_late_fill_that_was_allotted_and_is_orphaned_opens_its_order_again(bench: Late) -> None:
    fill = await bench.hear(await bench.refused(1))
    await bench.look()
    await bench.steps.settled(bench.to_settle, LegFailure.COLLATERAL_REFUSED)
    assert fill.tx_hash is not None
    assert await bench.database.orders.reverse_fill(fill.order_hash, fill.tx_hash) is Reversal.REOPENED
    assert await bench.books() == {}
    await bench.executor.on_fill(fill, bench.clock.now_us())
    await bench.executor.end_as_filled(fill.order_hash)
    assert bench.database.committed("SELECT sum(units) FROM entries WHERE account = ?", ledger.SPENT) == [-10_000_000]
    assert sums_to_zero(await bench.books())


async def test_proceeds_are_promised_to_the_follower(bench: Late) -> None:
    order = await bench.sold()
    before = Collateral.parse(bench.free())
    await bench.hear(order, shares=shares("20"), paid=collateral("10"))
    await bench.look()
    assert before - Collateral.parse(bench.free()) == collateral("10")
    assert {leg.step for leg in bench.to_settle} == {SettlementStep.REMIT}
    assert order.terms.side is Side.SELL
    assert Shares(order.terms.maker_amount) == shares("20")
