"""Limits under load: whatever comes at once, fails, fills or starts again, no limit is exceeded and all is released."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete

from remora.adapters.store.schema import metadata
from remora.adapters.store.writer import Writer
from remora.dispatch.limits import Room, question
from remora.domain.ids import Address, PolicyId, TokenId, intent_id
from remora.domain.money import ZERO_SHARES, Collateral, Shares
from remora.domain.order import Allocation, Decision, Denial, Intent, IntentState, OrderState
from remora.domain.policy import Bounds, Limits, Policy, Rulebook
from remora.domain.reasons import Reason, because
from remora.domain.signal import Side, Signal
from remora.domain.usage import SERVICE, Taken, Usage, Used
from tests.fakes.clock import START_US
from tests.fakes.database import Database
from tests.fakes.specimens import collateral, follower, market, signal
from tests.worker.steps import Steps

FREE = market()
LEADERS = tuple(Address(f"0xa{number:039x}") for number in range(3))
NOTHING = because(Reason.NOT_FILLED, limit="0.54")


def policy(leader: int, who: int, limits: Limits = Limits()) -> Policy:  # noqa: B008  it is frozen
    return Policy(policy_id=PolicyId(f"{leader}-{who}"), leader=LEADERS[leader], follower=follower(who), limits=limits)


async def decided(
    database: Database, of: Signal, policies: Sequence[Policy], rulebook: Rulebook, wanted: Collateral
) -> Decision:
    """Decide a signal within limits, as the dispatcher does."""

    def decide(taken: Taken) -> Decision:
        room, intents, denials = Room(rulebook, taken.usage), [], []
        for each in policies:
            cut = room.cut(each, wanted, FREE)
            budget = wanted if cut is None else cut.left
            if budget:
                room.take(each, budget, FREE)
                intents.append(_intent(of, each, budget))
            else:
                why = cut.because if cut else NOTHING
                denials.append(
                    Denial(signal_id=of.signal_id, policy_id=each.policy_id, follower=each.follower, because=why)
                )
        return Decision(signal=of, intents=tuple(intents), denials=tuple(denials))

    asked = question(of, FREE, policies, rulebook, START_US)
    made = await database.signals.decide_and_record(of, asked, decide, stored_us=START_US, state=IntentState.PENDING)
    assert made is not None
    return made


def _intent(of: Signal, each: Policy, budget: Collateral) -> Intent:
    return Intent(
        intent_id=intent_id(of.signal_id, each.policy_id),
        signal_id=of.signal_id,
        policy_id=each.policy_id,
        follower=each.follower,
        side=Side.BUY,
        token_id=of.token_id,
        limit=FREE.tick,
        budget=budget,
        shares=ZERO_SHARES,
        deadline_us=START_US,
        condition_id=FREE.condition_id,
    )


async def test_a_thousand_dispatches_at_once_share_a_service_limit_exactly(database: Database) -> None:
    """1,000 x 10 want in; 4,321.50 is there: 432 whole ones and 1.50. Nobody is refused for being early."""
    rulebook = Rulebook(service=Bounds(limits=Limits(exposure=collateral("4321.5"))))
    made = await asyncio.gather(
        *(
            decided(database, signal(number=number), [policy(0, number)], rulebook, collateral("10"))
            for number in range(1000)
        )
    )
    budgets = [intent.budget for each in made for intent in each.intents]
    assert sorted(map(str, budgets)) == sorted(["10"] * 432 + ["1.5"])
    assert database.committed("SELECT sum(budget) FROM intents") == [4_321_500_000]
    reasons = database.committed("SELECT reason, count(*) FROM denials GROUP BY reason")
    assert reasons == [("LIMIT_EXPOSURE", 567)]


async def test_a_pass_and_a_minute_share_what_there_is(database: Database) -> None:
    rulebook = Rulebook(service=Bounds(limits=Limits(orders_per_minute=5)))
    policies = [policy(0, number) for number in range(4)]
    first = await decided(database, signal(number=1), policies, rulebook, collateral("1"))
    second = await decided(database, signal(number=2), policies, rulebook, collateral("1"))
    assert (len(first.intents), len(second.intents)) == (4, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What happens next: an entry, or what becomes of one, or a restart."""

    kind: str
    leader: int
    token: int
    cents: int
    pick: int


