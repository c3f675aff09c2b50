"""The law of detection: whatever a node tells, in whatever order, what is stored is the chain's trades, each once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from remora.detect.lanes import PAUSES_S
from remora.domain.errors import OperatorError
from tests.fakes.database import Database
from tests.worker.playing import Play

flags = st.booleans()
quiet = st.one_of(
    st.tuples(st.just("mine"), st.lists(st.integers(0, 2), max_size=4), flags),
    st.tuples(st.just("tell"), st.integers(1, 12)),
    st.tuples(st.just("tell again")),
    st.tuples(st.just("settle")),
    st.tuples(st.just("trouble")),
)
reorgs = st.tuples(st.just("reorganise"), st.integers(1, 5), flags, flags)
gaps = st.one_of(st.tuples(st.just("cut"), flags), st.tuples(st.just("restart")))
losses = st.one_of(st.tuples(st.just("swallow")), gaps)

COMES_BACK_LOWER: list[tuple[object, ...]] = [
    ("mine", [], False),
    ("mine", [0], False),
    ("restart",),  # it knows the trade's block by its log, and of the block below only that nothing was found there
    ("reorganise", 2, False, False),  # it is the block below that has the trade now
    ("swallow",),
]
"""A block in which there was nothing is replaced by one that holds a trade, whose log is lost."""

UNSEEN_FORK: list[tuple[object, ...]] = [
    ("mine", [0], False),
    ("mine", [], False),
    ("tell", 12),
    ("settle",),
    ("reorganise", 2, False, False),  # the trade comes back in no block
    ("cut", True),
    ("mine", [1], False),
    ("tell", 1),
]
"""A fork of which no head is heard: the first that is told of it is the log of a block above."""


async def perform(play: Play, acts: Sequence[tuple[object, ...]]) -> None:
    await play.start()
    troubles = len(PAUSES_S)  # one more, and a trade may be set aside for its leader's next
    for act in acts:
        match act:
            case ("mine", list(leaders), bool(head_first)):
                play.mine(leaders, head_first=head_first)
            case ("reorganise", int(depth), bool(removed), bool(head_first)):
                play.reorganise(depth, removed=removed, head_first=head_first)
            case ("tell", int(count)):
                play.tell(count)
            case ("tell again",):
                play.tell_again()
            case ("swallow",):
                play.swallow()
            case ("cut", bool(pool)):
                play.cut(pool=pool)
            case ("restart",):
                await play.start()
            case ("trouble",) if troubles:
                troubles -= 1
                play.trouble.append(OperatorError("the disk is full"))
            case _:
                await play.settle()
    await play.end()


def examine(database: Database, acts: Sequence[tuple[object, ...]], seed: int, *, in_order: bool) -> None:
    database.clear()
    play = Play(database, seed)
    asyncio.run(perform(play, acts))
    play.check(in_order=in_order)


generous = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@generous
@given(acts=st.lists(quiet, min_size=15, max_size=50), seed=st.integers(0, 999))
def test_without_reorgs_every_trade_is_decided_once_in_order(
    database: Database, acts: list[tuple[object, ...]], seed: int
) -> None:
    examine(database, acts, seed, in_order=True)


@generous
@given(acts=st.lists(st.one_of(quiet, gaps), min_size=15, max_size=50), seed=st.integers(0, 999))
def test_through_gaps_every_trade_is_decided_once_in_order(
    database: Database, acts: list[tuple[object, ...]], seed: int
) -> None:
    examine(database, acts, seed, in_order=True)


@generous
@given(acts=st.lists(st.one_of(quiet, reorgs), min_size=15, max_size=50), seed=st.integers(0, 999))
def test_through_reorgs_what_is_stored_is_the_chain(
    database: Database, acts: list[tuple[object, ...]], seed: int
) -> None:
    examine(database, acts, seed, in_order=False)


@generous
@given(acts=st.lists(st.one_of(quiet, reorgs, losses), min_size=15, max_size=50), seed=st.integers(0, 999))
@example(acts=COMES_BACK_LOWER, seed=0)
@example(acts=UNSEEN_FORK, seed=1)
def test_through_losses_and_restarts_what_is_stored_is_the_chain(
    database: Database, acts: list[tuple[object, ...]], seed: int
) -> None:
    examine(database, acts, seed, in_order=False)
