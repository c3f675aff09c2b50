"""Entries: recorded before they are sent, sent once, ended once, and never twice the same float."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from remora.domain.errors import InvariantBroken, OperatorError, OutcomeUnknown, Refused, RemoraError, Retryable
from remora.domain.ids import OrderHash
from remora.domain.order import SettlementStep, SignedOrder
from remora.execute.worker import SALT_BITS
from tests.fakes.chain import FakeChain
from tests.fakes.clock import START_US, US, SimulatedClock
from tests.fakes.database import Database
from tests.fakes.signer import FakeSigner
from tests.fakes.specimens import TOKEN, collateral, fill, follower, intent, market, price, shares, signal, wallet
from tests.fakes.venue import FakeVenue
from tests.fakes.waiting import settle_down, until
from tests.worker.executing import Executing


@pytest.fixture
async def bench(
    venue: FakeVenue, chain: FakeChain, signer: FakeSigner, database: Database, clock: SimulatedClock
) -> AsyncIterator[Executing]:
    bench = Executing(venue=venue, chain=chain, signer=signer, database=database, clock=clock)
    await bench.fund("100", "100", "100")
    yield bench
    await bench.stop()


async def test_an_entry_from_intent_to_settlement(bench: Executing) -> None:
    await bench.executor.execute(await bench.steps.pending(1, 2))
    assert bench.database.states() == {"policy-1": "ordered", "policy-2": "ordered"}
    assert bench.free() == "80"  # 20 are promised
    await bench.hear(bench.order, shares=shares("40"))  # 20 for 40 shares, better than the limit
    assert bench.database.states() == {"policy-1": "filled", "policy-2": "filled"}
    assert bench.order_states() == ["done"]
    assert [(x.step, x.wallet, x.follower, x.shares, x.collateral) for x in bench.to_settle] == [
        (SettlementStep.DELIVER, wallet(1), follower(1), shares("20"), collateral("10")),
        (SettlementStep.DELIVER, wallet(1), follower(2), shares("20"), collateral("10")),
    ]
    assert len(await bench.database.settlements.pending_legs()) == 2
    assert bench.free() == "100"  # as the chain says


async def test_the_order_asks_for_what_the_intents_want(bench: Executing, clock: SimulatedClock) -> None:
    clock.advance(3)
    await bench.executor.execute(await bench.steps.pending(1, 2, 3))
    terms = bench.order.terms
    assert (terms.maker, terms.signer, terms.token_id) == (wallet(1), wallet(1), TOKEN)
    assert terms.maker_amount == collateral("30").units
    assert terms.taker_amount == shares("55.5555").units  # 30 / 0.54 to 4 decimals
    assert terms.timestamp_ms == (START_US + 3 * US) // 1000
    assert 0 <= terms.salt < 2**SALT_BITS
    assert (bench.order.kind, terms.signature_type) == ("FAK", 0)


async def test_an_order_is_on_the_disk_before_it_is_sent(bench: Executing) -> None:
    seen: list[Any] = []

    async def look(order: SignedOrder) -> None:
        seen.extend(bench.database.committed("SELECT order_hash, state, sent_us FROM orders"))
        seen.append(bench.database.states())
        assert order.order_hash == seen[0][0]

    bench.venue.before_answer = look
    await bench.executor.execute(await bench.steps.pending(1))
    assert seen == [(bench.order.order_hash, "recorded", START_US), {"policy-1": "ordered"}]


async def test_an_order_that_cannot_be_recorded_is_not_sent(bench: Executing) -> None:
    intents = await bench.steps.pending(1)
    await bench.steps.ordered(intents)  # by somebody else, after they were read
    with capture_logs() as logs:
        await bench.executor.execute(intents)
    assert bench.venue.submitted == []
    assert [entry["event"] for entry in logs] == ["execution_halted"]
    assert bench.free() == "100"


async def test_the_blocks_word_may_come_before_the_venues(bench: Executing) -> None:
    async def fill_first(order: SignedOrder) -> None:
        await bench.hear(order)
        assert await bench.look(order.order_hash) == "open"  # more may have matched

    bench.venue.before_answer = fill_first
    await bench.executor.execute(await bench.steps.pending(1))
    assert bench.order_states() == ["done"]
    assert len(bench.to_settle) == 1


async def test_an_order_ends_when_blocks_hold_all_that_matched(bench: Executing) -> None:
    bench.venue.answers.append((collateral("10").units, shares("20").units))
    await bench.executor.execute(await bench.steps.pending(1))
    await bench.hear(bench.order, shares=shares("5"), paid=collateral("2.5"), number=1)
    assert bench.order_states() == ["accepted"]
    assert bench.to_settle == []
    await bench.hear(bench.order, shares=shares("15"), paid=collateral("7"), number=2)
    assert bench.order_states() == ["done"]
    assert [(x.shares, x.collateral) for x in bench.to_settle] == [(shares("20"), collateral("9.5"))]


async def test_a_fill_that_is_heard_twice_counts_once(bench: Executing) -> None:
    bench.venue.answers.append((collateral("10").units, shares("20").units))
    await bench.executor.execute(await bench.steps.pending(1))
    for _ in range(3):
        await bench.hear(bench.order, shares=shares("10"), paid=collateral("5"))
    assert (await bench.database.orders.filled(bench.order.order_hash)).shares == shares("10")
    assert bench.order_states() == ["accepted"]
    await asyncio.gather(*(bench.hear(bench.order, shares=shares("10"), paid=collateral("5"), number=2) for _ in "ab"))
    assert bench.order_states() == ["done"]
    assert len(bench.to_settle) == 1
    assert bench.database.committed("SELECT count(*) FROM fills") == [2]


async def test_what_was_paid_is_the_fills_price_and_not_the_quotes(bench: Executing) -> None:
    await bench.executor.execute(await bench.steps.pending(1))
    await bench.hear(bench.order, shares=shares("20"), paid=collateral("6"))
    assert [(x.shares, x.collateral) for x in bench.to_settle] == [(shares("20"), collateral("6"))]
    books = await bench.database.settlements.ledger_balances()
    assert books[f"operator:{wallet(1)}", "collateral"] == -collateral("6").units


async def test_an_unknown_outcome_is_never_sent_again(bench: Executing) -> None:
    bench.venue.answers.append(OutcomeUnknown("the answer was lost"))
    await bench.executor.execute(await bench.steps.pending(1))
    await bench.executor.resume()
    bench.run()
    await settle_down()
    assert len(bench.venue.submitted) == 1
    assert bench.order_states() == ["recorded"]
    assert bench.database.states() == {"policy-1": "ordered"}
    assert bench.free() == "90"  # still promised
    await bench.hear(bench.order)  # it had been accepted
    assert bench.order_states() == ["recorded"]


async def test_what_the_venue_did_not_look_at_is_sent_again_as_the_same_order(
    bench: Executing, clock: SimulatedClock
) -> None:
    sent_us: list[int] = []

    async def note(_order: SignedOrder) -> None:
        sent_us.extend(bench.database.committed("SELECT sent_us FROM orders"))

    bench.venue.before_answer = note
    bench.venue.answers.extend([Retryable("busy", 2.0), Retryable("too many requests", 3.0)])
    await bench.executor.execute(await bench.steps.pending(1))
    assert len({order.order_hash for order in bench.venue.submitted}) == 1
    assert len(bench.venue.submitted) == 3
    assert clock.slept_s == [2.0, 3.0]
    assert sent_us == [START_US, START_US + 2 * US, START_US + 5 * US]  # on the disk each time before it is sent
    assert bench.database.committed("SELECT count(*) FROM orders") == [1]
    assert bench.order_states() == ["accepted"]


async def test_it_is_not_sent_again_after_the_deadline(bench: Executing, clock: SimulatedClock) -> None:
    bench.venue.answers.extend([Retryable("busy", 25.0)] * 9)
    await bench.executor.execute(await bench.steps.pending(1))  # until 60 s
    assert len(bench.venue.submitted) == 3  # at 0, 25 and 50 s
    assert clock.now_us() == START_US + 50 * US
    assert bench.order_states() == ["rejected"]
    assert bench.database.reasons() == {"policy-1": ("EXPIRED", {"late_s": "0"})}
    assert bench.free() == "100"


async def test_a_refusal_fails_the_intents_in_the_venues_words(bench: Executing) -> None:
    bench.venue.answers.append(Refused("not enough balance / allowance"))
    await bench.executor.execute(await bench.steps.pending(1, 2))
    assert bench.order_states() == ["rejected"]
    assert bench.database.states() == {"policy-1": "failed", "policy-2": "failed"}
    words = {"detail": "not enough balance / allowance"}
    assert bench.database.reasons() == {"policy-1": ("OPERATOR_SHORT", words), "policy-2": ("OPERATOR_SHORT", words)}
    assert bench.free() == "100"
    assert bench.to_settle == []


@pytest.mark.parametrize("status", ["delayed", "live"])
async def test_a_delayed_match_is_left_to_be_asked_about(bench: Executing, status: str) -> None:
    bench.venue.answers.append(status)
    await bench.executor.execute(await bench.steps.pending(1))
    assert bench.order_states() == ["accepted"]
    assert (await bench.database.orders.open_orders())[0].matched is None
    assert bench.free() == "90"


async def test_an_order_that_the_venue_has_under_another_hash_is_never_released(bench: Executing) -> None:
    bench.venue.answers.append(InvariantBroken("accepted as 0x1"))
    with capture_logs():
        await bench.executor.execute(await bench.steps.pending(1))
    (order,) = await bench.database.orders.open_orders()
    assert order.state == "accepted"
    assert await bench.executor.release(order) is False
    assert bench.database.states() == {"policy-1": "ordered"}


async def test_block_orders_are_sent_at_once(bench: Executing) -> None:
    """Three limits, three orders, three wallets; each waits at the venue until all are there."""
    together = asyncio.Barrier(3)

    async def wait_for_the_others(_order: SignedOrder) -> None:
        async with asyncio.timeout(20):
            await together.wait()

    bench.venue.before_answer = wait_for_the_others
    of = signal()
    intents = [intent(n, of=of, limit=price(limit)) for n, limit in enumerate(["0.53", "0.54", "0.55"])]
    await bench.database.decided(of, intents)
    await bench.executor.execute(intents)
    assert {order.terms.maker for order in bench.venue.submitted} == {wallet(1), wallet(2), wallet(3)}


@pytest.mark.parametrize("trouble", [OperatorError("no API key"), Refused("no"), OutcomeUnknown("lost")])
async def test_trouble_with_one_order_stops_no_other(bench: Executing, trouble: RemoraError) -> None:
    bench.venue.answers.append(trouble)
    of = signal()
    intents = [intent(n, of=of, limit=price(f"0.5{n}")) for n in range(1, 6)]  # five orders, three wallets
    await bench.database.decided(of, intents)
    with capture_logs():
        await bench.executor.execute(intents)
    assert len(bench.venue.submitted) == 5
    assert bench.order_states().count("accepted") == 4


async def test_what_is_too_late_is_not_sent(bench: Executing, clock: SimulatedClock) -> None:
    of = signal()
    intents = [intent(1, of=of, deadline_us=START_US + 5 * US), intent(2, of=of)]
    await bench.database.decided(of, intents)
    clock.advance(7.5)
    await bench.executor.execute(intents)
    assert bench.database.reasons() == {"policy-1": ("EXPIRED", {"late_s": "2"})}
    assert bench.database.states() == {"policy-1": "failed", "policy-2": "ordered"}
    assert bench.order.terms.maker_amount == collateral("10").units


async def test_without_float_nothing_is_sent_and_the_reason_says_how_much_was_needed(bench: Executing) -> None:
    bench.venue.markets[TOKEN] = market(fee_rate_units=50_000)
    of = signal()
    intents = [intent(1, of=of, budget=collateral("99"), deadline_us=START_US + US // 50)]
    await bench.database.decided(of, intents)
    await bench.executor.execute(intents)
    assert bench.venue.submitted == []
    # 99, a fee of 5 % at most, and one step of the venue's rounding
    assert bench.database.reasons() == {"policy-1": ("NO_FLOAT", {"needed": "103.95001"})}


async def test_many_followers_share_the_float_and_none_is_promised_twice(bench: Executing) -> None:
    """27 x 10 of 3 x 100: each wallet takes one order of 90 at most, so that a fee fits beside it."""
    await bench.executor.execute(await bench.steps.pending(*range(27)))
    assert sorted(order.terms.maker_amount for order in bench.venue.submitted) == [collateral("90").units] * 3
    assert {order.terms.maker for order in bench.venue.submitted} == {wallet(1), wallet(2), wallet(3)}
    assert [bench.free(n) for n in range(3)] == ["10"] * 3


@pytest.mark.parametrize("trouble", [None, Refused("no such token")])
async def test_an_unknown_market_fails_the_intents(bench: Executing, trouble: RemoraError | None) -> None:
    if trouble:
        bench.venue.troubles["market"].append(trouble)
    else:
        bench.venue.markets.clear()
    await bench.executor.execute(await bench.steps.pending(1))
    assert bench.database.reasons() == {"policy-1": ("MARKET_UNKNOWN", {"token_id": str(TOKEN)})}


async def test_a_market_that_cannot_be_read_yet_is_asked_for_again(bench: Executing) -> None:
    bench.venue.troubles["market"].extend([Retryable("busy")] * 2)
    await bench.executor.execute(await bench.steps.pending(1))
    assert bench.order_states() == ["accepted"]


async def test_intents_in_hand_are_not_taken_twice(bench: Executing) -> None:
    gate = asyncio.Event()

    async def wait(_order: SignedOrder) -> None:
        await gate.wait()

    bench.venue.before_answer = wait
    intents = await bench.steps.pending(1, 2)
    executions = [asyncio.ensure_future(bench.executor.execute(intents)) for _ in range(3)]
    await until(lambda: bench.venue.submitted)
    await settle_down()
    gate.set()
    await asyncio.gather(*executions)
    assert len(bench.venue.submitted) == 1
    assert bench.order_states() == ["accepted"]


async def test_a_fill_of_an_order_that_is_not_ours_changes_nothing(bench: Executing) -> None:
    with capture_logs() as logs:
        await bench.executor.on_fill(fill(OrderHash("0x" + 64 * "9")), START_US)
    assert [entry["event"] for entry in logs] == ["fill_of_unknown_order"]
    assert bench.database.committed("SELECT count(*) FROM fills") == [0]
    assert await bench.database.settlements.ledger_balances() == {}


async def test_a_fill_after_the_end_is_in_the_books_and_alarms(bench: Executing) -> None:
    bench.venue.answers.append(Refused("no"))
    await bench.executor.execute(await bench.steps.pending(1))
    with capture_logs() as logs:
        await bench.hear(bench.order)
    assert "fill_after_end" in [entry["event"] for entry in logs]
    assert bench.database.committed("SELECT count(*) FROM fills") == [1]
    assert bench.to_settle == []


async def test_a_node_that_cannot_tell_the_balance_holds_nothing_up(bench: Executing) -> None:
    await bench.executor.execute(await bench.steps.pending(1))
    bench.chain.troubles["collateral_of"].append(Retryable("busy"))
    await bench.hear(bench.order)
    assert bench.order_states() == ["done"]
    assert len(bench.to_settle) == 1


async def test_a_restart_goes_on_with_pending_intents_and_keeps_promises(bench: Executing) -> None:
    bench.venue.answers.append(OutcomeUnknown("lost"))
    await bench.executor.execute(await bench.steps.pending(1))
    await bench.steps.pending(2, 3)
    await bench.steps.pending(4)
    bench.restart()
    await bench.executor.restore_holds()
    await bench.fund("100", "100", "100")
    assert bench.free() == "80"  # the budget of the first order, and as much for its fee at most
    await bench.executor.resume()
    bench.run()
    await until(lambda: len(bench.venue.submitted) == 3)
    await settle_down()
    amounts = sorted(order.terms.maker_amount for order in bench.venue.submitted[1:])
    assert amounts == [collateral("10").units, collateral("20").units]
    assert set(bench.database.states().values()) == {"ordered"}


async def test_handed_over_intents_are_executed(bench: Executing) -> None:
    bench.run()
    bench.executor.execute_later(await bench.steps.pending(1))
    await until(lambda: bench.order_states() == ["accepted"])


async def test_an_error_in_one_piece_of_work_does_not_end_the_loop(bench: Executing) -> None:
    bench.run()
    intents = await bench.steps.pending(1)
    await bench.steps.ordered(intents)
    with capture_logs() as logs:
        bench.executor.execute_later(intents)
        await until(lambda: logs)
    bench.executor.execute_later(await bench.steps.pending(2))
    await until(lambda: "accepted" in bench.order_states())


async def test_nothing_filled_ends_with_nothing_owed(bench: Executing) -> None:
    await bench.executor.execute(await bench.steps.pending(1))
    await bench.executor.end_as_filled(bench.order.order_hash)
    await bench.executor.end_as_filled(bench.order.order_hash)  # once is enough
    assert bench.order_states() == ["done"]
    assert bench.database.reasons() == {"policy-1": ("NOT_FILLED", {"limit": "0.54"})}
    assert bench.to_settle == []


async def test_with_one_follower_per_order_each_has_an_operator_wallet_of_its_own(
    venue: FakeVenue, chain: FakeChain, signer: FakeSigner, database: Database, clock: SimulatedClock
) -> None:
    bench = Executing(venue=venue, chain=chain, signer=signer, database=database, clock=clock, followers_per_order=1)
    await bench.fund("100", "100", "100")
    await bench.executor.execute(await bench.steps.pending(1, 2, 3))
    for order in list(venue.submitted):
        await bench.hear(order)
    assert {leg.follower: leg.wallet for leg in bench.to_settle} == {
        follower(1): wallet(1),
        follower(2): wallet(2),
        follower(3): wallet(3),
    }
