"""What the detector does when blocks leave the chain, and when trades are heard of before they are in one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from remora.detect.decode import decode_fill
from remora.detect.health import Hearing
from remora.domain.chain import Receipt
from remora.domain.signal import Fill
from tests.fakes.database import Database
from tests.fakes.waiting import settle_down, until
from tests.worker.playing import KNOWN, LEADERS, Play


@pytest.fixture
async def play(database: Database) -> AsyncIterator[Play]:
    played = Play(database, 0)
    await played.start()
    yield played
    await played.stop()


def stored(play: Play) -> dict[str, str]:
    return dict(play.database.committed("SELECT tx_hash, state FROM signals"))


def stored_in(play: Play) -> dict[str, str]:
    return dict(play.database.committed("SELECT tx_hash, block_hash FROM signals"))


def included(play: Play, *trades: Receipt) -> None:
    """Mine a block that holds the trades, and let the node tell of it."""
    block = play.chain.mine(trades)
    play.untold += [*block.logs, block.head]
    play.tell(len(play.untold))


def expected(trade: Receipt) -> Fill:
    """Return what a pending transaction would fill."""
    fill = decode_fill(trade.logs[0]._replace(tx_hash=trade.tx_hash), KNOWN.exchanges)
    assert fill is not None
    return fill


async def test_a_trade_whose_block_is_orphaned_is_withdrawn(play: Play) -> None:
    trade = play.chain.trade(LEADERS[0])
    included(play, trade)
    await until(lambda: stored(play) == {trade.tx_hash: "mined"})
    play.chain.orphan(1)
    included(play)
    included(play)
    await until(lambda: stored(play) == {trade.tx_hash: "withdrawn"})
    assert play.database.states() == {"policy-1": "withdrawn"}


async def test_a_removed_log_is_enough_to_withdraw(play: Play) -> None:
    trade = play.chain.trade(LEADERS[0])
    included(play, trade)
    await until(lambda: stored(play))
    (lost,) = play.chain.orphan(1)
    play.chain.mine([])
    play.chain.live.put_nowait(lost.logs[0]._replace(removed=True))
    await until(lambda: stored(play) == {trade.tx_hash: "withdrawn"})


async def test_a_removed_log_of_a_block_that_is_in_the_chain_changes_nothing(play: Play) -> None:
    trade = play.chain.trade(LEADERS[0])
    included(play, trade)
    await until(lambda: stored(play))
    play.chain.live.put_nowait(play.chain.chain[-1].logs[0]._replace(removed=True))
    await settle_down()
    included(play)
    await settle_down()
    assert stored(play) == {trade.tx_hash: "mined"}
    await until(lambda: play.decided[LEADERS[0]] == [trade.tx_hash])


async def test_a_trade_that_comes_back_is_decided_anew(play: Play) -> None:
    trade = play.chain.trade(LEADERS[0])
    included(play, trade)
    await until(lambda: stored(play))
    play.chain.orphan(1)
    included(play)
    included(play)
    await until(lambda: stored(play) == {trade.tx_hash: "withdrawn"})
    included(play, trade)
    await until(lambda: stored(play) == {trade.tx_hash: "mined"})
    await until(lambda: play.decided[LEADERS[0]] == [trade.tx_hash] * 2)
    assert play.database.states() == {"policy-1": "pending"}


async def test_a_trade_that_comes_back_by_way_of_the_mempool_is_decided_anew(play: Play) -> None:
    """A node that takes a block back puts its transactions into the pool, and tells them as pending."""
    trade = play.chain.trade(LEADERS[0])
    included(play, trade)
    await until(lambda: stored(play))
    play.chain.orphan(1)
    included(play)
    included(play)
    await until(lambda: stored(play) == {trade.tx_hash: "withdrawn"})
    play.detector.hear_pending(expected(trade), play.clock.now_us())
    await settle_down()
    included(play, trade)
    await until(lambda: stored(play) == {trade.tx_hash: "mined"})
    await until(lambda: play.decided[LEADERS[0]] == [trade.tx_hash] * 2)
    assert play.database.states() == {"policy-1": "pending"}


async def test_a_trade_that_moved_below_the_fork_as_we_know_it_is_kept(play: Play) -> None:
    """Of block 11 no head was heard; a lagging node still tells of the block 12 that the trade was in before."""
    trade = play.chain.trade(LEADERS[0])
    play.chain.mine([])
    before = play.chain.mine([trade])
    play.chain.lagging = play.chain.orphan(2)
    now = play.chain.mine([trade])
    after = play.chain.mine([])
    play.chain.live.put_nowait(now.logs[0])
    await until(lambda: stored_in(play) == {trade.tx_hash: now.head.hash})
    play.chain.live.put_nowait(before.logs[0])
    await until(lambda: stored_in(play) == {trade.tx_hash: before.head.hash})
    play.chain.live.put_nowait(after.head)
    await until(lambda: stored_in(play) == {trade.tx_hash: now.head.hash})
    assert stored(play) == {trade.tx_hash: "mined"}
    assert play.database.states() == {"policy-1": "pending"}


async def test_a_reorg_while_nobody_listened_is_noticed(play: Play) -> None:
    trade = play.chain.trade(LEADERS[0])
    included(play, trade)
    await until(lambda: stored(play))
    await play.stop()
    play.chain.orphan(1)
    for _ in range(3):
        play.chain.mine([])
    await play.start()
    await until(lambda: stored(play) == {trade.tx_hash: "withdrawn"})


async def test_a_block_that_vanished_before_it_was_read_is_not_asked_for_for_ever(play: Play) -> None:
    block = play.chain.mine([play.chain.trade(LEADERS[0])])
    play.chain.orphan(1)
    play.chain.mine([])
    play.chain.live.put_nowait(block.logs[0])
    await until(lambda: "receipts" in play.chain.asked)
    included(play)
    await settle_down()
    asked = play.chain.asked.count("receipts")
    for _ in range(8):
        included(play)
        await settle_down()
    assert play.chain.asked.count("receipts") == asked
    assert stored(play) == {}


async def test_a_pending_trade_is_decided_at_once_and_is_the_mined_one(play: Play) -> None:
    trade = play.chain.trade(LEADERS[0])
    play.detector.hear_pending(expected(trade), play.clock.now_us())
    play.detector.hear_pending(expected(trade), play.clock.now_us())
    await until(lambda: stored(play) == {trade.tx_hash: "pending"})
    included(play, trade)
    await until(lambda: stored(play) == {trade.tx_hash: "mined"})
    await until(lambda: play.decided[LEADERS[0]] == [trade.tx_hash])
    ((source, ahead),) = play.database.committed("SELECT source, mined_heard_us - heard_us FROM signals")
    assert (source, ahead >= 0) == ("mempool", True)


async def test_a_rebroadcast_with_another_hash_is_the_same_trade(play: Play) -> None:
    trade = play.chain.trade(LEADERS[0])
    play.detector.hear_pending(expected(trade), play.clock.now_us())
    await until(lambda: stored(play))
    again = replace(trade, tx_hash=play.chain.trade(LEADERS[0]).tx_hash)
    play.detector.hear_pending(expected(again), play.clock.now_us())
    included(play, again)
    await until(lambda: stored(play) == {again.tx_hash: "mined"})
    await until(lambda: play.decided[LEADERS[0]] == [trade.tx_hash])


async def test_a_pending_trade_that_vanishes_is_taken_back(play: Play) -> None:
    trade = play.chain.trade(LEADERS[0])
    play.detector.hear_pending(expected(trade), play.clock.now_us())
    play.detector.hear_vanished(expected(trade))
    await until(lambda: stored(play) == {trade.tx_hash: "vanished"})
    assert play.database.states() == {"policy-1": "withdrawn"}


async def test_a_vanished_trade_that_is_mined_all_the_same_is_decided_anew(play: Play) -> None:
    trade = play.chain.trade(LEADERS[0])
    play.detector.hear_pending(expected(trade), play.clock.now_us())
    play.detector.hear_vanished(expected(trade))
    await until(lambda: stored(play) == {trade.tx_hash: "vanished"})
    included(play, trade)
    await until(lambda: stored(play) == {trade.tx_hash: "mined"})
    await until(lambda: play.database.states() == {"policy-1": "pending"})


async def test_a_pending_trade_is_known_after_a_restart(play: Play) -> None:
    trade = play.chain.trade(LEADERS[0])
    play.detector.hear_pending(expected(trade), play.clock.now_us())
    await until(lambda: play.decided[LEADERS[0]])
    await play.start()
    included(play, trade)
    await until(lambda: stored(play) == {trade.tx_hash: "mined"})
    await until(lambda: play.decided[LEADERS[0]] == [trade.tx_hash])


async def test_a_leader_who_is_added_is_heard_and_the_others_do_not_miss_a_trade(database: Database) -> None:
    play = Play(database, 0)
    play.leaders = LEADERS[:1]
    await play.start()
    before = play.chain.streams
    play.detector.watch(LEADERS)
    await until(lambda: play.chain.streams == before + 1)
    await settle_down()
    first, second = (play.chain.trade(leader) for leader in LEADERS[:2])
    included(play, first, second)
    await until(lambda: set(stored(play)) == {first.tx_hash, second.tx_hash})
    await play.stop()


async def test_a_leader_who_is_removed_is_not_heard_any_more_and_the_others_are(database: Database) -> None:
    play = Play(database, 0)
    await play.start()
    before = play.chain.streams
    play.detector.watch(LEADERS[:1])
    await until(lambda: play.chain.streams == before + 1)
    await settle_down()
    first, second = (play.chain.trade(leader) for leader in LEADERS[:2])
    included(play, second)
    included(play, first)
    await until(lambda: first.tx_hash in stored(play))
    await play.stop()
    assert set(stored(play)) == {first.tx_hash}


async def test_health_tells_how_far_behind_and_how_deaf_the_detector_is(play: Play) -> None:
    assert play.detector.health().hearing is Hearing.STARTING
    included(play)
    included(play)
    await until(lambda: play.detector.health().head == 12 and play.detector.health().cursor is not None)
    health = play.detector.health()
    assert (health.hearing, health.lag_blocks, health.block_time_us) == (Hearing.WELL, 0, 2_000_000)
    assert (health.subscriptions, health.backfill, health.unfinished) == (
        4,
        None,
        0,
    )  # heads, fills, transfers from and to leaders
    play.clock.advance(31)
    assert play.detector.health().hearing is Hearing.DEAF
