"""What the detector does about what it hears twice, late or never, and about what cannot be dealt with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from remora.detect.lanes import PAUSES_S
from remora.detect.verify import BACKFILL_BLOCKS, VERIFY_EVERY_BLOCKS
from remora.domain.chain import Gap, Receipt
from remora.domain.errors import OperatorError, Retryable
from remora.domain.ids import TxHash
from tests.fakes.chain import FakeChain, head
from tests.fakes.clock import SimulatedClock
from tests.fakes.database import Database
from tests.fakes.receipts import TRADES, receipt_of, traded
from tests.fakes.waiting import settle_down, until
from tests.worker.listening import Crash, Listening

NAMES = ("c01_buy_vs_1_sell_exact", "m01_mint_exact", "g01_merge_exact")
LEADER = traded(TRADES[NAMES[0]])[-1].wallet
"""The taker of all three."""


def receipts(*blocks: int) -> list[Receipt]:
    """Return a trade of the leader in each block."""
    return [receipt_of(TRADES[name], block_number=block) for name, block in zip(NAMES, blocks, strict=False)]


@pytest.fixture
async def listening(chain: FakeChain, database: Database, clock: SimulatedClock) -> AsyncIterator[Listening]:
    bench = Listening(chain=chain, database=database, clock=clock)
    yield bench
    await bench.stop()


async def start(listening: Listening, *, at: int = 10) -> None:
    await listening.start(leaders=frozenset({LEADER}), at=at)


def heard_of(listening: Listening) -> list[str]:
    return [signal.tx_hash for signal in listening.signals]


async def test_a_first_start_begins_at_the_head(listening: Listening) -> None:
    old, new = receipts(5, 12)
    listening.detector(leaders=frozenset({LEADER}))
    listening.mine(old, live=False)
    await start(listening)
    assert listening.cursor() == 10
    listening.mine(new)
    await listening.heard(1)
    assert heard_of(listening) == [new.tx_hash]


async def test_many_logs_of_one_transaction_are_one_signal(listening: Listening) -> None:
    (receipt,) = receipts(12)
    await start(listening)
    for _ in range(3):
        assert listening.mine(receipt) > 1  # fill and transfers, each of them a reason to look
    await listening.dealt_with(receipt)
    assert heard_of(listening) == [receipt.tx_hash]
    assert listening.chain.asked.count("receipts") == 1


async def test_who_is_late_compares_up_to_the_last_head_and_not_up_to_each(listening: Listening) -> None:
    """With nodes that answer slower than blocks come, the detector would fall behind for ever."""
    await start(listening)
    await settle_down()
    chain = listening.chain
    chain.reads_logs.clear()
    for number in range(11, 11 + VERIFY_EVERY_BLOCKS + 1):
        chain.announce(head(number))
    await until(lambda: "logs" in chain.asked[-1:])
    asked = chain.asked.count("logs")
    for number in range(11 + VERIFY_EVERY_BLOCKS + 1, 101):
        chain.announce(head(number))
    await until(chain.live.empty)
    chain.reads_logs.set()
    await until(lambda: (listening.cursor() or 0) > 100 - 2 * VERIFY_EVERY_BLOCKS)
    assert chain.asked.count("logs") == asked + 1


async def test_what_was_missed_while_nobody_listened_is_read_back(listening: Listening) -> None:
    first, missed, second = receipts(12, 700, 1300)
    await start(listening)
    listening.mine(first)
    await listening.dealt_with(first)
    await listening.stop()
    listening.mine(missed, live=False)
    await start(listening, at=1290)
    listening.mine(second)
    await until(lambda: len(listening.signals) == 3)
    assert heard_of(listening) == [each.tx_hash for each in (first, missed, second)]
    assert listening.chain.asked.count("logs") >= (1290 - 12) // BACKFILL_BLOCKS


async def test_a_lost_connection_is_made_anew_and_the_gap_is_read(listening: Listening, clock: SimulatedClock) -> None:
    first, missed, second = receipts(12, 14, 17)
    await start(listening)
    listening.mine(first)
    await listening.heard(1)
    listening.chain.announce(Retryable("connection lost", 0.5))
    await until(lambda: listening.chain.streams == 2)
    listening.mine(missed, live=False)
    listening.chain.announce(head(16))
    listening.mine(second)
    await until(lambda: len(listening.signals) == 3)
    assert sorted(heard_of(listening)) == sorted(each.tx_hash for each in (first, missed, second))
    assert 0.5 in clock.slept_s


async def test_what_is_mined_after_a_gap_waits_for_what_was_missed_in_it(listening: Listening) -> None:
    missed, new = receipts(12, 13)
    await start(listening)
    listening.chain.reads_logs.clear()
    listening.mine(missed, live=False)
    listening.chain.announce(Gap(reason="replaced"), head(12))
    listening.mine(new)
    listening.chain.announce(head(13))
    await until(lambda: "logs" in listening.chain.asked)
    await settle_down()
    assert listening.signals == []
    listening.chain.reads_logs.set()
    await listening.heard(2)
    assert heard_of(listening) == [missed.tx_hash, new.tx_hash]


async def test_live_and_backfill_tell_the_same_trade_and_it_is_one_signal(listening: Listening) -> None:
    (receipt,) = receipts(12)
    await start(listening)
    listening.mine(receipt)
    await listening.heard(1)
    for latest in (13, 14, 15):
        listening.chain.announce(Retryable("connection lost", 0), head(latest))
    await listening.dealt_with(receipt)
    assert heard_of(listening) == [receipt.tx_hash]


async def test_a_log_that_the_subscription_swallowed_is_found_a_few_blocks_later(listening: Listening) -> None:
    (swallowed,) = receipts(12)
    await start(listening)
    listening.mine(swallowed, live=False)
    for latest in range(11, 11 + VERIFY_EVERY_BLOCKS):
        listening.chain.announce(head(latest))
    await settle_down()
    assert listening.signals == []
    listening.chain.announce(head(11 + VERIFY_EVERY_BLOCKS))
    await listening.heard(1)
    assert heard_of(listening) == [swallowed.tx_hash]


async def test_the_cursor_waits_until_a_signal_is_durable(listening: Listening) -> None:
    early, late = receipts(12, 20)
    await start(listening)
    listening.durable.clear()
    listening.mine(early)
    listening.mine(late)
    for latest in range(20, 60, 6):
        listening.chain.announce(head(latest))
    await until(lambda: listening.cursor() == 11)
    await settle_down()
    assert listening.cursor() == 11  # the block before the first that is not dealt with
    listening.durable.set()
    await listening.dealt_with(late)
    assert len(listening.signals) == 2


async def test_a_restart_reads_again_what_was_not_durable(listening: Listening) -> None:
    (receipt,) = receipts(12)
    await start(listening)
    listening.durable.clear()
    listening.mine(receipt)
    listening.chain.announce(head(20))
    await until(lambda: listening.cursor() == 11)
    await listening.stop()
    assert listening.signals == []
    listening.durable.set()
    await start(listening, at=40)
    await listening.heard(1)
    assert heard_of(listening) == [receipt.tx_hash]


async def test_trouble_with_one_trade_is_tried_again_before_the_leaders_next(listening: Listening) -> None:
    bad, good = receipts(12, 13)
    await start(listening)
    listening.trouble += [OperatorError("the disk is full")] * len(PAUSES_S)
    listening.mine(bad)
    listening.mine(good)
    await listening.heard(2)
    assert heard_of(listening) == [bad.tx_hash, good.tx_hash]


async def test_a_trade_that_cannot_be_dealt_with_lets_others_go_and_is_taken_up_again(listening: Listening) -> None:
    bad, good = receipts(12, 13)
    await start(listening)
    listening.trouble += [OperatorError("the disk is full")] * (len(PAUSES_S) + 1)
    listening.mine(bad)
    await until(lambda: not listening.trouble)
    listening.mine(good)
    await listening.heard(1)
    assert heard_of(listening) == [good.tx_hash]
    assert (listening.cursor() or 0) <= 11
    listening.chain.announce(head(30))
    await listening.heard(2)
    await listening.dealt_with(bad)  # the cursor goes on
    assert heard_of(listening) == [good.tx_hash, bad.tx_hash]


async def test_an_error_that_nobody_foresaw_loses_nothing_when_the_loop_starts_again(listening: Listening) -> None:
    crashing, waiting, later = receipts(12, 13, 14)
    detector = await listening.start(leaders=frozenset({LEADER}))
    listening.trouble.append(Crash())
    listening.mine(crashing)
    listening.mine(waiting)
    assert listening.running is not None
    with pytest.raises(ExceptionGroup):
        await listening.running
    assert listening.signals == []
    listening.run(detector)  # as the guard does
    listening.chain.announce(head(13))
    listening.mine(later)
    await listening.heard(3)
    assert heard_of(listening) == [each.tx_hash for each in (crashing, waiting, later)]


async def test_after_the_intake_is_closed_our_fills_are_heard_and_signals_are_left_to_the_next_start(
    listening: Listening,
) -> None:
    first, second = receipts(12, 13)
    operator = traded(TRADES[NAMES[0]])[0].wallet
    detector = await listening.start(leaders=frozenset({LEADER}), fleet=frozenset({operator}))
    detector.close()
    listening.mine(first)
    listening.mine(second)
    await until(lambda: len(listening.fills) == 2)
    listening.chain.announce(head(30))
    await until(lambda: listening.cursor() == 11)
    assert listening.signals == []
    await listening.stop()
    await start(listening, at=40)
    assert len(await listening.heard(2)) == 2


async def test_a_node_that_cannot_read_the_gap_is_asked_again(listening: Listening) -> None:
    (missed,) = receipts(12)
    await start(listening)
    await listening.stop()
    listening.mine(missed, live=False)
    listening.chain.troubles["logs"].append(Retryable("too many requests", 0.1))
    listening.run(listening.detector(leaders=frozenset({LEADER})))
    listening.chain.announce(head(20), head(21))
    await listening.heard(1)
    assert listening.chain.asked.count("logs") >= 2


async def test_when_a_block_was_mined_is_asked_for_if_its_head_was_not_heard(listening: Listening) -> None:
    known, unknown = receipts(11, 12)
    await start(listening)
    listening.chain.announce(head(11))
    listening.mine(known)
    listening.mine(unknown)
    await listening.heard(2)
    assert listening.chain.asked.count("block") == 1
    assert {signal.block_number: signal.block_us for signal in listening.signals} == {11: 22_000_000, 12: 24_000_000}


async def test_our_fills_of_a_transaction_that_somebody_points_to_are_heard(listening: Listening) -> None:
    (receipt,) = receipts(12)
    operator = traded(TRADES[NAMES[0]])[0].wallet
    await listening.start(leaders=frozenset({LEADER}), fleet=frozenset({operator}))
    listening.mine(receipt, live=False)
    await listening.look_at(receipt.tx_hash)
    assert [fill.tx_hash for fill in listening.fills] == [receipt.tx_hash]
    assert listening.signals == []  # in their order, when the block is read


async def test_a_receipt_that_the_node_refuses_for_now_is_asked_for_again(listening: Listening) -> None:
    (receipt,) = receipts(12)
    await start(listening)
    listening.chain.troubles["receipts"].extend([Retryable("busy")] * 2)
    listening.mine(receipt)
    await listening.heard(1)
    assert listening.chain.asked.count("receipts") == 3


async def test_two_transactions_of_one_order_are_two_signals(listening: Listening) -> None:
    """An order that rests is filled by several matches: each is a trade of its own."""
    (receipt,) = receipts(12)
    other = TxHash("0x" + 64 * "d")
    logs = tuple(log._replace(tx_hash=other, block_number=13) for log in receipt.logs)
    again = replace(receipt, tx_hash=other, block_number=13, logs=logs)
    await start(listening)
    listening.mine(receipt)
    listening.mine(again)
    await listening.heard(2)
    first, second = listening.signals
    assert first.order_hash == second.order_hash
    assert first.signal_id != second.signal_id
