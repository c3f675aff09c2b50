"""Exits: shares are collected, sold by the wallet that has them, and paid out; what is not sold goes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from structlog.testing import capture_logs

from remora.domain.errors import OutcomeUnknown, Refused
from remora.domain.money import ZERO_COLLATERAL, ZERO_SHARES
from remora.domain.order import Leg, LegFailure, SettlementStep, SignedOrder
from remora.domain.signal import Side
from tests.fakes.chain import FakeChain
from tests.fakes.clock import START_US, US, SimulatedClock
from tests.fakes.database import Database
from tests.fakes.signer import FakeSigner
from tests.fakes.specimens import TOKEN, collateral, follower, intent, leg, price, shares, signal, wallet
from tests.fakes.venue import FakeVenue
from tests.fakes.waiting import settle_down, until
from tests.worker.executing import Executing


@pytest.fixture
async def bench(
    venue: FakeVenue, chain: FakeChain, signer: FakeSigner, database: Database, clock: SimulatedClock
) -> AsyncIterator[Executing]:
    bench = Executing(venue=venue, chain=chain, signer=signer, database=database, clock=clock)
    await bench.fund("100", "0", "0")
    yield bench
    await bench.stop()


def summary(legs: Sequence[Leg]) -> list[tuple[Any, ...]]:
    """Return the legs' figures, by follower."""
    return sorted((x.step, x.wallet, x.follower, x.shares, x.collateral, x.returned) for x in legs)


async def test_an_exit_from_intent_to_settlement(bench: Executing) -> None:
    intents = await bench.steps.pending(1, 2, side=Side.SELL)
    await bench.executor.execute(intents)
    assert bench.venue.submitted == []  # there is nothing to sell yet
    assert bench.database.states() == {"policy-1": "collecting", "policy-2": "collecting"}
    assert summary(bench.to_settle) == [
        (SettlementStep.COLLECT, wallet(1), follower(n), shares("20"), ZERO_COLLATERAL, ZERO_SHARES) for n in (1, 2)
    ]
    collected, bench.to_settle = bench.to_settle, []
    await bench.steps.settled(collected)
    bench.run()
    bench.executor.sell_later(collected)
    await until(lambda: "accepted" in bench.order_states())
    assert bench.database.states() == {"policy-1": "ordered", "policy-2": "ordered"}
    terms = bench.order.terms
    assert (terms.side, terms.maker) == (Side.SELL, wallet(1))
    assert (terms.maker_amount, terms.taker_amount) == (shares("40").units, collateral("21.6").units)  # at 0.54
    await bench.hear(bench.order, shares=shares("40"), paid=collateral("22"))
    assert bench.database.states() == {"policy-1": "filled", "policy-2": "filled"}
    assert summary(bench.to_settle) == [
        (SettlementStep.REMIT, wallet(1), follower(n), shares("20"), collateral("11"), ZERO_SHARES) for n in (1, 2)
    ]
    assert bench.free() == "78"  # the proceeds are not float


async def test_legs_are_on_the_disk_before_they_are_handed_on(bench: Executing) -> None:
    seen: list[int] = []
    bench.executor._settle_later = lambda _: seen.extend(bench.database.committed("SELECT count(*) FROM legs"))
    await bench.executor.execute(await bench.steps.pending(1, 2, side=Side.SELL))
    assert seen == [2]


async def test_an_exit_needs_no_float(bench: Executing) -> None:
    await bench.fleet.update(wallet(1), ZERO_COLLATERAL)
    await bench.executor.execute(await bench.steps.pending(1, side=Side.SELL))
    assert len(bench.to_settle) == 1


async def test_a_sale_is_recorded_before_it_is_sent(bench: Executing) -> None:
    await bench.steps.collected(1)
    seen: list[Any] = []

    async def look(_order: SignedOrder) -> None:
        seen.extend(bench.database.committed("SELECT state FROM orders"))
        seen.append(bench.database.states())

    bench.venue.before_answer = look
    await bench.executor.resume_collected(None)
    assert seen == ["recorded", {"policy-1": "ordered"}]


async def test_a_collection_is_sold_once(bench: Executing) -> None:
    legs = await bench.steps.collected(1, 2)
    bench.run()
    bench.executor.sell_later(legs[:1])
    bench.executor.sell_later(legs)
    await bench.executor.resume()
    await until(lambda: bench.order_states() == ["accepted", "accepted"])
    await settle_down()
    assert sorted(order.terms.maker_amount for order in bench.venue.submitted) == [shares("20").units] * 2


async def test_what_was_not_sold_goes_back(bench: Executing) -> None:
    await bench.steps.collected(1, 2)
    bench.venue.answers.append((shares("10").units, collateral("5").units))
    await bench.executor.resume_collected(None)
    await bench.hear(bench.order, shares=shares("10"), paid=collateral("5"))
    assert summary(bench.to_settle) == [
        (SettlementStep.REMIT, wallet(1), follower(n), shares("5"), collateral("2.5"), shares("15")) for n in (1, 2)
    ]


async def test_a_refused_sale_gives_everything_back(bench: Executing) -> None:
    await bench.steps.collected(1)
    bench.venue.answers.append(Refused("the market is closed"))
    await bench.executor.resume_collected(None)
    assert bench.database.reasons() == {"policy-1": ("VENUE_REJECTED", {"detail": "the market is closed"})}
    assert summary(bench.to_settle) == [
        (SettlementStep.REMIT, wallet(1), follower(1), ZERO_SHARES, ZERO_COLLATERAL, shares("20"))
    ]


