"""What is pending for too long is taken back, when the chain says so, whoever told of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from remora.detect.decode import decode_fill
from remora.detect.overdue import OVERDUE_S, Overdue
from remora.domain.chain import Receipt
from remora.domain.errors import OperatorError
from tests.fakes.database import Database
from tests.fakes.waiting import settle_down, until
from tests.worker.playing import KNOWN
from tests.worker.test_polling import LEADER, PolledPlay, decided_once, play

__all__ = ["play"]


@pytest.fixture
async def overdue(play: PolledPlay) -> Overdue:
    return watching(play)


def watching(play: PolledPlay) -> Overdue:
    return Overdue(chain=play.chain, store=play.database.signals, clock=play.clock, detector=play.detector)


async def polled(play: PolledPlay) -> Receipt:
    """Have a trade told by the public history only."""
    trade = play.chain.trade(LEADER)
    play.tell_history(trade)
    await play.fall_silent()
    await until(play.signals)
    return trade


async def test_a_polled_trade_that_no_block_takes_vanishes_after_a_while(play: PolledPlay, overdue: Overdue) -> None:
    trade = await polled(play)
    play.chain.down = False
    await overdue.look()
    await settle_down()
    assert play.signals("state") == ["pending"]
    play.clock.advance(OVERDUE_S + 1)
    with capture_logs() as said:
        await overdue.look()
        await until(lambda: play.signals("state") == ["vanished"])
        await overdue.look()
        await settle_down()
    assert [(each["tx_hash"], each["intents_sent"]) for each in said if each["event"] == "signal_lost"] == [
        (trade.tx_hash, 0)
    ]
    assert play.database.states() == {"policy-1": "withdrawn"}


async def test_nothing_is_concluded_while_no_node_answers(play: PolledPlay, overdue: Overdue) -> None:
    await polled(play)
    play.clock.advance(OVERDUE_S + 1)
    await overdue.look()
    await settle_down()
    assert play.signals("state") == ["pending"]


async def test_a_pending_trade_of_an_earlier_process_vanishes_too(play: PolledPlay) -> None:
    trade = play.chain.trade(LEADER)
    heard = decode_fill(trade.logs[0]._replace(tx_hash=trade.tx_hash), KNOWN.exchanges)
    assert heard is not None
    play.detector.hear_pending(heard, play.clock.now_us())
    await until(play.signals)
    await play.start()
    play.clock.advance(OVERDUE_S + 1)
    await watching(play).look()
    await until(lambda: play.signals() == [(trade.tx_hash, "vanished", "mempool")])


async def test_one_that_a_block_has_in_silence_is_found_there(play: PolledPlay, overdue: Overdue) -> None:
    trade = await polled(play)
    play.chain.down = False
    play.chain.swallowed.add(trade.tx_hash)
    play.include(trade)
    play.clock.advance(OVERDUE_S + 1)
    await overdue.look()
    await settle_down()
    assert play.signals("state") == ["pending"]  # the cursor has not passed its block
    await play.pass_by()
    await overdue.look()
    await until(lambda: play.signals("state") == ["mined"])
    await overdue.look()
    await decided_once(play, trade)


async def test_one_whose_transaction_has_no_such_trade_vanishes(play: PolledPlay, overdue: Overdue) -> None:
    trade = await polled(play)
    play.chain.down = False
    play.include(replace(trade, logs=()))
    await play.pass_by()
    play.clock.advance(OVERDUE_S + 1)
    await overdue.look()
    await until(lambda: play.signals("state") == ["vanished"])


async def test_one_that_vanished_and_is_mined_after_all_is_decided_anew(play: PolledPlay, overdue: Overdue) -> None:
    trade = await polled(play)
    play.chain.down = False
    play.clock.advance(OVERDUE_S + 1)
    await overdue.look()
    await until(lambda: play.signals("state") == ["vanished"])
    play.include(trade)
    await until(lambda: (trade.tx_hash, "mined", "chain") in play.signals())
    pending = play.database.committed("SELECT signal_id FROM intents WHERE state = 'pending'")
    assert len(pending) == 1


async def test_a_signal_is_said_to_be_heard_once_however_often_it_is_tried(database: Database) -> None:
    played = PolledPlay(database)
    played.include()
    await played.start()
    played.trouble += [OperatorError("not now"), OperatorError("not yet")]
    with capture_logs() as said:
        played.include(trade := played.chain.trade(LEADER))
        await until(played.signals)
        await decided_once(played, trade)
    await played.stop()
    events = [each["event"] for each in said]
    assert (events.count("trade_not_dealt_with"), events.count("signal_heard")) == (2, 1)
