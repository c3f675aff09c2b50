"""The protector: a result at the best bids, what it trips, and that the same loss trips once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from remora.dispatch.books import BookCache
from remora.dispatch.protector import LOOK_EVERY_S, Protector
from remora.dispatch.switchboard import Switchboard
from remora.domain.ids import Address, PolicyId
from remora.domain.money import Price
from remora.domain.policy import Protections
from remora.domain.reasons import Reason
from remora.domain.switches import Halt, Scope, Switch
from remora.domain.usage import DAY_US, SERVICE, Subject, midnight_us
from tests.fakes.clock import START_US, US, SimulatedClock
from tests.fakes.database import Database
from tests.fakes.specimens import LEADER, TOKEN, book, collateral, follower
from tests.fakes.venue import FakeVenue
from tests.fakes.waiting import until
from tests.worker.steps import Steps

POLICY: Subject = (Scope.POLICY, "policy-1")
FOLLOWER: Subject = (Scope.FOLLOWER, follower(1))


class Bench:
    """A protector with rules that a test changes; each policy has bought 20 shares for 10."""

    def __init__(self, venue: FakeVenue, database: Database, clock: SimulatedClock) -> None:
        self.venue, self.database, self.clock = venue, database, clock
        self.rules: Mapping[Subject, Protections] = {}

        def leader_of(_policy: PolicyId) -> Address:
            return LEADER

        self.board = Switchboard(store=database.switches, clock=clock, leader_of=leader_of)
        self.protector = Protector(
            watched=lambda: self.rules,
            store=database.switches,
            clock=clock,
            books=BookCache(venue=venue, live=None, clock=clock, ttl_us=0),
            board=self.board,
        )

    async def look(self, bid: str | None = None) -> list[tuple[Subject, Halt, Reason | None]]:
        """Look at a best bid and return what is in force."""
        if bid is not None:
            self.venue.order_books[TOKEN] = book(bid=bid)
        await self.protector.look()
        return [
            ((each.scope, each.subject), each.halt, each.because.reason if each.because else None)
            for each in await self.database.switches.switches(self.clock.now_us())
        ]

    async def lift(self, subject: Subject) -> None:
        await self.database.switches.lift(subject)
        await self.board.read()


@pytest.fixture
def bench(venue: FakeVenue, database: Database, clock: SimulatedClock) -> Bench:
    return Bench(venue, database, clock)


async def test_a_stop_loss_trips_at_its_bound_and_not_before(bench: Bench, database: Database) -> None:
    await Steps(database).delivered(1, 2)
    bench.rules = {POLICY: Protections(stop_loss=collateral("4"))}
    assert await bench.look("0.31") == []  # 20 x 0.31 - 10 = -3.8
    assert await bench.look("0.3") == [(POLICY, Halt.PANIC, Reason.STOP_LOSS)]
    assert bench.board.halts()[POLICY].halt is Halt.PANIC


async def test_a_market_that_ended_against_it_trips_a_stop_loss_without_any_book(
    bench: Bench, database: Database
) -> None:
    """What lost is redeemed by nobody: without its payout it would count as what it cost for ever."""
    await Steps(database).delivered(1)
    bench.rules = {POLICY: Protections(stop_loss=collateral("10"))}
    del bench.venue.order_books[TOKEN]
    await database.switches.resolve({TOKEN: None})
    assert await bench.look() == []
    await database.switches.resolve({TOKEN: Price(0)})
    assert await bench.look() == [(POLICY, Halt.PANIC, Reason.STOP_LOSS)]
    await bench.lift(POLICY)
    assert await bench.look() == []  # the same loss does not trip twice


async def test_a_loss_that_was_seen_in_the_book_is_no_second_one_when_the_market_ends(
    bench: Bench, database: Database
) -> None:
    """The bid is gone before the payout comes; the day that begins in between has not gained anything."""
    await Steps(database).delivered(1)
    bench.rules = {POLICY: Protections(daily_loss=collateral("5"))}
    assert await bench.look("0.5") == []
    assert await bench.look("0.01") == [(POLICY, Halt.PAUSE, Reason.DAILY_LOSS)]
    del bench.venue.order_books[TOKEN]
    bench.clock.advance(DAY_US // US)
    assert await bench.look() == []
    await database.switches.resolve({TOKEN: None})
    assert await bench.look() == []
    await database.switches.resolve({TOKEN: Price(0)})
    assert await bench.look() == []


async def test_a_market_that_ended_well_trips_a_take_profit(bench: Bench, database: Database) -> None:
    await Steps(database).delivered(1)
    bench.rules = {POLICY: Protections(take_profit=collateral("10"))}
    assert await bench.look("0.99") == []
    await database.switches.resolve({TOKEN: Price(1_000_000)})
    assert await bench.look() == [(POLICY, Halt.PANIC, Reason.TAKE_PROFIT)]


async def test_a_bound_s_protection_halts_whom_it_concerns(bench: Bench, database: Database) -> None:
    await Steps(database).delivered(1, 2)
    bench.rules = {
        SERVICE: Protections(take_profit=collateral("8")),
        FOLLOWER: Protections(take_profit=collateral("8")),
    }
    assert await bench.look("0.7") == [(SERVICE, Halt.PANIC, Reason.TAKE_PROFIT)]  # 2 x (20 x 0.7 - 10)


async def test_a_lifted_one_trips_for_the_next_loss_only(bench: Bench, database: Database) -> None:
    await Steps(database).delivered(1)
    bench.rules = {POLICY: Protections(stop_loss=collateral("2"))}
    assert len(await bench.look("0.4")) == 1  # -2
    assert len(await bench.look("0.1")) == 1  # it is in force, and counts from where it tripped
    await bench.lift(POLICY)
    assert await bench.look("0.31") == []  # -3.8: 1.8 since
    assert len(await bench.look("0.3")) == 1  # -4


async def test_a_switch_by_hand_is_left_as_it_is(bench: Bench, database: Database) -> None:
    await Steps(database).delivered(1)
    by_hand = Switch(scope=Scope.POLICY, subject="policy-1", halt=Halt.PANIC, because=None, set_us=START_US)
    await database.switches.set_switch(by_hand)
    await bench.board.read()
    bench.rules = {POLICY: Protections(stop_loss=collateral("2"))}
    assert await bench.look("0.1") == [(POLICY, Halt.PANIC, None)]


async def test_a_stronger_halt_comes_beside_a_weaker(bench: Bench, database: Database) -> None:
    await Steps(database).delivered(1)
    paused = Switch(scope=Scope.POLICY, subject="policy-1", halt=Halt.PAUSE, because=None, set_us=START_US)
    await database.switches.set_switch(paused)
    await bench.board.read()
    bench.rules = {POLICY: Protections(stop_loss=collateral("2"))}
    assert await bench.look("0.1") == [(POLICY, Halt.PANIC, Reason.STOP_LOSS), (POLICY, Halt.PAUSE, None)]


async def test_a_daily_loss_pauses_until_midnight_and_counts_anew(bench: Bench, database: Database) -> None:
    await Steps(database).delivered(1)
    bench.rules = {POLICY: Protections(daily_loss=collateral("2"))}
    assert await bench.look("0.1") == []  # -8 when the day is first looked at
    assert await bench.look("0.01") == []  # 1.8 more
    assert await bench.look("0") == [(POLICY, Halt.PAUSE, Reason.DAILY_LOSS)]
    midnight = midnight_us(START_US) + DAY_US
    (switch,) = await database.switches.switches(START_US)
    assert switch.until_us == midnight
    bench.clock.advance((midnight - bench.clock.now_us()) // US + 1)
    assert await bench.look("0") == []


async def test_losses_in_a_row_cool_down_once(bench: Bench, database: Database) -> None:
    steps = Steps(database)
    await steps.delivered(1)
    bench.rules = {POLICY: Protections(losses_in_row=1, cool_down_s=60)}
    assert await bench.look("0.5") == []
    await steps.sold_at_a_loss(1)
    assert await bench.look() == [(POLICY, Halt.PAUSE, Reason.LOSSES_IN_ROW)]
    bench.clock.advance(61)
    assert await bench.look() == []


async def test_a_token_without_a_bid_counts_at_cost(bench: Bench, database: Database) -> None:
    await Steps(database).delivered(1)
    bench.rules = {POLICY: Protections(stop_loss=collateral("0.01"))}
    bench.venue.order_books[TOKEN] = book(bid=None)
    assert await bench.look() == []


async def test_without_rules_nobody_is_asked(bench: Bench, database: Database) -> None:
    await Steps(database).delivered(1)
    assert await bench.look("0.01") == []
    assert bench.venue.asked == []


async def test_it_looks_every_few_seconds_and_after_a_fill(bench: Bench, database: Database) -> None:
    await Steps(database).delivered(1)
    bench.rules = {POLICY: Protections(stop_loss=collateral("100"))}
    running = asyncio.create_task(bench.protector.run())
    await until(lambda: bench.venue.asked.count("book") >= 3)
    assert bench.clock.now_us() >= START_US + 2 * LOOK_EVERY_S * US
    bench.protector.look_soon()
    seen = bench.venue.asked.count("book")
    await until(lambda: bench.venue.asked.count("book") > seen)
    running.cancel()