async def test_a_sale_of_unknown_outcome_is_not_sent_again(bench: Executing) -> None:
    await bench.steps.collected(1)
    bench.venue.answers.append(OutcomeUnknown("lost"))
    for _ in range(3):
        await bench.executor.resume_collected(None)
    assert len(bench.venue.submitted) == 1
    assert bench.to_settle == []


@pytest.mark.parametrize(
    ("why", "reason", "known_facts"),
    [
        ("late", "EXPIRED", {"late_s": "1"}),
        ("market unknown", "MARKET_UNKNOWN", {"token_id": str(TOKEN)}),
    ],
)
async def test_a_collection_that_cannot_be_sold_goes_back(
    bench: Executing, clock: SimulatedClock, why: str, reason: str, known_facts: dict[str, str]
) -> None:
    await bench.steps.collected(1, 2)
    if why == "late":
        clock.advance(61)
    else:
        bench.venue.markets.clear()
    await bench.executor.resume_collected(None)
    assert bench.venue.submitted == []
    assert bench.database.reasons() == {"policy-1": (reason, known_facts), "policy-2": (reason, known_facts)}
    assert summary(bench.to_settle) == [
        (SettlementStep.REMIT, wallet(1), follower(n), ZERO_SHARES, ZERO_COLLATERAL, shares("20")) for n in (1, 2)
    ]
    assert len(await bench.database.settlements.pending_legs()) == 2
    await bench.executor.resume_collected(None)
    assert len(bench.to_settle) == 2


async def test_less_than_a_hundredth_of_a_share_cannot_be_sold_and_goes_back(bench: Executing) -> None:
    of = signal(Side.SELL)
    tiny = intent(1, of=of, shares=shares("0.009999"))
    await bench.database.decided(of, [tiny])
    legs = [leg(SettlementStep.COLLECT, tiny, shares=tiny.shares, collateral=ZERO_COLLATERAL)]
    await bench.database.orders.start_collecting(legs)
    await bench.steps.settled(legs)
    await bench.executor.resume_collected(None)
    assert bench.database.reasons() == {"policy-1": ("NOT_FILLED", {"limit": "0.54"})}
    assert [x.returned for x in bench.to_settle] == [shares("0.009999")]


async def test_a_sale_waits_for_the_wallet_that_has_the_shares(bench: Executing) -> None:
    await bench.steps.collected(1)
    async with bench.fleet.checkout("busy", collateral("1"), only=wallet(1)):
        selling = asyncio.ensure_future(bench.executor.resume_collected(None))
        await settle_down()
        assert bench.venue.submitted == []
    await selling
    assert bench.order.terms.maker == wallet(1)


async def test_a_wallet_that_never_comes_back_does_not_keep_the_shares(bench: Executing) -> None:
    of = signal(Side.SELL)
    urgent = intent(1, of=of, deadline_us=START_US + US // 50)
    await bench.database.decided(of, [urgent])
    legs = [leg(SettlementStep.COLLECT, urgent, collateral=ZERO_COLLATERAL)]
    await bench.database.orders.start_collecting(legs)
    await bench.steps.settled(legs)
    bench.fleet.dismiss(wallet(1))
    await bench.executor.resume_collected(None)
    assert bench.database.states() == {"policy-1": "failed"}
    assert [(x.wallet, x.returned) for x in bench.to_settle] == [(wallet(1), shares("20"))]


async def test_without_any_wallet_an_exit_expires(bench: Executing) -> None:
    for each in bench.fleet.wallets:
        bench.fleet.dismiss(each)
    of = signal(Side.SELL)
    urgent = intent(1, of=of, deadline_us=START_US + US // 50)
    await bench.database.decided(of, [urgent])
    await bench.executor.execute([urgent])
    assert bench.database.states() == {"policy-1": "failed"}
    assert bench.to_settle == []


async def test_exits_at_other_limits_or_of_other_signals_are_sold_apart(bench: Executing) -> None:
    of = signal(Side.SELL)
    intents = [intent(n, of=of, limit=price(limit)) for n, limit in enumerate(["0.5", "0.5", "0.6"])]
    await bench.database.decided(of, intents)
    legs = [leg(SettlementStep.COLLECT, each, collateral=ZERO_COLLATERAL) for each in intents]
    await bench.database.orders.start_collecting(legs)
    await bench.steps.settled(legs)
    await bench.steps.collected(7)  # another signal, at 0.54
    await bench.executor.resume_collected(None)
    sold = sorted((order.terms.maker_amount, order.terms.taker_amount) for order in bench.venue.submitted)
    assert sold == [
        (shares("20").units, collateral("10.8").units),  # at 0.54
        (shares("20").units, collateral("12").units),  # at 0.6
        (shares("40").units, collateral("20").units),  # at 0.5
    ]


async def test_what_could_not_be_collected_is_not_sold(bench: Executing) -> None:
    _, legs = await bench.steps.collecting(1, 2)
    await bench.steps.settled(legs[:1], LegFailure.SHARES_REFUSED)
    await bench.steps.settled(legs[1:])
    await bench.executor.resume_collected(None)
    assert bench.database.states() == {"policy-1": "failed", "policy-2": "ordered"}
    assert bench.database.reasons() == {"policy-1": ("COLLECT_FAILED", {"detail": "SHARES_REFUSED"})}
    assert bench.order.terms.maker_amount == shares("20").units


async def test_an_exit_that_came_too_late_collects_nothing(bench: Executing, clock: SimulatedClock) -> None:
    intents = await bench.steps.pending(1, side=Side.SELL)
    clock.advance(601)
    with capture_logs():
        await bench.executor.execute(intents)
    assert bench.database.reasons() == {"policy-1": ("EXPIRED", {"late_s": "541"})}
    assert bench.to_settle == []