MOVES = st.builds(
    Move,
    kind=st.sampled_from(["enter", "enter", "enter", "fill", "part", "fail", "sell", "restart"]),
    leader=st.integers(0, 2),
    token=st.integers(1, 3),
    cents=st.integers(1, 3000),
    pick=st.integers(0, 50),
)
SOME = st.none() | st.integers(0, 4000).map(lambda cents: Collateral(cents * 10_000))
LIMITS = st.builds(
    Limits,
    per_trade=SOME,
    per_market=SOME,
    per_leader=SOME,
    per_day=SOME,
    exposure=SOME,
    open_positions=st.none() | st.integers(0, 3),
    orders_per_minute=st.none() | st.integers(0, 12),
)


@dataclass(slots=True, kw_only=True)
class Bought:
    """An entry as the test believes it: what it may cost while it is under way, and what it cost."""

    intent: Intent
    leader: Address
    cost: int
    filled: bool = False
    sold: bool = False

    @property
    def is_held(self) -> bool:
        return not self.sold and self.cost > 0


class World:
    """Two followers of three leaders. A share costs 1, so that a lot's average is no matter of the test's opinion."""

    def __init__(self, engine: Engine, own: Limits, bounds: Sequence[Limits]) -> None:
        self.engine = engine
        self.policies = [policy(leader, who, own) for leader in range(3) for who in (1, 2)]
        of_follower, of_leader, of_service = (Bounds(limits=each) for each in bounds)
        self.rulebook = Rulebook(
            policies=tuple(self.policies),
            followers={follower(1): of_follower},
            leaders={LEADERS[0]: of_leader},
            service=of_service,
        )
        self.entries: list[Bought] = []
        self.numbers = count(1)
        self.restart()

    def restart(self) -> None:
        self.writer = Writer(self.engine)
        self.database = Database(Path(str(self.engine.url.database)), self.writer)

    async def do(self, move: Move) -> None:
        """Let something happen, if it can."""
        under_way = [each for each in self.entries if not each.filled and each.cost]
        held = [each for each in self.entries if each.filled and each.is_held]
        match move.kind:
            case "enter":
                await self._enter(move)
            case "restart":
                self.writer.close()
                self.restart()
            case "sell" if held:
                await self.sell(held[move.pick % len(held)])
            case "fill" | "part" | "fail" if under_way:
                await self.end(under_way[move.pick % len(under_way)], move.kind)

    async def end(self, entry: Bought, how: str) -> None:
        """End an entry: filled, filled in part, or failed."""
        entry.cost = {"fill": entry.cost, "part": entry.cost // 3, "fail": 0}[how]
        if entry.cost:
            entry.filled = True
            await self._allocate(entry.intent, entry.cost)
        else:
            await self.database.orders.fail_intents({entry.intent.intent_id: NOTHING})

    async def sell(self, entry: Bought) -> None:
        """Sell what an entry bought."""
        entry.sold = True
        of = signal(Side.SELL, number=next(self.numbers), leader=entry.leader, token_id=entry.intent.token_id)
        sale = entry.intent._replace(
            intent_id=intent_id(of.signal_id, entry.intent.policy_id),
            signal_id=of.signal_id,
            side=Side.SELL,
            shares=Shares(entry.cost),
            budget=Collateral(0),
        )
        await self.database.decided(of, [sale])
        await self._allocate(sale, entry.cost)

    def broken(self) -> list[str]:
        """Return the limits that are exceeded, by what the test saw."""
        found = []
        for each in self.policies:
            mine = [entry for entry in self.entries if entry.intent.policy_id == each.policy_id]
            found += _exceeded(each.policy_id, each.limits, mine)
        ones = [entry for entry in self.entries if entry.intent.follower == follower(1)]
        found += _exceeded("follower", self.rulebook.followers[follower(1)].limits, ones)
        led = [entry for entry in self.entries if entry.leader == LEADERS[0]]
        found += _exceeded("leader", self.rulebook.leaders[LEADERS[0]].limits, led)
        return found + _exceeded("service", self.rulebook.service.limits, self.entries)

    async def left(self) -> Usage:
        """Return what the service still uses when everything came to its end."""
        for entry in self.entries:
            if not entry.filled and entry.cost:
                await self.end(entry, "fail")
            elif entry.is_held:
                await self.sell(entry)
        strict = Rulebook(service=Bounds(limits=Limits(exposure=collateral("1"), open_positions=1)))
        seen: list[Usage] = []
        of = signal(number=next(self.numbers))

        def look(taken: Taken) -> Decision:
            seen.append(taken.usage)
            return Decision(signal=of, intents=(), denials=())

        asked = question(of, FREE, (), strict, START_US)
        await self.database.signals.decide_and_record(of, asked, look, stored_us=1, state=IntentState.PENDING)
        return seen[0]

    async def _enter(self, move: Move) -> None:
        leader = LEADERS[move.leader]
        of = signal(number=next(self.numbers), leader=leader, token_id=TokenId(move.token))
        followed = [each for each in self.policies if each.leader == leader]
        made = await decided(self.database, of, followed, self.rulebook, Collateral(move.cents * 10_000))
        self.entries += [Bought(intent=each, leader=leader, cost=each.budget.units) for each in made.intents]

    async def _allocate(self, intent: Intent, units: int) -> None:
        order = await Steps(self.database, first=next(self.numbers) * 1000).ordered([intent])
        got = Allocation(
            intent_id=intent.intent_id,
            follower=intent.follower,
            shares=Shares(units),
            collateral=Collateral(units),
            fee=Collateral(0),
        )
        await self.database.orders.finish_order(
            order.order_hash, state=OrderState.DONE, allocations=[got], failures={}, legs=[], postings=[]
        )


def _exceeded(whose: str, limits: Limits, entries: Sequence[Bought]) -> list[str]:
    """Return which limits a scope's entries exceed; all of them are of one market, of today and of this minute."""
    held = [entry for entry in entries if entry.is_held]
    leaders = {entry.leader for entry in held}
    through = max((sum(entry.cost for entry in held if entry.leader == each) for each in leaders), default=0)
    amounts = {
        "per_trade": (limits.per_trade, max((entry.cost for entry in entries), default=0)),
        "per_market": (limits.per_market, sum(entry.cost for entry in held)),
        "per_leader": (limits.per_leader, through),
        "per_day": (limits.per_day, sum(entry.cost for entry in entries)),
        "exposure": (limits.exposure, sum(entry.cost for entry in held)),
    }
    counts = {
        "open_positions": (limits.open_positions, len({entry.intent.token_id for entry in held})),
        "orders_per_minute": (limits.orders_per_minute, len(entries)),
    }
    broken = [name for name, (limit, used) in amounts.items() if limit is not None and used > limit.units]
    broken += [name for name, (limit, used) in counts.items() if limit is not None and used > limit]
    return [f"{whose}: {name}" for name in broken]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    own=LIMITS,
    bounds=st.tuples(LIMITS, LIMITS, LIMITS),
    moves=st.lists(MOVES, min_size=5, max_size=30),
)
def test_no_limit_is_ever_exceeded_and_all_is_released(
    engine: Engine, own: Limits, bounds: tuple[Limits, ...], moves: list[Move]
) -> None:
    asyncio.run(_law(engine, own, bounds, moves))


async def _law(engine: Engine, own: Limits, bounds: tuple[Limits, ...], moves: list[Move]) -> None:
    world = World(engine, own, bounds)
    try:
        for move in moves:
            await world.do(move)
            assert world.broken() == []
        assert (await world.left()).get(SERVICE, Used()) == Used()
    finally:
        world.writer.close()
        with engine.begin() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(delete(table))
