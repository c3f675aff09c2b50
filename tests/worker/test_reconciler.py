"""Orders of unknown outcome: adopted when the venue has them, released only when they never arrived."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from remora.domain.errors import OutcomeUnknown, Refused, RemoraError, Retryable
from remora.domain.ids import OrderHash, TxHash
from remora.domain.money import Shares
from remora.domain.order import OrderReport, SettlementStep, SignedOrder
from remora.execute.reconcile import Reconciler, ReconcileRules
from tests.fakes.chain import FakeChain
from tests.fakes.clock import SimulatedClock
from tests.fakes.database import Database
from tests.fakes.signer import FakeSigner
from tests.fakes.specimens import collateral, shares
from tests.fakes.venue import FakeVenue
from tests.fakes.waiting import settle_down, until
from tests.worker.executing import Executing

TX = TxHash(f"0x{2001:064x}")
"""The transaction of a specimen fill."""


class Reconciling(Executing):
    """An executor with a reconciler; `hidden` are orders whose fill the chain has and nobody heard."""

    hidden: dict[TxHash, SignedOrder]

    def reconciler(self) -> Reconciler:
        self.hidden = {}
        return Reconciler(
            rules=ReconcileRules(),
            executor=self.executor,
            venue=self.venue,
            store=self.database.orders,
            clock=self.clock,
            hear=self._hear_hidden,
        )

    async def lose(self, *policies: int, count: int = 1) -> list[SignedOrder]:
        """Submit orders whose answers are lost."""
        self.venue.answers.extend([OutcomeUnknown("the answer was lost")] * count)
        for _ in range(count):
            await self.executor.execute(await self.steps.pending(*policies or (1,)))
        return self.venue.submitted[-count:]

    def report(self, order: SignedOrder, **changes: object) -> None:
        """Let the venue know an order: matched in full, in one transaction, for good."""
        known: dict[str, object] = {
            "status": "matched",
            "matched": Shares(order.terms.taker_amount),
            "failed": Shares(0),
            "tx_hashes": (TX,),
            "pending": False,
        }
        self.venue.reports[order.order_hash] = OrderReport(
            order_hash=order.order_hash,
            **known | changes,  # type: ignore[arg-type]  # fields by name
        )

    async def _hear_hidden(self, tx_hash: TxHash) -> None:
        if tx_hash in self.hidden:
            await self.hear(self.hidden[tx_hash])


@pytest.fixture
async def bench(
    venue: FakeVenue, chain: FakeChain, signer: FakeSigner, database: Database, clock: SimulatedClock
) -> AsyncIterator[Reconciling]:
    bench = Reconciling(venue=venue, chain=chain, signer=signer, database=database, clock=clock)
    await bench.fund("100", "100", "100")
    with capture_logs():
        yield bench
    await bench.stop()


async def test_a_young_order_is_left_alone(bench: Reconciling, clock: SimulatedClock) -> None:
    await bench.lose()
    clock.advance(4.999)
    await bench.reconciler().reconcile()
    assert bench.venue.asked.count("report") == 0
    clock.advance(0.001)
    await bench.reconciler().reconcile()
    assert bench.venue.asked.count("report") == 1


async def test_an_order_that_the_venue_has_is_adopted_and_ended_when_its_fill_is_heard(
    bench: Reconciling, clock: SimulatedClock
) -> None:
    (order,) = await bench.lose()
    reconciler = bench.reconciler()
    bench.report(order, pending=True)
    clock.advance(30)
    await reconciler.reconcile()
    assert bench.order_states() == ["accepted"]
    await bench.hear(order)
    bench.report(order)
    await reconciler.reconcile()
    assert bench.order_states() == ["done"]
    assert bench.database.states() == {"policy-1": "filled"}
    assert [x.step for x in bench.to_settle] == [SettlementStep.DELIVER]
    assert len(bench.venue.submitted) == 1


async def test_a_fill_that_was_not_heard_is_looked_for(bench: Reconciling, clock: SimulatedClock) -> None:
    (order,) = await bench.lose()
    reconciler = bench.reconciler()
    bench.report(order)
    clock.advance(6)
    await reconciler.reconcile()  # the chain does not have it yet
    assert bench.order_states() == ["accepted"]
    bench.hidden[TX] = order
    await reconciler.reconcile()
    assert bench.order_states() == ["done"]
    assert [x.shares for x in bench.to_settle] == [Shares(order.terms.taker_amount)]


async def test_what_is_filled_is_what_blocks_hold_and_not_what_the_venue_says(
    bench: Reconciling, clock: SimulatedClock
) -> None:
    (order,) = await bench.lose()
    await bench.hear(order, shares=shares("5"), paid=collateral("2"))
    bench.report(order)
    clock.advance(6)
    await bench.reconciler().reconcile()
    assert [(x.shares, x.collateral) for x in bench.to_settle] == [(shares("5"), collateral("2"))]


@pytest.mark.parametrize(
    ("failed", "reason"),
    [
        (Shares(0), ("NOT_FILLED", {"limit": "0.54"})),
        (shares("18"), ("MATCH_REVERTED", {"shares": "18"})),
    ],
)
async def test_a_match_that_never_was_or_failed_ends_with_nothing(
    bench: Reconciling, clock: SimulatedClock, failed: Shares, reason: tuple[str, dict[str, str]]
) -> None:
    (order,) = await bench.lose()
    bench.report(order, matched=Shares(0), failed=failed, tx_hashes=())
    clock.advance(6)
    await bench.reconciler().reconcile()
    assert bench.order_states() == ["done"]
    assert bench.database.reasons() == {"policy-1": reason}
    assert bench.free() == "100"


async def test_trades_that_are_not_written_yet_are_waited_for(bench: Reconciling, clock: SimulatedClock) -> None:
    """The venue acknowledged 18 shares; its trades show 10 so far."""
    bench.venue.answers.append((collateral("10").units, shares("18").units))
    await bench.executor.execute(await bench.steps.pending(1))
    await bench.hear(bench.order, shares=shares("10"), paid=collateral("5"))
    bench.report(bench.order, matched=shares("10"))
    clock.advance(60)
    await bench.reconciler().reconcile()
    assert bench.order_states() == ["accepted"]
    bench.report(bench.order, matched=shares("10"), failed=shares("8"))
    await bench.reconciler().reconcile()
    assert bench.order_states() == ["done"]


async def test_an_order_is_not_ended_while_more_of_it_may_match(bench: Reconciling, clock: SimulatedClock) -> None:
    (order,) = await bench.lose()
    await bench.hear(order, shares=shares("5"), paid=collateral("2"))
    bench.report(order, status="live", matched=shares("5"), pending=True)
    clock.advance(60)
    await bench.reconciler().reconcile()
    assert bench.order_states() == ["accepted"]
    assert bench.to_settle == []


async def test_what_never_arrived_is_released_and_ordered_anew(bench: Reconciling, clock: SimulatedClock) -> None:
    (lost,) = await bench.lose(1, 2)
    reconciler = bench.reconciler()
    clock.advance(24.9)
    await reconciler.reconcile()
    assert bench.order_states() == ["recorded"]
    clock.advance(0.1)
    await reconciler.reconcile()
    assert bench.order_states() == ["rejected"]
    assert bench.database.states() == {"policy-1": "pending", "policy-2": "pending"}
    assert bench.free() == "100"
    bench.run()
    await bench.executor.resume()
    await until(lambda: bench.order_states() == ["rejected", "accepted"])
    again = bench.venue.submitted[-1]
    assert again.order_hash != lost.order_hash
    assert again.terms.maker_amount == lost.terms.maker_amount


async def test_a_sale_that_never_arrived_is_sold_anew(bench: Reconciling, clock: SimulatedClock) -> None:
    await bench.steps.collected(1)
    bench.venue.answers.append(OutcomeUnknown("lost"))
    await bench.executor.resume_collected(None)
    clock.advance(25)
    await bench.reconciler().reconcile()
    assert bench.database.states() == {"policy-1": "collected"}
    await bench.executor.resume_collected(None)
    assert bench.order_states() == ["rejected", "accepted"]


async def test_an_order_with_a_fill_is_never_released(bench: Reconciling, clock: SimulatedClock) -> None:
    (order,) = await bench.lose()
    await bench.hear(order, shares=shares("1"), paid=collateral("0.5"))
    clock.advance(3600)
    await bench.reconciler().reconcile()
    assert bench.order_states() == ["recorded"]
    assert bench.database.states() == {"policy-1": "ordered"}


async def test_an_acknowledged_order_is_never_released(bench: Reconciling, clock: SimulatedClock) -> None:
    bench.venue.answers.append("delayed")
    await bench.executor.execute(await bench.steps.pending(1))
    clock.advance(3600)
    await bench.reconciler().reconcile()
    assert bench.order_states() == ["accepted"]


async def test_an_order_that_may_still_be_posted_is_never_released(bench: Reconciling, clock: SimulatedClock) -> None:
    """The POST hangs in a rate limit: released now, it would be bought twice."""
    gate = asyncio.Event()

    async def hang(_order: SignedOrder) -> None:
        await gate.wait()

    bench.venue.before_answer = hang
    posting = asyncio.ensure_future(bench.executor.execute(await bench.steps.pending(1)))
    await until(lambda: bench.venue.submitted)
    clock.advance(40)
    await bench.reconciler().reconcile()
    assert bench.venue.asked.count("report") == 1
    assert bench.order_states() == ["recorded"]
    gate.set()
    await posting
    assert bench.order_states() == ["accepted"]
    assert len(bench.venue.submitted) == 1


@pytest.mark.parametrize("trouble", [Retryable("busy"), Refused("no"), OutcomeUnknown("lost")])
async def test_trouble_with_one_question_stops_no_other(
    bench: Reconciling, clock: SimulatedClock, trouble: RemoraError
) -> None:
    orders = await bench.lose(count=3)
    for number, order in enumerate(orders):
        bench.report(order, tx_hashes=(), matched=Shares(0), status=str(number))
    bench.venue.troubles["report"].append(trouble)
    clock.advance(30)
    await bench.reconciler().reconcile()
    assert sorted(bench.order_states()) == ["done", "done", "recorded"]
    await bench.reconciler().reconcile()
    assert bench.order_states() == ["done"] * 3


async def test_reconciling_twice_ends_an_order_once(bench: Reconciling, clock: SimulatedClock) -> None:
    (order,) = await bench.lose()
    await bench.hear(order)
    bench.report(order)
    clock.advance(6)
    reconciler = bench.reconciler()
    await asyncio.gather(reconciler.reconcile(), reconciler.reconcile())
    assert len(bench.to_settle) == 1
    assert bench.database.committed("SELECT count(*) FROM legs") == [1]


async def test_the_loop_brings_back_what_nobody_has_in_hand(bench: Reconciling) -> None:
    await bench.steps.pending(1)  # by a process that died right after
    bench.run()
    loop = asyncio.ensure_future(bench.reconciler().run())
    await until(lambda: bench.order_states() == ["accepted"])
    await settle_down()
    loop.cancel()
    assert len(bench.venue.submitted) == 1


async def test_orders_of_an_earlier_process_are_ended_too(bench: Reconciling, clock: SimulatedClock) -> None:
    (order,) = await bench.lose()
    bench.restart()
    await bench.fund("100", "100", "100")
    await bench.executor.restore_holds()
    bench.report(order)
    reconciler = bench.reconciler()
    bench.hidden[TX] = order
    clock.advance(6)
    await reconciler.reconcile()
    assert bench.order_states() == ["done"]
    assert bench.free() == "100"
    assert await bench.look(OrderHash(order.order_hash)) == "ended"


async def test_an_order_without_an_end_after_a_minute_is_told_of_once_a_minute(
    bench: Reconciling, clock: SimulatedClock
) -> None:
    (order,) = await bench.lose()
    bench.report(order, pending=True)
    reconciler = bench.reconciler()
    with capture_logs() as logs:
        for _ in range(125):
            clock.advance(1)
            await reconciler.reconcile()
        told = [entry["age_s"] for entry in logs if entry["event"] == "order_stuck"]
    assert told == [60, 120]
    assert bench.order_states() == ["accepted"]
