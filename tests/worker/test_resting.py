"""Orders that rest in the book: sent once, cancelled when their time is over, ended once with all that they filled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from remora.domain.errors import OutcomeUnknown, Retryable
from remora.domain.ids import PolicyId, TxHash
from remora.domain.money import ZERO_SHARES, Shares
from remora.domain.order import OrderKind, OrderReport, SettlementStep, SignedOrder
from remora.domain.reasons import Reason, because
from remora.execute.reconcile import Reconciler, ReconcileRules
from remora.execute.retract import Retractor
from tests.fakes.chain import FakeChain
from tests.fakes.clock import START_US, US, SimulatedClock
from tests.fakes.database import Database
from tests.fakes.signer import FakeSigner
from tests.fakes.specimens import TOKEN, collateral, intent, shares, signal
from tests.fakes.venue import FakeVenue
from tests.fakes.waiting import until
from tests.worker.executing import Executing

REST_S = 30
TX = TxHash(f"0x{2001:064x}")
"""The transaction of a specimen fill."""


class Resting(Executing):
    """An executor and a reconciler, and orders that rest."""

    async def rest(self) -> SignedOrder:
        """Send an order that finds nobody at once: 10 for 18.51 shares at 0.54."""
        of = signal()
        intents = [intent(1, of=of, kind=OrderKind.GTD, rest_s=REST_S)]
        await self.database.decided(of, intents)
        if not self.venue.answers:
            self.venue.answers.append("live")
        await self.executor.execute(intents)
        self.tell(self.order, "LIVE")
        return self.order

    def tell(self, order: SignedOrder, status: str, matched: Shares = ZERO_SHARES) -> None:
        """Let the venue say how an order stands."""
        self.venue.reports[order.order_hash] = OrderReport(
            order_hash=order.order_hash,
            status=status,
            matched=matched,
            failed=ZERO_SHARES,
            tx_hashes=(TX,) if matched else (),
            pending=status == "LIVE",
        )

    def reconciler(self) -> Reconciler:
        """Make a reconciler."""
        return Reconciler(
            rules=ReconcileRules(),
            executor=self.executor,
            venue=self.venue,
            store=self.database.orders,
            clock=self.clock,
            hear=_hear_nothing,
        )

    async def reconcile(self) -> None:
        """Reconcile once."""
        await self.reconciler().reconcile()

    def retractor(self) -> Retractor:
        """Make one that takes back the orders of the halted."""
        return Retractor(
            store=self.database.orders,
            clock=self.clock,
            is_halting=lambda: bool(self.stopped),
            stopped=lambda intent: self.stopped.get(intent.policy_id),
            take_out=self.reconciler().take_out,
        )

    async def take_back(self) -> None:
        """Take back once."""
        await self.reconciler().take_out(await self.retractor().end_rests())


async def _hear_nothing(_tx_hash: TxHash) -> None:
    """Everything is heard already."""


@pytest.fixture
async def bench(
    venue: FakeVenue, chain: FakeChain, signer: FakeSigner, database: Database, clock: SimulatedClock
) -> AsyncIterator[Resting]:
    bench = Resting(venue=venue, chain=chain, signer=signer, database=database, clock=clock)
    await bench.fund("100", "100", "100")
    with capture_logs():
        yield bench
    await bench.stop()


async def test_an_order_rests_until_its_time_is_over(bench: Resting, clock: SimulatedClock) -> None:
    order = await bench.rest()
    assert (order.kind, order.expiration_s) == ("GTD", START_US // US + REST_S + 180)
    assert (order.terms.maker_amount, order.terms.taker_amount) == (collateral("9.9954").units, shares("18.51").units)
    clock.advance(REST_S - 0.001)
    await bench.reconcile()
    assert bench.venue.asked.count("cancel") == 0
    assert bench.database.states() == {"policy-1": "ordered"}
    clock.advance(0.001)
    await bench.reconcile()
    assert bench.venue.asked.count("cancel") == 1
    assert bench.order_states() == ["done"]
    assert bench.database.reasons() == {"policy-1": ("NOT_FILLED", {"limit": "0.54"})}
    assert bench.free() == "100"


async def test_what_it_filled_in_parts_is_allocated_once_at_its_end(bench: Resting, clock: SimulatedClock) -> None:
    bench.venue.answers.append((collateral("1").units, shares("2").units))  # at once, of 18.51
    order = await bench.rest()
    await bench.hear(order, shares=shares("2"), paid=collateral("1"))
    assert bench.order_states() == ["accepted"]
    clock.advance(5)
    await bench.hear(order, shares=shares("3"), paid=collateral("1.62"), number=2)
    assert bench.to_settle == []
    clock.advance(REST_S)
    await bench.reconcile()
    bench.tell(order, "CANCELED", shares("5"))
    await bench.reconcile()
    assert bench.order_states() == ["done"]
    assert [(x.step, x.shares, x.collateral) for x in bench.to_settle] == [
        (SettlementStep.DELIVER, shares("5"), collateral("2.62"))
    ]


async def test_what_filled_whole_ends_before_its_time(bench: Resting) -> None:
    bench.venue.answers.append((collateral("9.9954").units, shares("18.51").units))
    order = await bench.rest()
    await bench.hear(order)
    assert bench.order_states() == ["done"]
    await bench.reconcile()
    assert bench.venue.asked.count("cancel") == 0


async def test_a_cancellation_of_unknown_outcome_is_asked_again_and_the_venues_word_counts(
    bench: Resting, clock: SimulatedClock
) -> None:
    order = await bench.rest()
    bench.venue.troubles["cancel"].append(Retryable("the answer was lost"))
    clock.advance(REST_S)
    await bench.reconcile()
    assert bench.order_states() == ["accepted"]
    bench.tell(order, "CANCELED", shares("2"))  # it had been taken out, and had matched before
    await bench.reconcile()
    assert bench.order_states() == ["accepted"]  # the match is not heard from a block yet
    await bench.hear(order, shares=shares("2"), paid=collateral("1"))
    await bench.reconcile()
    assert bench.order_states() == ["done"]
    assert [x.shares for x in bench.to_settle] == [shares("2")]
    assert bench.venue.asked.count("cancel") == 3


@pytest.mark.parametrize("answer", ["live", OutcomeUnknown("lost")])
async def test_another_process_takes_it_out_of_the_book(
    bench: Resting, clock: SimulatedClock, answer: str | OutcomeUnknown
) -> None:
    bench.venue.answers.append(answer)
    await bench.rest()
    bench.restart()
    await bench.fund("100", "100", "100")
    await bench.executor.restore_holds()
    clock.advance(REST_S)
    await bench.reconcile()
    assert bench.order_states() == ["done"]
    assert bench.free() == "100"
    assert len(bench.venue.submitted) == 1


async def test_an_exit_ends_the_rest_of_its_own_policies_only(bench: Resting, clock: SimulatedClock) -> None:
    await bench.rest()
    store = bench.database.signals
    await store.stop_resting(TOKEN, [PolicyId("policy-2")], clock.now_us())
    await bench.reconcile()
    assert bench.venue.asked.count("cancel") == 0
    await store.stop_resting(TOKEN, [PolicyId("policy-1"), PolicyId("policy-2")], clock.now_us())
    await bench.reconcile()
    assert bench.venue.asked.count("cancel") == 1
    assert bench.order_states() == ["done"]


async def test_resting_is_not_being_stuck(bench: Resting, clock: SimulatedClock) -> None:
    of = signal()
    resting = [intent(1, of=of, kind=OrderKind.GTD, rest_s=300)]
    await bench.database.decided(of, resting)
    bench.venue.answers.append("live")
    await bench.executor.execute(resting)
    bench.tell(bench.order, "LIVE")
    with capture_logs() as logs:
        clock.advance(200)
        await bench.reconcile()
    assert "order_stuck" not in [entry["event"] for entry in logs]


async def test_what_must_fill_whole_is_sent_as_such(bench: Resting) -> None:
    of = signal()
    whole = [intent(1, of=of, kind=OrderKind.FOK)]
    await bench.database.decided(of, whole)
    await bench.executor.execute(whole)
    assert (bench.order.kind, bench.order.expiration_s) == ("FOK", 0)
    assert bench.order_states() == ["accepted"]


HALTED = because(Reason.STOPPED, whom="follower 0x1", why="by hand")
STOPPED = ("STOPPED", {"whom": "follower 0x1", "why": "by hand"})


async def test_an_order_of_the_halted_is_taken_back_at_once_and_says_why(bench: Resting) -> None:
    await bench.rest()
    assert await bench.retractor().end_rests() == frozenset()
    bench.stopped["policy-1"] = HALTED
    await bench.take_back()
    assert bench.venue.asked.count("cancel") == 1
    assert bench.order_states() == ["done"]
    assert bench.database.reasons() == {"policy-1": STOPPED}
    assert bench.free() == "100"


async def test_an_order_of_others_goes_on_resting(bench: Resting) -> None:
    await bench.rest()
    bench.stopped["policy-2"] = HALTED
    await bench.take_back()
    assert bench.venue.asked.count("cancel") == 0
    assert bench.order_states() == ["accepted"]


async def test_what_it_filled_before_it_was_taken_back_is_settled(bench: Resting) -> None:
    bench.venue.answers.append((collateral("1").units, shares("2").units))  # at once, of 18.51
    order = await bench.rest()
    await bench.hear(order, shares=shares("2"), paid=collateral("1"))
    bench.stopped["policy-1"] = HALTED
    bench.tell(order, "LIVE", shares("2"))
    await bench.take_back()
    assert bench.order_states() == ["done"]
    assert bench.database.states() == {"policy-1": "filled"}
    assert [(x.step, x.shares, x.collateral) for x in bench.to_settle] == [
        (SettlementStep.DELIVER, shares("2"), collateral("1"))
    ]


@pytest.mark.parametrize("restarts", [False, True])
async def test_one_that_could_not_be_cancelled_at_once_is_cancelled_again(bench: Resting, *, restarts: bool) -> None:
    await bench.rest()
    bench.stopped["policy-1"] = HALTED
    bench.venue.troubles["cancel"].append(Retryable("the answer was lost"))
    await bench.take_back()
    assert bench.order_states() == ["accepted"]
    if restarts:
        bench.restart()
        await bench.fund("100", "100", "100")
        await bench.executor.restore_holds()
    await bench.reconcile()
    assert bench.venue.asked.count("cancel") == 2
    assert bench.order_states() == ["done"]
    assert bench.database.reasons() == {"policy-1": STOPPED}


async def test_one_whose_acceptance_is_unknown_is_cancelled_until_the_venue_says_what_became_of_it(
    bench: Resting, clock: SimulatedClock
) -> None:
    bench.venue.answers.append(OutcomeUnknown("lost"))
    order = await bench.rest()
    del bench.venue.reports[order.order_hash]  # it is still under way
    bench.stopped["policy-1"] = HALTED
    await bench.take_back()
    assert bench.order_states() == ["recorded"]
    bench.tell(order, "LIVE")
    clock.advance(1)
    await bench.reconcile()
    assert bench.order_states() == ["done"]
    assert bench.database.reasons() == {"policy-1": STOPPED}


async def test_a_loop_takes_back_what_came_into_the_book_after_the_halt(bench: Resting) -> None:
    bench.stopped["policy-2"] = HALTED
    await bench.rest()
    looking = asyncio.create_task(bench.retractor().run())
    await asyncio.sleep(0)
    bench.stopped["policy-1"] = HALTED
    await until(lambda: bench.order_states() == ["done"])
    looking.cancel()
    assert bench.database.reasons() == {"policy-1": STOPPED}
