"""An order of which the book had too little is tried once more, as one of its own, and settled with the first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from remora.domain.errors import OutcomeUnknown, Refused, Retryable
from remora.domain.ids import TxHash
from remora.domain.money import ZERO_SHARES, Shares
from remora.domain.order import LegFailure, OrderReport, SettlementStep, SignedOrder
from remora.domain.reasons import Reason, because
from remora.domain.records import Reversal
from remora.domain.signal import Side
from remora.execute.late_fills import LateFills
from remora.execute.lifecycle import fill_posting
from remora.execute.reconcile import Reconciler, ReconcileRules
from tests.fakes.chain import FakeChain
from tests.fakes.clock import SimulatedClock
from tests.fakes.database import Database
from tests.fakes.signer import FakeSigner
from tests.fakes.specimens import TOKEN, book, collateral, fill, shares
from tests.fakes.venue import FakeVenue
from tests.fakes.waiting import settle_down, until
from tests.worker.executing import Executing

NOBODY = Refused("no orders found to match with FAK order")
PART = (collateral("5.4").units, shares("10").units)
"""10 shares at the limit, 0.54, of what 10 of collateral buys: 4.6 are left."""
STOPPED = because(Reason.STOPPED, whom="follower 0x1", why="by hand")


class Trying(Executing):
    """An executor that tries a second time, after a second."""

    async def begin(self, *answers: object, policies: tuple[int, ...] = (1,)) -> SignedOrder:
        """Buy for 10 each, and let the venue answer like this."""
        self.venue.answers.extend(answers)  # type: ignore[arg-type]  # a test's own words
        await self.executor.execute(await self.steps.pending(*policies))
        return self.venue.submitted[0]

    async def hear_part(self, order: SignedOrder) -> None:
        """Let a block hold what the first one found."""
        await self.hear(order, shares=shares("10"), paid=collateral("5.4"))

    async def second(self) -> SignedOrder:
        """Wait for the second order."""
        await until(lambda: len(self.venue.submitted) == 2)
        return self.venue.submitted[1]

    def again(self) -> None:
        """Make another process of the same rows, and run it."""
        self.restart()
        self.run()

    async def reconcile(self) -> None:
        """Reconcile once."""
        await Reconciler(
            rules=ReconcileRules(),
            executor=self.executor,
            venue=self.venue,
            store=self.database.orders,
            clock=self.clock,
            hear=_hear_nothing,
        ).reconcile()

    def settled(self) -> list[tuple[str, Shares, str]]:
        """Return step, shares and collateral of what was handed over to be settled."""
        return [(leg.step, leg.shares, str(leg.collateral)) for leg in self.to_settle]

    def ordered(self) -> list[tuple[int, int]]:
        """Return the amounts of all orders that were submitted."""
        return [(order.terms.maker_amount, order.terms.taker_amount) for order in self.venue.submitted]


async def _hear_nothing(_tx_hash: TxHash) -> None:
    """Everything is heard already."""


@pytest.fixture
async def bench(
    venue: FakeVenue, chain: FakeChain, signer: FakeSigner, database: Database, clock: SimulatedClock
) -> AsyncIterator[Trying]:
    bench = Trying(venue=venue, chain=chain, signer=signer, database=database, clock=clock, second_try_after_s=1)
    await bench.fund("100", "0", "0")
    bench.run()
    with capture_logs():
        yield bench
    await bench.stop()


async def test_the_rest_is_ordered_once_the_first_is_in_a_block_and_both_are_settled_together(bench: Trying) -> None:
    first = await bench.begin(PART)
    await settle_down()
    assert len(bench.venue.submitted) == 1  # what matched may still revert
    await bench.hear_part(first)
    second = await bench.second()
    assert second.terms.maker == first.terms.maker
    assert bench.ordered()[1] == (collateral("4.6").units, shares("8.5185").units)  # 4.6 / 0.54, in 4 decimals
    assert bench.to_settle == []
    await bench.hear(second, number=2)  # 8.5185 x 0.54 = 4.59999: the rest of a cent is not charged
    assert bench.order_states() == ["done", "done"]
    assert bench.settled() == [(SettlementStep.DELIVER, shares("18.5185"), "9.99999")]
    assert bench.database.states() == {"policy-1": "filled"}


async def test_what_nobody_sold_is_tried_again_and_fails_when_nobody_does_again(bench: Trying) -> None:
    await bench.begin(NOBODY, NOBODY)
    await bench.second()
    await until(lambda: bench.order_states() == ["rejected", "rejected"])
    await settle_down()
    assert len(bench.venue.submitted) == 2
    assert bench.database.reasons() == {"policy-1": ("NOT_FILLED", {"limit": "0.54"})}
    assert bench.free() == "100"


async def test_what_the_first_found_is_settled_when_the_second_finds_nothing(bench: Trying) -> None:
    await bench.hear_part(await bench.begin(PART, NOBODY))
    await until(lambda: bench.to_settle)
    assert bench.order_states() == ["done", "rejected"]
    assert bench.settled() == [(SettlementStep.DELIVER, shares("10"), "5.4")]


async def test_float_is_promised_for_the_rest_alone(bench: Trying) -> None:
    first = await bench.begin(PART, "delayed")
    bench.chain.collateral[first.terms.maker] = collateral("94.6")  # the first one spent 5.4
    await bench.hear_part(first)
    await bench.second()
    await until(lambda: bench.order_states() == ["done", "accepted"])
    assert bench.free() == "90"  # 94.6 - 4.6


async def test_an_exit_is_tried_again_and_what_nobody_bought_goes_back(bench: Trying) -> None:
    bench.venue.order_books[TOKEN] = book(bid="0.55", ask="0.56")
    collected = await bench.steps.collected(1)
    bench.venue.answers.extend([(shares("8").units, collateral("4.4").units), (shares("7").units, 1)])
    bench.executor.sell_later(collected)
    await until(lambda: bench.venue.submitted and bench.order_states() == ["accepted"])
    first = bench.venue.submitted[0]
    await bench.hear(first, shares=shares("8"), paid=collateral("4.4"))
    second = await bench.second()
    assert second.terms.maker_amount == shares("12").units
    await until(lambda: bench.order_states() == ["done", "accepted"])
    await bench.hear(second, shares=shares("7"), paid=collateral("3.85"), number=2)
    assert bench.settled() == [(SettlementStep.REMIT, shares("15"), "8.25")]
    assert bench.to_settle[0].returned == shares("5")


@pytest.mark.parametrize("spoiled", ["price", "age", "stopped", "venue", "off"])
async def test_it_is_not_tried_again(bench: Trying, clock: SimulatedClock, spoiled: str) -> None:
    first = await bench.begin(PART)
    match spoiled:
        case "price":
            bench.venue.order_books[TOKEN] = book(ask="0.55")
        case "age":
            clock.advance(60)
        case "stopped":
            bench.stopped["policy-1"] = STOPPED
        case "venue":
            bench.venue.troubles["book"].append(Retryable("503"))
        case _:
            bench.rules = type(bench.rules)(followers_per_order=25)
            await bench.stop()
            bench.again()
    await bench.hear_part(first)
    await until(lambda: bench.to_settle)
    assert len(bench.venue.submitted) == 1
    assert bench.order_states() == ["done"]
    assert bench.settled() == [(SettlementStep.DELIVER, shares("10"), "5.4")]


async def test_after_an_unknown_outcome_nothing_is_sent_until_it_is_known(bench: Trying, clock: SimulatedClock) -> None:
    first = await bench.begin(OutcomeUnknown("lost"))
    await settle_down()
    assert len(bench.venue.submitted) == 1
    bench.venue.reports[first.order_hash] = OrderReport(
        order_hash=first.order_hash, status="CANCELED", matched=ZERO_SHARES, failed=ZERO_SHARES,
        tx_hashes=(), pending=False,
    )  # fmt: skip
    clock.advance(5)
    await bench.reconcile()
    second = await bench.second()
    await bench.hear(second)
    assert bench.database.states() == {"policy-1": "filled"}


async def test_what_reverted_is_not_tried_again(bench: Trying) -> None:
    first = await bench.begin(PART)
    await bench.executor.end_as_filled(first.order_hash, reverted=shares("10"))
    assert bench.order_states() == ["done"]
    assert bench.database.reasons() == {"policy-1": ("MATCH_REVERTED", {"shares": "10"})}


async def test_a_second_try_that_never_arrived_ends_with_what_the_first_found(
    bench: Trying, clock: SimulatedClock
) -> None:
    await bench.hear_part(await bench.begin(PART, OutcomeUnknown("lost")))
    await bench.second()
    await until(lambda: bench.order_states() == ["done", "recorded"])
    await bench.stop()
    bench.again()
    clock.advance(25)
    await bench.reconcile()
    assert bench.order_states() == ["done", "rejected"]
    assert bench.settled() == [(SettlementStep.DELIVER, shares("10"), "5.4")]
    assert len(bench.venue.submitted) == 2


async def test_one_that_was_not_recorded_yet_is_made_by_the_next_process(bench: Trying, clock: SimulatedClock) -> None:
    first = await bench.begin(PART)
    await bench.stop()
    part = fill(
        first.order_hash,
        Side.BUY,
        wallet=first.terms.maker,
        shares=shares("10"),
        collateral=collateral("5.4"),
        fee=collateral("0"),
    )
    await bench.database.orders.record_fill(part, fill_posting(part), heard_us=clock.now_us())
    assert bench.order_states() == ["accepted"]
    bench.again()
    await bench.fund("100", "0", "0")
    await bench.executor.restore_holds()
    bench.venue.reports[first.order_hash] = OrderReport(
        order_hash=first.order_hash, status="MATCHED", matched=shares("10"), failed=ZERO_SHARES,
        tx_hashes=(TxHash(f"0x{2001:064x}"),), pending=False,
    )  # fmt: skip
    clock.advance(5)
    await bench.reconcile()
    second = await bench.second()
    await until(lambda: bench.order_states() == ["done", "accepted"])
    await bench.hear(second, number=2)
    assert bench.settled() == [(SettlementStep.DELIVER, shares("18.5185"), "9.99999")]


async def test_one_that_the_venue_did_not_look_at_is_given_up_when_somebody_is_stopped(bench: Trying) -> None:
    async def stop_the_first(_order: SignedOrder) -> None:
        if len(bench.venue.submitted) == 2:
            bench.stopped["policy-1"] = STOPPED

    bench.venue.before_answer = stop_the_first
    await bench.hear(
        await bench.begin(PART, Retryable("429", 1), policies=(1, 2)), shares=shares("10"), paid=collateral("5.4")
    )
    await until(lambda: bench.to_settle)
    assert bench.order_states() == ["done", "rejected"]
    assert [(leg.shares, str(leg.collateral)) for leg in bench.to_settle] == 2 * [(shares("5"), "2.7")]


@pytest.mark.parametrize(
    ("answer", "delivered"),
    [
        # all of what the second found, and nothing of what came too late for its budget of 10
        ((collateral("10").units, shares("18.51").units), ["18.51"]),
        (NOBODY, ["10"]),
    ],
)
async def test_a_fill_that_comes_too_late_for_the_first_is_no_part_of_the_second(
    bench: Trying, clock: SimulatedClock, answer: object, delivered: list[str]
) -> None:
    first = await bench.begin(NOBODY, answer)
    second = await bench.second()
    await bench.hear_part(first)  # the venue was wrong: somebody sold after all
    if answer is not NOBODY:
        await bench.hear(second, number=2, shares=shares("18.51"), paid=collateral("9.9954"))
    await until(lambda: bench.order_states() != ["rejected", "accepted"])
    late = LateFills(fleet=bench.fleet, store=bench.database.orders, clock=clock, settle_later=bench.to_settle.extend)
    await until_none_is_late(late, bench)
    assert [str(leg.shares) for leg in bench.to_settle] == delivered


async def until_none_is_late(late: LateFills, bench: Trying) -> None:
    """Look for late fills until there is none: what they wait for is under way."""
    async with asyncio.timeout(20):
        while await bench.database.orders.late_fills():
            await late.look()
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("ended", [False, True])
async def test_a_fill_of_the_first_that_no_block_has_any_more_is_taken_out_of_both(
    bench: Trying, *, ended: bool
) -> None:
    first = await bench.begin(PART)
    await bench.hear_part(first)
    second = await bench.second()
    await until(lambda: bench.order_states() == ["done", "accepted"])
    if ended:
        await bench.hear(second, number=2)
        await bench.steps.settled(bench.to_settle, LegFailure.COLLATERAL_REFUSED)
    (fill, *_) = await bench.database.orders.fills_not_final(10**9)
    assert await bench.executor.take_back(fill) is (Reversal.REOPENED if ended else Reversal.OPEN)
    assert bench.order_states() == ["done", "accepted"]
    bench.to_settle.clear()
    if ended:
        await bench.executor.end_as_filled(second.order_hash)
    else:
        await bench.hear(second, number=2)
    assert bench.settled() == [(SettlementStep.DELIVER, shares("8.5185"), "4.59999")]
