"""A panic sells everything that is held, once, however often it is looked at, and again while something is left."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence

import pytest

from remora.dispatch.books import BookCache
from remora.dispatch.seller import FIRST_AGAIN_S, Seller
from remora.dispatch.switchboard import Switchboard
from remora.domain.errors import Retryable
from remora.domain.ids import Address, PolicyId
from remora.domain.money import ZERO_COLLATERAL
from remora.domain.order import Intent
from remora.domain.reasons import Reason, because
from remora.domain.signal import Side
from remora.domain.switches import Halt, Scope, Switch
from remora.domain.usage import SERVICE, Subject
from tests.fakes.chain import FakeChain
from tests.fakes.clock import START_US, US, SimulatedClock
from tests.fakes.database import Database
from tests.fakes.specimens import CHAIN_ID, LEADER, TOKEN, book, follower, price, shares
from tests.fakes.venue import FakeVenue
from tests.worker.steps import Steps

POLICY: Subject = (Scope.POLICY, "policy-1")


class Bench:
    """A seller, who can be started again, and what it handed on."""

    def __init__(self, venue: FakeVenue, chain: FakeChain, database: Database, clock: SimulatedClock) -> None:
        self.venue, self.chain, self.database, self.clock = venue, chain, database, clock
        self.steps = Steps(database)
        self.handed_on: list[Intent] = []
        self.turns: defaultdict[Address, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.restart()

    def restart(self) -> None:
        def leader_of(_policy: PolicyId) -> Address:
            return LEADER

        self.board = Switchboard(store=self.database.switches, clock=self.clock, leader_of=leader_of)
        self.seller = Seller(
            chain_id=CHAIN_ID,
            chain=self.chain,
            venue=self.venue,
            signals=self.database.signals,
            switches=self.database.switches,
            clock=self.clock,
            books=BookCache(venue=self.venue, live=None, clock=self.clock, ttl_us=0),
            board=self.board,
            slippage_bps_of=lambda policy_id: 1000 if policy_id == "policy-1" else 500,
            turn_of=self.turns.__getitem__,
            on_intents=self._hand_on,
        )

    async def panic(self, subject: Subject = SERVICE) -> None:
        switch = Switch(scope=subject[0], subject=subject[1], halt=Halt.PANIC, because=None, set_us=START_US)
        await self.database.switches.set_switch(switch)
        await self.board.read()

    async def held(self, *policies: int) -> None:
        """Give policies a lot of 20 shares each, on chain too."""
        await self.steps.delivered(*policies)
        self.chain.shares |= {(follower(number), TOKEN): shares("20") for number in policies}

    async def again(self) -> list[Intent]:
        """Look as often as a panic lets it, and return what was handed on meanwhile."""
        self.handed_on = []
        self.clock.advance(FIRST_AGAIN_S)
        await self.seller.sell_out()
        return self.handed_on

    def _hand_on(self, intents: Sequence[Intent]) -> None:
        self.handed_on.extend(intents)


@pytest.fixture
def bench(venue: FakeVenue, chain: FakeChain, database: Database, clock: SimulatedClock) -> Bench:
    return Bench(venue, chain, database, clock)


async def test_everything_is_sold_by_the_way_of_exits(bench: Bench) -> None:
    await bench.held(1, 2)
    await bench.panic()
    await bench.seller.sell_out()
    first, second = bench.handed_on
    assert (first.side, first.shares, first.budget, first.token_id) == (Side.SELL, shares("20"), ZERO_COLLATERAL, TOKEN)
    assert (first.limit, second.limit) == (price("0.46"), price("0.49"))  # 0.51 less 10 %, less 5 %, up to the tick
    assert await bench.database.orders.pending_intents() == sorted(bench.handed_on, key=lambda each: each.intent_id)
    ((source, state, sold),) = bench.database.committed(
        "SELECT source, state, shares FROM signals WHERE source = 'operator'"
    )
    assert (source, state, sold) == ("operator", "own", shares("40").units)


async def test_what_is_being_sold_is_not_sold_again(bench: Bench) -> None:
    await bench.held(1)
    await bench.panic()
    await bench.seller.sell_out()
    assert await bench.again() == []
    bench.restart()
    await bench.board.read()
    assert await bench.again() == []


async def test_what_is_left_is_tried_again_with_a_price_of_its_own(bench: Bench) -> None:
    await bench.held(1)
    await bench.panic()
    await bench.seller.sell_out()
    (first,) = bench.handed_on
    nobody = because(Reason.NOT_FILLED, limit="0.46")
    await bench.database.orders.fail_intents({first.intent_id: nobody})
    bench.venue.order_books[TOKEN] = book(bid="0.30")
    await bench.seller.sell_out()
    assert bench.handed_on == [first]  # it is too soon
    (second,) = await bench.again()
    assert (second.limit, second.shares) == (price("0.27"), shares("20"))
    await bench.database.orders.fail_intents({second.intent_id: nobody})
    bench.restart()  # tries that are stored are not made again
    await bench.board.read()
    (third,) = await bench.again()
    assert len({first.intent_id, second.intent_id, third.intent_id}) == 3


async def test_what_is_over_is_not_sold(bench: Bench) -> None:
    await bench.held(1)
    await bench.database.switches.resolve({TOKEN: None})
    await bench.panic()
    await bench.seller.sell_out()
    assert (bench.handed_on, bench.chain.asked) == ([], [])


async def test_what_is_not_there_is_looked_for_no_more_often_than_it_is_offered(bench: Bench) -> None:
    await bench.held(1)
    bench.chain.shares[follower(1), TOKEN] = shares("0")
    await bench.panic()
    for _ in range(3):
        await bench.seller.sell_out()
    assert bench.chain.asked == ["shares_of"]
    bench.chain.shares[follower(1), TOKEN] = shares("20")
    assert [each.shares for each in await bench.again()] == [shares("20")]


async def test_only_the_concerned_are_sold_out(bench: Bench) -> None:
    await bench.held(1, 2, 3)
    await bench.panic(POLICY)
    await bench.panic((Scope.FOLLOWER, follower(3)))
    await bench.seller.sell_out()
    assert sorted(each.policy_id for each in bench.handed_on) == ["policy-1", "policy-3"]
    assert len({each.signal_id for each in bench.handed_on}) == 2  # each for its own switch


async def test_no_more_is_sold_than_there_is(bench: Bench) -> None:
    await bench.held(1, 2)
    bench.chain.shares[follower(1), TOKEN] = shares("3")  # moved away by hand
    bench.chain.shares[follower(2), TOKEN] = shares("0.009")  # dust
    await bench.panic()
    await bench.seller.sell_out()
    assert [(each.policy_id, each.shares) for each in bench.handed_on] == [("policy-1", shares("3"))]


async def test_without_a_bid_nothing_is_stored_and_it_is_tried_again(bench: Bench) -> None:
    await bench.held(1)
    await bench.panic()
    bench.venue.order_books[TOKEN] = book(bid=None)
    await bench.seller.sell_out()
    assert bench.handed_on == []
    assert bench.database.committed("SELECT count(*) FROM signals WHERE source = 'operator'") == [0]
    bench.venue.order_books[TOKEN] = book(bid="0.2")
    assert len(await bench.again()) == 1


async def test_a_node_that_is_silent_is_asked_again(bench: Bench) -> None:
    await bench.held(1)
    await bench.panic()
    bench.chain.troubles["shares_of"].append(Retryable("no answer"))
    await bench.seller.sell_out()
    assert bench.handed_on == []
    await bench.seller.sell_out()
    assert len(bench.handed_on) == 1


async def test_it_waits_for_a_decision_about_the_leader(bench: Bench) -> None:
    await bench.held(1)
    await bench.panic()
    async with bench.turns[LEADER]:
        selling = asyncio.create_task(bench.seller.sell_out())
        await bench.steps.collecting(1)
    await selling
    assert bench.handed_on == []  # the leader's own exit sells the lot


async def test_a_lifted_panic_sells_nothing_more(bench: Bench) -> None:
    await bench.held(1)
    await bench.panic()
    await bench.database.switches.lift(SERVICE)
    await bench.board.read()
    await bench.seller.sell_out()
    assert bench.handed_on == []


async def test_a_panic_looks_for_ever(bench: Bench) -> None:
    running = asyncio.create_task(bench.seller.run())
    await bench.held(1)
    await bench.panic()
    async with asyncio.timeout(5):
        while not bench.handed_on:  # noqa: ASYNC110  the seller knows no event
            await asyncio.sleep(0)
    running.cancel()
    assert bench.clock.now_us() >= START_US + US // 4
