"""The law of positions: by what a leader held before an exit it is decided, on whatever branch its block is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.fakes.database import Database
from tests.fakes.dealings import Deed, Doing
from tests.worker.dealing import Dealing
from tests.worker.playing import LEADERS

done = st.builds(Deed, leader=st.sampled_from(LEADERS[:2]), doing=st.sampled_from(Doing), count=st.integers(1, 40))
transactions = st.lists(done, min_size=1, max_size=3, unique_by=lambda deed: (deed.leader, deed.doing))
"""What two leaders do, each kind of thing once."""

flags = st.booleans()
acts = st.one_of(
    st.tuples(st.just("mine"), st.lists(transactions, max_size=4), flags),
    st.tuples(st.just("tell"), st.integers(1, 20)),
    st.tuples(st.just("reorganise"), st.integers(1, 4), flags, flags),
    st.tuples(st.just("swallow")),
    st.tuples(st.just("restart")),
    st.tuples(st.just("settle")),
)


GIVEN_TAKEN_GIVEN = [
    [Deed(leader=LEADERS[0], doing=doing, count=9) for doing in (Doing.RECEIVE, Doing.MERGE, Doing.SPLIT)]
]
"""A block with a transaction in which shares come both before an exit and after it."""

SOLD_AND_MERGED = [
    [Deed(leader=LEADERS[0], doing=doing, count=9) for doing in (Doing.MERGE, Doing.SELL, Doing.CONVERT)]
]
"""A block with a transaction in which shares leave both by a match and without one."""


async def perform(play: Dealing, planned: Sequence[tuple[object, ...]]) -> None:
    await play.start()
    for act in planned:
        match act:
            case ("mine", list(block), bool(head_first)):
                play.deal(block, head_first=head_first)
            case ("tell", int(count)):
                play.tell(count)
            case ("reorganise", int(depth), bool(removed), bool(head_first)):
                play.reorganise(depth, removed=removed, head_first=head_first)
            case ("swallow",):
                play.swallow()
            case ("restart",):
                await play.start()
            case _:
                await play.settle()
    await play.end()


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@example(planned=[("mine", GIVEN_TAKEN_GIVEN, False)], seed=0)
@example(planned=[("mine", SOLD_AND_MERGED, False)], seed=0)
@given(planned=st.lists(acts, min_size=10, max_size=40), seed=st.integers(0, 999))
def test_what_is_held_before_an_exit_is_what_the_chain_says(
    database: Database, planned: list[tuple[object, ...]], seed: int
) -> None:
    database.clear()
    play = Dealing(database, seed)
    asyncio.run(perform(play, planned))
    assert play.untrue == []
    assert sorted(play.stored()) == sorted(play.exits())
