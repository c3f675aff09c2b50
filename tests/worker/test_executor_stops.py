"""A stop holds what is not sent, wherever it waits, and lets what was sent come to its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from remora.domain.errors import Retryable
from remora.domain.order import SettlementStep, SignedOrder
from remora.domain.reasons import Reason, because
from remora.domain.signal import Side
from tests.fakes.chain import FakeChain
from tests.fakes.clock import SimulatedClock
from tests.fakes.database import Database
from tests.fakes.signer import FakeSigner
from tests.fakes.specimens import collateral, follower, shares
from tests.fakes.venue import FakeVenue
from tests.fakes.waiting import until
from tests.worker.executing import Executing

STOPPED = because(Reason.STOPPED, whom="follower 0x1", why="by hand")
WHY = ("STOPPED", {"whom": "follower 0x1", "why": "by hand"})


@pytest.fixture
async def bench(
    venue: FakeVenue, chain: FakeChain, signer: FakeSigner, database: Database, clock: SimulatedClock
) -> AsyncIterator[Executing]:
    bench = Executing(venue=venue, chain=chain, signer=signer, database=database, clock=clock)
    await bench.fund("100", "0", "0")
    yield bench
    await bench.stop()


def stop(bench: Executing, number: int) -> None:
    """Stop a policy."""
    bench.stopped[f"policy-{number}"] = STOPPED


async def test_a_pending_entry_is_not_sent(bench: Executing) -> None:
    intents = await bench.steps.pending(1, 2)
    stop(bench, 1)
    await bench.executor.execute(intents)
    assert bench.database.states() == {"policy-1": "failed", "policy-2": "ordered"}
    assert bench.database.reasons() == {"policy-1": WHY}
    assert bench.order.terms.maker_amount == collateral("10").units


@pytest.mark.parametrize(("stopped", "states"), [((1,), ["failed", "ordered"]), ((1, 2), ["failed", "failed"])])
async def test_an_entry_that_waits_for_a_wallet_is_not_sent(
    bench: Executing, stopped: tuple[int, ...], states: list[str]
) -> None:
    intents = await bench.steps.pending(1, 2)
    async with bench.fleet.checkout("somebody", collateral("1"), only=bench.fleet.wallets[0]):
        waiting = asyncio.create_task(bench.executor.execute(intents))
        await until(lambda: "market" in bench.venue.asked)
        for number in stopped:
            stop(bench, number)
    await waiting
    assert list(bench.database.states().values()) == states
    assert [order.terms.maker_amount for order in bench.venue.submitted] == [
        collateral("10").units for state in states if state == "ordered"
    ]
    assert bench.free() == ("80" if "ordered" in states else "100")  # the promise for both stands until it ends


async def test_an_order_that_the_venue_did_not_look_at_goes_without_the_stopped(bench: Executing) -> None:
    intents = await bench.steps.pending(1, 2)
    bench.venue.answers.append(Retryable("429", 1.0))

    async def stop_the_first(_order: SignedOrder) -> None:
        stop(bench, 1)

    bench.venue.before_answer = stop_the_first
    await bench.executor.execute(intents)
    first, second = bench.venue.submitted
    assert (first.terms.maker_amount, second.terms.maker_amount) == (
        collateral("20").units,
        collateral("10").units,
    )
    assert bench.order_states() == ["rejected", "accepted"]
    assert bench.database.states() == {"policy-1": "failed", "policy-2": "ordered"}
    await bench.hear(second)
    assert bench.database.states() == {"policy-1": "failed", "policy-2": "filled"}
    assert bench.free() == "100"  # as the chain says


async def test_an_order_that_stood_in_line_for_the_venues_limits_goes_without_the_stopped(bench: Executing) -> None:
    intents = await bench.steps.pending(1, 2)

    async def stop_the_first(_order: SignedOrder) -> None:
        stop(bench, 1)

    bench.venue.in_line = stop_the_first
    await bench.executor.execute(intents)
    assert bench.order.terms.maker_amount == collateral("10").units
    assert sorted(bench.order_states()) == ["accepted", "rejected"]
    assert bench.database.reasons() == {"policy-1": WHY}


async def test_an_order_that_stood_in_line_for_too_long_is_not_posted(bench: Executing, clock: SimulatedClock) -> None:
    intents = await bench.steps.pending(1)

    async def dawdle(_order: SignedOrder) -> None:
        clock.advance(61)

    bench.venue.in_line = dawdle
    await bench.executor.execute(intents)
    assert bench.venue.submitted == []
    assert bench.database.reasons() == {"policy-1": ("EXPIRED", {"late_s": "1"})}


async def test_an_order_of_the_stopped_alone_is_not_posted_again(bench: Executing) -> None:
    intents = await bench.steps.pending(1)
    bench.venue.answers.append(Retryable("503", 1.0))

    async def stop_the_first(_order: SignedOrder) -> None:
        stop(bench, 1)

    bench.venue.before_answer = stop_the_first
    await bench.executor.execute(intents)
    assert len(bench.venue.submitted) == 1
    assert bench.order_states() == ["rejected"]
    assert bench.database.reasons() == {"policy-1": WHY}
    assert bench.free() == "100"


async def test_a_pending_exit_is_not_collected(bench: Executing) -> None:
    intents = await bench.steps.pending(1, 2, side=Side.SELL)
    stop(bench, 1)
    await bench.executor.execute(intents)
    assert bench.database.states() == {"policy-1": "failed", "policy-2": "collecting"}
    assert [leg.follower for leg in bench.to_settle] == [follower(2)]


async def test_a_collected_exit_is_given_back(bench: Executing) -> None:
    collected = await bench.steps.collected(1, 2)
    stop(bench, 1)
    bench.run()
    bench.executor.sell_later(collected)
    await until(lambda: "accepted" in bench.order_states())
    assert bench.database.states() == {"policy-1": "failed", "policy-2": "ordered"}
    assert bench.order.terms.maker_amount == shares("20").units
    (back,) = bench.to_settle
    assert (back.step, back.follower, back.returned) == (SettlementStep.REMIT, follower(1), shares("20"))


async def test_an_exit_that_the_venue_did_not_look_at_is_given_back(bench: Executing) -> None:
    collected = await bench.steps.collected(1)
    bench.venue.answers.append(Retryable("429", 1.0))

    async def stop_it(_order: SignedOrder) -> None:
        stop(bench, 1)

    bench.venue.before_answer = stop_it
    bench.run()
    bench.executor.sell_later(collected)
    await until(lambda: bench.to_settle)
    assert bench.order_states() == ["rejected"]
    assert bench.database.reasons() == {"policy-1": WHY}
    assert bench.to_settle[0].returned == shares("20")


async def test_what_was_sent_is_settled(bench: Executing) -> None:
    await bench.executor.execute(await bench.steps.pending(1))
    stop(bench, 1)
    await bench.hear(bench.order)
    assert bench.database.states() == {"policy-1": "filled"}
    assert [leg.step for leg in bench.to_settle] == [SettlementStep.DELIVER]
