"""The dispatcher: a signal is decided once, durably, and only then handed on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

import pytest

from remora.dispatch.matching import by_leader
from remora.dispatch.prices import PriceCache
from remora.dispatch.worker import ENTRY_PATIENCE_S, Dispatcher
from remora.domain.errors import Malformed, Refused, RemoraError, Retryable
from remora.domain.order import Intent
from remora.domain.parties import Policy
from remora.domain.signal import Side
from tests.fakes.chain import FakeChain
from tests.fakes.clock import US, SimulatedClock
from tests.fakes.database import Database
from tests.fakes.specimens import LEADER, TOKEN, follower, policy, price, shares, signal
from tests.fakes.venue import FakeVenue
from tests.fakes.waiting import until
from tests.worker.steps import Steps


class Bench:
    """A dispatcher, and what it handed on."""

    def __init__(self, *, venue: FakeVenue, chain: FakeChain, database: Database, clock: SimulatedClock) -> None:
        self.venue, self.chain, self.database, self.clock = venue, chain, database, clock
        self.handed_on: list[Intent] = []
        self.stored_when_handed_on: list[int] = []

    def dispatcher(self, policies: Sequence[Policy], *, paper: bool = False) -> Dispatcher:
        return Dispatcher(
            policies=by_leader(policies),
            chain=self.chain,
            venue=self.venue,
            store=self.database.signals,
            clock=self.clock,
            prices=PriceCache(venue=self.venue, clock=self.clock, ttl_us=5 * US),
            on_intents=self._hand_on,
            paper=paper,
        )

    def _hand_on(self, intents: Sequence[Intent]) -> None:
        self.handed_on.extend(intents)
        self.stored_when_handed_on += self.database.committed("SELECT count(*) FROM intents")


@pytest.fixture
def bench(venue: FakeVenue, chain: FakeChain, database: Database, clock: SimulatedClock) -> Bench:
    return Bench(venue=venue, chain=chain, database=database, clock=clock)


async def test_a_signal_is_stored_whole_and_then_handed_on(bench: Bench) -> None:
    trade = signal()
    await bench.dispatcher([policy(1), policy(2, max_odds=price("0.5")), policy(3)]).dispatch(trade)
    assert bench.database.committed("SELECT signal_id FROM signals") == [trade.signal_id]
    assert bench.database.states() == {"policy-1": "pending", "policy-3": "pending"}
    ((denied, why, facts),) = bench.database.committed("SELECT policy_id, reason, facts FROM denials")
    assert (denied, why, json.loads(facts)) == ("policy-2", "MAX_ODDS", {"price": "0.52", "max_odds": "0.5"})
    assert [intent.policy_id for intent in bench.handed_on] == ["policy-1", "policy-3"]
    assert bench.stored_when_handed_on == [2]


async def test_the_same_signal_twice_is_stored_once_and_handed_on_once(bench: Bench) -> None:
    dispatcher = bench.dispatcher([policy(1), policy(2, max_odds=price("0.5"))])
    await asyncio.gather(*(dispatcher.dispatch(signal()) for _ in range(5)))
    await bench.dispatcher([policy(1), policy(2)]).dispatch(signal())  # after a restart, with other rules
    assert bench.database.committed("SELECT count(*) FROM signals") == [1]
    assert bench.database.committed("SELECT count(*) FROM intents") == [1]
    assert bench.database.committed("SELECT count(*) FROM denials") == [1]
    assert len(bench.handed_on) == 1


async def test_paper_decides_and_hands_nothing_on(bench: Bench) -> None:
    await bench.dispatcher([policy(1), policy(2, max_odds=price("0.5"))], paper=True).dispatch(signal())
    assert bench.database.states() == {"policy-1": "paper"}
    assert bench.database.committed("SELECT count(*) FROM denials") == [1]
    assert bench.handed_on == []
    assert await bench.database.orders.pending_intents() == []


async def test_a_signal_that_is_denied_to_all_hands_nothing_on(bench: Bench) -> None:
    await bench.dispatcher([policy(1, max_odds=price("0.5"))]).dispatch(signal())
    assert bench.stored_when_handed_on == []
    assert bench.database.committed("SELECT reason FROM denials") == ["MAX_ODDS"]


async def test_a_signal_that_nobody_follows_is_stored(bench: Bench) -> None:
    await bench.dispatcher([]).dispatch(signal())
    assert bench.database.committed("SELECT count(*) FROM signals") == [1]


@pytest.mark.parametrize("trouble", [Retryable("busy"), Refused("no"), Malformed("expected a tick")])
async def test_a_market_that_cannot_be_told_is_a_denial(bench: Bench, trouble: RemoraError) -> None:
    bench.venue.troubles["market"].append(trouble)
    await bench.dispatcher([policy(1)]).dispatch(signal())
    assert bench.database.committed("SELECT reason FROM denials") == ["MARKET_UNKNOWN"]


@pytest.mark.parametrize("troubles", [[Retryable("busy")] * 3, [Refused("no")], [Malformed("expected a list")]])
async def test_a_price_that_cannot_be_told_is_a_denial(bench: Bench, troubles: list[RemoraError]) -> None:
    bench.venue.troubles["quote"].extend(troubles)
    await bench.dispatcher([policy(1)]).dispatch(signal())
    assert bench.database.committed("SELECT reason FROM denials") == ["PRICE_UNAVAILABLE"]


async def test_signals_of_one_token_share_a_price(bench: Bench) -> None:
    dispatcher = bench.dispatcher([policy(1), policy(2, leader=follower(9))])
    trades = [signal(number=1), signal(number=2), signal(number=3, leader=follower(9))]
    await asyncio.gather(*(dispatcher.dispatch(trade) for trade in trades))
    assert bench.venue.asked.count("quote") == 1
    assert len(bench.handed_on) == 3


async def test_signals_of_one_leader_are_decided_in_the_order_they_were_heard(bench: Bench) -> None:
    dispatcher = bench.dispatcher([policy(1)])
    trades = [signal(number=number) for number in range(1, 8)]
    await asyncio.gather(*(dispatcher.dispatch(trade) for trade in trades))
    assert [intent.signal_id for intent in bench.handed_on] == [trade.signal_id for trade in trades]


async def test_an_exit_sells_what_the_leader_sold_of_what_was_delivered(bench: Bench) -> None:
    await Steps(bench.database).delivered(1, 2)  # 20 shares each
    bench.chain.shares |= {
        (LEADER, TOKEN): shares("300"),
        (follower(1), TOKEN): shares("20"),
        (follower(2), TOKEN): shares("2"),
    }
    trade = signal(Side.SELL, number=2)
    await bench.dispatcher([policy(1), policy(2), policy(3)]).dispatch(trade)
    assert [(i.policy_id, i.shares) for i in bench.handed_on] == [
        ("policy-1", shares("5")),  # 20 x 100 / (100 + 300)
        ("policy-2", shares("2")),  # the follower has no more
    ]
    assert bench.database.committed("SELECT policy_id, reason FROM denials") == [("policy-3", "NO_POSITION")]
    assert bench.chain.asked.count("shares_of") == 1  # one read for all


async def test_two_exits_at_once_sell_no_share_twice(bench: Bench) -> None:
    await Steps(bench.database).delivered(1)
    bench.chain.shares |= {(follower(1), TOKEN): shares("20")}  # the leader has nothing left
    dispatcher = bench.dispatcher([policy(1)])
    await asyncio.gather(*(dispatcher.dispatch(signal(Side.SELL, number=number)) for number in (2, 3)))
    assert [intent.shares for intent in bench.handed_on] == [shares("20")]
    assert bench.database.committed("SELECT reason FROM denials") == ["NO_POSITION"]


async def test_an_exit_waits_for_the_entry_that_is_on_its_way(bench: Bench) -> None:
    """The leader turns around within seconds: the followers must not stay behind."""
    steps = Steps(bench.database)
    legs = await steps.filled(1)
    bench.chain.shares |= {(follower(1), TOKEN): shares("20")}
    leaving = asyncio.ensure_future(bench.dispatcher([policy(1)]).dispatch(signal(Side.SELL, number=2)))
    await until(lambda: len(bench.clock.slept_s) > 3)
    assert bench.handed_on == []
    await steps.settled(legs)
    await leaving
    assert [intent.shares for intent in bench.handed_on] == [shares("20")]


async def test_an_exit_does_not_wait_for_ever(bench: Bench) -> None:
    await Steps(bench.database).filled(1)
    await bench.dispatcher([policy(1)]).dispatch(signal(Side.SELL, number=2))
    assert ENTRY_PATIENCE_S <= sum(bench.clock.slept_s) <= ENTRY_PATIENCE_S + 1
    assert bench.database.committed("SELECT reason FROM denials") == ["NO_POSITION"]


async def test_an_exit_waits_for_a_node_that_is_busy(bench: Bench) -> None:
    await Steps(bench.database).delivered(1)
    bench.chain.shares |= {(follower(1), TOKEN): shares("20")}
    bench.chain.troubles["shares_of"].extend([Retryable("busy", 0.5)] * 2)
    await bench.dispatcher([policy(1)]).dispatch(signal(Side.SELL, number=2))
    assert [intent.shares for intent in bench.handed_on] == [shares("20")]


async def test_who_owes_for_an_entry_gets_no_other(bench: Bench) -> None:
    steps = Steps(bench.database)
    await steps.owed(1)  # 10 collateral
    bench.chain.shares |= {(follower(1), TOKEN): shares("20"), (follower(2), TOKEN): shares("20")}
    dispatcher = bench.dispatcher([policy(1), policy(2)])
    await dispatcher.dispatch(signal(number=2))
    assert [intent.policy_id for intent in bench.handed_on] == ["policy-2"]
    rows = bench.database.committed("SELECT policy_id, reason, facts FROM denials")
    assert [(who, why, json.loads(facts)) for who, why, facts in rows] == [("policy-1", "IN_DEBT", {"due": "10"})]
