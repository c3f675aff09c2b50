"""What the detector makes of leaders' exits: their kind, and what was held before, as far as a node can tell."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest

from remora.detect.decode import decode_fill
from remora.domain.chain import Receipt
from remora.domain.errors import Retryable
from remora.domain.signal import Fill
from tests.fakes.database import Database
from tests.fakes.dealings import AT_FIRST, UNIT, Deed, Doing
from tests.fakes.waiting import settle_down, until
from tests.worker.dealing import Dealing
from tests.worker.playing import KNOWN, LEADERS

LEADER = LEADERS[0]


@pytest.fixture
async def play(database: Database) -> AsyncIterator[Dealing]:
    played = Dealing(database, 0)
    await played.start()
    yield played
    await played.stop()


def done(doing: Doing, count: int) -> list[Deed]:
    """Return a transaction in which the leader does one thing."""
    return [Deed(leader=LEADER, doing=doing, count=count)]


def deal(play: Dealing, *transactions: Sequence[Deed]) -> None:
    """Mine a block, and let the node tell of it."""
    play.deal(transactions, head_first=False)
    play.tell(len(play.untold))


def stored(play: Dealing) -> list[tuple[str, int, int | None]]:
    """Return kind, shares and what was held before, in whole shares, of the exits in the order of the chain."""
    rows = play.database.committed(
        "SELECT kind, shares, held_before FROM signals WHERE side = 'SELL' ORDER BY block_number, log_index, token_id"
    )
    return [(kind, shares // UNIT, None if held is None else held // UNIT) for kind, shares, held in rows]


async def test_several_exits_in_one_block_need_one_read_and_entries_none(play: Dealing) -> None:
    deal(play, done(Doing.BUY, 100))
    await until(lambda: play.decided[LEADER])
    assert "shares_at" not in play.chain.asked
    deal(play, done(Doing.SELL, 5_050), done(Doing.SPLIT, 50), done(Doing.MERGE, 100), done(Doing.TRANSFER, 1_000))
    await until(lambda: len(stored(play)) == 4)
    assert stored(play) == [
        ("trade", 5_050, AT_FIRST + 100),
        ("merge", 100, 5_100),  # of YES
        ("merge", 100, AT_FIRST + 50),  # of NO
        ("transfer", 1_000, 5_000),
    ]
    assert play.chain.asked.count("shares_at") == 1


async def test_the_same_exit_twice_is_one_signal_after_a_restart_too(play: Dealing) -> None:
    deal(play, done(Doing.MERGE, 1), done(Doing.SELL, 1))
    await until(lambda: len(play.decided[LEADER]) == 3)
    before = stored(play)
    await play.start()
    deal(play, done(Doing.BUY, 1))
    await until(lambda: len(play.decided[LEADER]) == 4)
    assert stored(play) == before


async def test_an_exit_whose_block_is_orphaned_is_withdrawn_and_comes_back_with_what_is_held_then(
    play: Dealing,
) -> None:
    merge = play.transaction(done(Doing.MERGE, 10))
    mine(play, [merge])
    await until(lambda: len(stored(play)) == 2)
    play.chain.orphan(1)
    mine(play, [play.transaction(done(Doing.SELL, 4_000)), merge])
    mine(play, [])
    await until(lambda: stored(play) == [("trade", 4_000, AT_FIRST), ("merge", 10, 6_000), ("merge", 10, AT_FIRST)])
    assert set(play.database.committed("SELECT state FROM signals")) == {"mined"}


async def test_a_node_that_dropped_the_state_leaves_it_unknown_and_the_exit_is_handed_on(play: Dealing) -> None:
    number = play.chain.chain[-1].head.number + 1
    play.deal([done(Doing.SELL, 5)], head_first=False)
    play.chain.pruned.add(play.chain.chain[-1].head.hash)
    assert play.chain.chain[-1].head.number == number
    play.tell(len(play.untold))
    await until(lambda: stored(play) == [("trade", 5, None)])


async def test_a_node_that_is_busy_is_asked_again(play: Dealing) -> None:
    play.chain.troubles["shares_at"].append(Retryable("busy"))
    deal(play, done(Doing.SELL, 5))
    await until(lambda: stored(play) == [("trade", 5, AT_FIRST)])


async def test_a_pending_sale_is_of_what_is_held_now(play: Dealing) -> None:
    sale = play.transaction(done(Doing.SELL, 5))
    play.detector.hear_pending(pending(sale), play.clock.now_us())
    await until(lambda: stored(play) == [("trade", 5, AT_FIRST)])
    mine(play, [play.transaction(done(Doing.BUY, 1)), sale])
    await until(lambda: play.database.committed("SELECT state FROM signals WHERE side = 'SELL'") == ["mined"])
    await settle_down()
    assert stored(play) == [("trade", 5, AT_FIRST)]  # it was decided by that


async def test_a_pending_sale_of_what_is_yet_to_come_is_of_an_unknown_position(play: Dealing) -> None:
    play.detector.hear_pending(pending(play.transaction(done(Doing.SELL, AT_FIRST + 1))), play.clock.now_us())
    await until(lambda: stored(play) == [("trade", AT_FIRST + 1, None)])


def mine(play: Dealing, transactions: Sequence[Receipt]) -> None:
    """Mine a block of these transactions, and let the node tell of it."""
    block = play.chain.mine(transactions)
    play.untold += [*block.logs, block.head]
    play.tell(len(play.untold))


def pending(sale: Receipt) -> Fill:
    """Return what the mempool tells of a sale."""
    fill = decode_fill(sale.logs[-1]._replace(tx_hash=sale.tx_hash), KNOWN.exchanges)
    assert fill is not None
    return fill
