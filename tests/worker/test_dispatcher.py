"""The dispatcher: a signal is decided once, durably, and only then handed on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

import pytest

from remora.dispatch.books import BookCache
from remora.dispatch.gathering import Gathering, Sources
from remora.dispatch.halts import Halts, halts
from remora.dispatch.matching import by_leader
from remora.dispatch.worker import ENTRY_PATIENCE_S, Dispatcher
from remora.domain.errors import Malformed, Refused, RemoraError, Retryable
from remora.domain.ids import Address, PolicyId
from remora.domain.money import ZERO_COLLATERAL
from remora.domain.order import Intent
from remora.domain.policy import Bounds, Limits, Policy, Rulebook, SizingMode
from remora.domain.signal import Side, SignalKind
from remora.domain.switches import Halt, Scope, Switch
from tests.fakes.chain import FakeChain
from tests.fakes.clearinghouse import CLEARINGHOUSE
from tests.fakes.clock import US, SimulatedClock
from tests.fakes.database import Database
from tests.fakes.history import FakeHistory
from tests.fakes.specimens import LEADER, TOKEN, collateral, follower, policy, price, shares, signal
from tests.fakes.venue import FakeVenue
from tests.fakes.waiting import until
from tests.worker.steps import Steps


class Bench:
    """A dispatcher, and what it handed on."""

    def __init__(self, *, venue: FakeVenue, chain: FakeChain, database: Database, clock: SimulatedClock) -> None:
        self.venue, self.chain, self.database, self.clock = venue, chain, database, clock
        self.history = FakeHistory()
        self.handed_on: list[Intent] = []
        self.halted: Halts = {}
        self.bounds = Rulebook()
        self.stored_when_handed_on: list[int] = []

    def dispatcher(self, policies: Sequence[Policy], *, paper: bool = False) -> Dispatcher:
        books = BookCache(venue=self.venue, live=None, clock=self.clock, ttl_us=5 * US)
        sources = Sources(
            chain=self.chain,
            clearinghouse=CLEARINGHOUSE,
            store=self.database.signals,
            books=books,
            clock=self.clock,
            history=self.history,
        )
        return Dispatcher(
            policies=by_leader(policies),
            bounds=lambda: self.bounds,
            chain=self.chain,
            venue=self.venue,
            store=self.database.signals,
            clock=self.clock,
            books=books,
            gathering=Gathering(sources),
            halts=lambda: self.halted,
            on_intents=self._hand_on,
            followers_per_order=2,
            paper=paper,
        )

    def _hand_on(self, intents: Sequence[Intent]) -> None:
        self.handed_on.extend(intents)
        self.stored_when_handed_on += self.database.committed("SELECT count(*) FROM intents")


@pytest.fixture
def bench(venue: FakeVenue, chain: FakeChain, database: Database, clock: SimulatedClock) -> Bench:
    chain.admit(CLEARINGHOUSE, *(follower(number) for number in range(10)))
    return Bench(venue=venue, chain=chain, database=database, clock=clock)


async def test_a_signal_is_stored_whole_and_then_handed_on(bench: Bench) -> None:
    trade = signal()
    await bench.dispatcher([policy(1), policy(2, filters__max_odds=price("0.5")), policy(3)]).dispatch(trade)
    assert bench.database.committed("SELECT signal_id FROM signals") == [trade.signal_id]
    assert bench.database.states() == {"policy-1": "pending", "policy-3": "pending"}
    ((denied, why, facts),) = bench.database.committed("SELECT policy_id, reason, facts FROM denials")
    assert (denied, why, json.loads(facts)) == ("policy-2", "MAX_ODDS", {"price": "0.52", "max_odds": "0.5"})
    assert [intent.policy_id for intent in bench.handed_on] == ["policy-1", "policy-3"]
    assert bench.stored_when_handed_on == [2]


async def test_the_same_signal_twice_is_stored_once_and_handed_on_once(bench: Bench) -> None:
    dispatcher = bench.dispatcher([policy(1), policy(2, filters__max_odds=price("0.5"))])
    await asyncio.gather(*(dispatcher.dispatch(signal()) for _ in range(5)))
    await bench.dispatcher([policy(1), policy(2)]).dispatch(signal())  # after a restart, with other rules
    assert bench.database.committed("SELECT count(*) FROM signals") == [1]
    assert bench.database.committed("SELECT count(*) FROM intents") == [1]
    assert bench.database.committed("SELECT count(*) FROM denials") == [1]
    assert len(bench.handed_on) == 1


async def test_paper_decides_and_hands_nothing_on(bench: Bench) -> None:
    await bench.dispatcher([policy(1), policy(2, filters__max_odds=price("0.5"))], paper=True).dispatch(signal())
    assert bench.database.states() == {"policy-1": "paper"}
    assert bench.database.committed("SELECT count(*) FROM denials") == [1]
    assert bench.handed_on == []
    assert await bench.database.orders.pending_intents() == []


async def test_a_signal_that_is_denied_to_all_hands_nothing_on(bench: Bench) -> None:
    await bench.dispatcher([policy(1, filters__max_odds=price("0.5"))]).dispatch(signal())
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
    bench.venue.troubles["book"].extend(troubles)
    await bench.dispatcher([policy(1)]).dispatch(signal())
    assert bench.database.committed("SELECT reason FROM denials") == ["PRICE_UNAVAILABLE"]


async def test_signals_of_one_token_share_a_price(bench: Bench) -> None:
    dispatcher = bench.dispatcher([policy(1), policy(2, leader=follower(9))])
    trades = [signal(number=1), signal(number=2), signal(number=3, leader=follower(9))]
    await asyncio.gather(*(dispatcher.dispatch(trade) for trade in trades))
    assert bench.venue.asked.count("book") == 1
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


async def test_what_the_leader_held_before_is_stored_and_not_asked_for_again(bench: Bench) -> None:
    await Steps(bench.database).delivered(1)
    bench.chain.shares |= {(LEADER, TOKEN): shares("900"), (follower(1), TOKEN): shares("20")}  # it bought again
    await bench.dispatcher([policy(1)]).dispatch(signal(Side.SELL, number=2, held_before=shares("400")))
    assert [intent.shares for intent in bench.handed_on] == [shares("5")]  # 20 x 100 / 400
    assert bench.database.committed("SELECT kind, held_before FROM signals WHERE side = 'SELL'") == [
        ("trade", 400_000_000)
    ]


async def test_an_exit_that_is_not_followed_is_recorded_and_asks_nobody(bench: Bench) -> None:
    await Steps(bench.database).filled(1)  # an entry that is on its way is not waited for
    gift = signal(Side.SELL, number=2, kind=SignalKind.TRANSFER, collateral=ZERO_COLLATERAL)
    await bench.dispatcher([policy(1), policy(2)]).dispatch(gift)
    assert bench.database.committed("SELECT kind, side FROM signals WHERE side = 'SELL'") == [("transfer", "SELL")]
    assert bench.database.committed("SELECT policy_id, reason, facts FROM denials ORDER BY policy_id") == [
        (name, "EXIT_KIND_NOT_FOLLOWED", '{"kind": "transfer"}') for name in ("policy-1", "policy-2")
    ]
    assert (bench.handed_on, bench.venue.asked, bench.chain.asked) == ([], [], [])


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


async def test_an_entry_that_was_waited_for_in_vain_keeps_no_later_exit_waiting(bench: Bench) -> None:
    steps = Steps(bench.database)
    stuck = await steps.filled(1)
    dispatcher = bench.dispatcher([policy(1), policy(2)])
    await dispatcher.dispatch(signal(Side.SELL, number=2))
    waited_s = sum(bench.clock.slept_s)
    await dispatcher.dispatch(signal(Side.SELL, number=3))
    assert sum(bench.clock.slept_s) == waited_s
    await steps.settled(stuck)
    bench.chain.shares |= {(follower(1), TOKEN): shares("20")}
    await dispatcher.dispatch(signal(Side.SELL, number=4))
    assert [intent.shares for intent in bench.handed_on] == [shares("20")]


async def test_an_entry_after_one_that_is_stuck_is_waited_for(bench: Bench) -> None:
    steps = Steps(bench.database)
    await steps.filled(1)
    dispatcher = bench.dispatcher([policy(1), policy(2)])
    await dispatcher.dispatch(signal(Side.SELL, number=2))
    await steps.filled(2)
    waited_s = sum(bench.clock.slept_s)
    await dispatcher.dispatch(signal(Side.SELL, number=3))
    assert sum(bench.clock.slept_s) - waited_s >= ENTRY_PATIENCE_S


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


async def test_an_entry_is_cut_to_what_the_follower_can_pay(bench: Bench) -> None:
    bench.chain.collateral |= {follower(1): collateral("3.456"), follower(2): collateral("0")}
    bench.chain.members.pop(follower(3))
    await bench.dispatcher([policy(1), policy(2), policy(3), policy(4)]).dispatch(signal())
    assert [(i.policy_id, i.budget) for i in bench.handed_on] == [
        ("policy-1", collateral("3.45")),  # whole cents
        ("policy-4", collateral("10")),
    ]
    rows = bench.database.committed("SELECT policy_id, reason FROM denials ORDER BY policy_id")
    assert rows == [("policy-2", "INSUFFICIENT_COLLATERAL"), ("policy-3", "NOT_JOINED")]
    assert bench.chain.asked.count("means_of") == 1  # one read for all


async def test_what_is_promised_is_not_spent_twice(bench: Bench) -> None:
    bench.chain.collateral[follower(1)] = collateral("25")
    dispatcher = bench.dispatcher([policy(1)])
    for number in range(1, 5):
        await dispatcher.dispatch(signal(number=number))
    # 25 in all, 10 each: 10, 10, 5, nothing.
    assert [intent.budget for intent in bench.handed_on] == [collateral("10"), collateral("10"), collateral("5")]
    ((why, facts),) = bench.database.committed("SELECT reason, facts FROM denials")
    assert (why, json.loads(facts)) == ("INSUFFICIENT_COLLATERAL", {"has": "25", "promised": "25"})


async def test_what_made_a_copy_as_large_as_it_is_stays_known(bench: Bench) -> None:
    bench.chain.collateral[follower(2)] = collateral("3.456")
    limited = policy(3, limits__per_trade=collateral("4"))
    await bench.dispatcher([policy(1), policy(2), limited]).dispatch(signal())
    sized = dict(bench.database.committed("SELECT policy_id, sized FROM intents"))
    wanted = {"mode": "fixed", "wanted": "10"}
    has, may = {"has": "3.456", "promised": "0"}, {"whom": "policy policy-3", "limit": "4"}
    assert {each: json.loads(facts) for each, facts in sized.items()} == {
        "policy-1": wanted,
        "policy-2": wanted | {"cuts": [{"left": "3.45", "reason": "INSUFFICIENT_COLLATERAL", "facts": has}]},
        "policy-3": wanted | {"cuts": [{"left": "4", "reason": "LIMIT_PER_TRADE", "facts": may}]},
    }


async def test_a_thousand_signals_at_once_spend_what_there_is_and_no_more(bench: Bench) -> None:
    """1,000 leaders trade at once, and one follower copies each for 10: 4,321.50 is there."""
    leaders = [Address(f"0xa{number:039x}") for number in range(1000)]
    bench.chain.collateral[follower(1)] = collateral("4321.5")
    rules = [policy(1, policy_id=PolicyId(f"policy-{leader}"), leader=leader) for leader in leaders]
    dispatcher = bench.dispatcher(rules)
    trades = [signal(number=number, leader=leader) for number, leader in enumerate(leaders)]
    await asyncio.gather(*(dispatcher.dispatch(trade) for trade in trades))
    assert sorted(str(intent.budget) for intent in bench.handed_on) == ["1.5", *["10"] * 432]
    denied = bench.database.committed("SELECT reason, count(*) FROM denials GROUP BY reason")
    assert denied == [("INSUFFICIENT_COLLATERAL", 567)]
    assert bench.chain.asked.count("means_of") == 1


async def test_what_was_settled_since_the_balance_was_read_is_not_spent_again(bench: Bench) -> None:
    bench.chain.collateral[follower(1)] = collateral("15")
    dispatcher, steps = bench.dispatcher([policy(1)]), Steps(bench.database)
    legs = await steps.filled(1)
    await dispatcher.dispatch(signal(number=1))  # 5, and reads the balance
    await steps.settled(legs)  # 10
    bench.chain.collateral[follower(1)] = collateral("5")
    await dispatcher.dispatch(signal(number=2))  # of 15 that it knows of, all is taken
    bench.clock.advance(2)
    await dispatcher.dispatch(signal(number=3))  # of 5 that it knows of now
    assert [intent.budget for intent in bench.handed_on] == [collateral("5")]
    facts = bench.database.committed("SELECT facts FROM denials ORDER BY signal_id DESC")
    assert sorted(facts) == ['{"has": "15", "promised": "15"}', '{"has": "5", "promised": "5"}']


async def test_means_that_no_node_tells_are_a_denial(bench: Bench) -> None:
    bench.chain.troubles["means_of"].extend([Retryable("busy", 9.0)] * 3)
    await bench.dispatcher([policy(1)]).dispatch(signal())
    assert bench.database.committed("SELECT reason FROM denials") == ["MEANS_UNKNOWN"]
    assert bench.clock.slept_s == [0.5] * 3  # a copy does not wait 9 s


async def test_means_are_asked_for_again_while_a_node_is_busy(bench: Bench) -> None:
    bench.chain.troubles["means_of"].extend([Retryable("busy", 0.1)] * 2)
    await bench.dispatcher([policy(1)]).dispatch(signal())
    assert len(bench.handed_on) == 1


async def test_nothing_is_entered_while_the_collateral_is_paused(bench: Bench) -> None:
    bench.chain.paused = True
    await bench.dispatcher([policy(1)]).dispatch(signal())
    assert bench.database.committed("SELECT reason FROM denials") == ["COLLATERAL_PAUSED"]


async def test_paper_needs_no_means(bench: Bench) -> None:
    await bench.dispatcher([policy(20)], paper=True).dispatch(signal())
    assert bench.database.states() == {"policy-20": "paper"}
    assert "means_of" not in bench.chain.asked


async def test_an_exit_asks_for_no_means(bench: Bench) -> None:
    await Steps(bench.database).delivered(1)
    bench.chain.shares[follower(1), TOKEN] = shares("20")
    bench.chain.members.clear()
    bench.chain.paused = True
    await bench.dispatcher([policy(1)]).dispatch(signal(Side.SELL, number=2))
    assert [intent.shares for intent in bench.handed_on] == [shares("20")]
    assert "means_of" not in bench.chain.asked


async def test_a_proportional_entry_goes_by_what_both_own(bench: Bench) -> None:
    bench.chain.collateral[LEADER] = collateral("2000")
    bench.history.values[LEADER] = collateral("600")
    await bench.dispatcher([policy(1, sizing__mode=SizingMode.PROPORTIONAL, sizing__amount=None)]).dispatch(signal())
    # 1000 x 52 / (2000 + 600) = 20
    assert [intent.budget for intent in bench.handed_on] == [collateral("20")]


async def test_equity_is_asked_for_only_where_a_policy_goes_by_it(bench: Bench) -> None:
    await bench.dispatcher([policy(1)]).dispatch(signal())
    assert "collateral_of" not in bench.chain.asked


async def test_an_equity_that_is_unknown_is_a_denial(bench: Bench) -> None:
    bench.history.troubles[LEADER].extend([Retryable("busy")] * 3)
    await bench.dispatcher([policy(1, sizing__mode=SizingMode.PROPORTIONAL, sizing__amount=None)]).dispatch(signal())
    assert bench.database.committed("SELECT reason FROM denials") == ["EQUITY_UNKNOWN"]


async def test_small_copies_are_joined(bench: Bench) -> None:
    rules = [policy(number, sizing__amount=collateral("0.5")) for number in (1, 2, 3)]
    await bench.dispatcher(rules).dispatch(signal())  # two share an order
    assert [intent.budget for intent in bench.handed_on] == [collateral("0.5")] * 2
    assert bench.database.committed("SELECT policy_id, reason FROM denials") == [("policy-3", "BELOW_VENUE_MINIMUM")]


async def test_what_is_too_small_is_kept_until_it_is_enough(bench: Bench) -> None:
    rules = [policy(1, sizing__amount=collateral("0.4"), sizing__accumulate=True)]
    for number in (1, 2, 3):  # 0.4, 0.8, 1.2
        await bench.dispatcher(rules).dispatch(signal(number=number))
    assert [intent.budget for intent in bench.handed_on] == [collateral("1.2")]
    assert bench.database.committed("SELECT reason FROM denials") == ["ACCUMULATED", "ACCUMULATED"]
    assert await bench.database.signals.carried(TOKEN) == {}


async def test_what_was_kept_is_given_up_when_the_leader_leaves(bench: Bench) -> None:
    rules = [policy(1, sizing__amount=collateral("0.4"), sizing__accumulate=True)]
    await bench.dispatcher(rules).dispatch(signal(number=1))
    assert await bench.database.signals.carried(TOKEN) == {"policy-1": collateral("0.4")}
    await bench.dispatcher(rules).dispatch(signal(Side.SELL, number=2))
    assert await bench.database.signals.carried(TOKEN) == {}


async def test_the_same_signal_twice_keeps_its_copy_once(bench: Bench) -> None:
    rules = [policy(1, sizing__amount=collateral("0.4"), sizing__accumulate=True)]
    await bench.dispatcher(rules).dispatch(signal())
    await bench.dispatcher(rules).dispatch(signal())
    assert await bench.database.signals.carried(TOKEN) == {"policy-1": collateral("0.4")}


async def test_limits_are_shared_by_the_followers_of_a_signal_and_by_signals(bench: Bench) -> None:
    """25 for the service: 10, 10 and the 5 that are left; then nothing."""
    bench.bounds = Rulebook(service=Bounds(limits=Limits(exposure=collateral("25"))))
    dispatcher = bench.dispatcher([policy(1), policy(2), policy(3)])
    await asyncio.gather(*(dispatcher.dispatch(signal(number=number)) for number in (1, 2)))
    assert [str(intent.budget) for intent in bench.handed_on] == ["10", "10", "5"]
    reasons = bench.database.committed("SELECT reason, facts FROM denials")
    assert [(why, json.loads(facts)["used"]) for why, facts in reasons] == [("LIMIT_EXPOSURE", "25")] * 3


async def test_less_than_the_venue_takes_is_left_to_others(bench: Bench) -> None:
    """10.5: 0.5 is less than the venue's 1, so it stays; a policy that wants less would still get it."""
    bench.bounds = Rulebook(service=Bounds(limits=Limits(exposure=collateral("10.5"))))
    await bench.dispatcher([policy(1), policy(2)]).dispatch(signal())
    assert [str(intent.budget) for intent in bench.handed_on] == ["10"]
    assert bench.database.committed("SELECT reason FROM denials") == ["LIMIT_EXPOSURE"]


@pytest.mark.parametrize(
    ("halt", "entry", "exits"),
    [(Halt.PAUSE, "PAUSED", None), (Halt.STOP, "STOPPED", "STOPPED"), (Halt.PANIC, "PANIC", None)],
)
async def test_what_a_switch_lets_through(bench: Bench, halt: Halt, entry: str, exits: str | None) -> None:
    await Steps(bench.database).delivered(1)
    bench.chain.shares |= {(LEADER, TOKEN): shares("0"), (follower(1), TOKEN): shares("20")}
    bench.halted = halts([Switch(scope=Scope.LEADER, subject=LEADER, halt=halt, because=None, set_us=1)], 2)
    dispatcher = bench.dispatcher([policy(1)])
    await dispatcher.dispatch(signal(number=1))
    await dispatcher.dispatch(signal(Side.SELL, number=2))
    found = bench.database.committed("SELECT reason FROM denials ORDER BY rowid")
    assert found == [entry] + ([exits] if exits else [])
    assert len(bench.handed_on) == (0 if exits else 1)
