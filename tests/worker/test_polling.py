"""The public history beside the nodes: it finds what they miss, stands in when they are silent, and doubles nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest
import structlog

from remora.detect.decode import decode_fill
from remora.detect.polling import GIVE_UP_S, OVERLAP_S, QUESTIONS_PER_S, Polling
from remora.domain.chain import Head, LogFilter, LogPlace, Receipt
from remora.domain.errors import Retryable
from remora.domain.history import PublicTrade, sum_by_trade
from remora.domain.ids import Address, OrderHash, TokenId, TxHash, signal_id
from remora.domain.ignored import Ignored
from remora.domain.signal import Side
from tests.fakes.clock import START_US, US, SteppedClock
from tests.fakes.database import Database
from tests.fakes.forks import ForkingChain
from tests.fakes.history import FakeHistory
from tests.fakes.receipts import placed
from tests.fakes.specimens import CHAIN_ID, EXCHANGE, price, shares, wallet
from tests.fakes.waiting import settle_down, until
from tests.worker.playing import KNOWN, LEADERS, Play

LEADER = LEADERS[0]
FLEET = wallet(1)
SILENCE_S = 31


class PatchyChain(ForkingChain):
    """A chain whose node may be `down`, and never tells of the logs of `swallowed` transactions; receipts it has."""

    def __init__(self) -> None:
        super().__init__()
        self.down = False
        self.swallowed: set[TxHash] = set()

    async def head(self) -> Head:
        self._must_be_up()
        return await super().head()

    async def logs(self, filters: Sequence[LogFilter], from_block: int, to_block: int) -> list[LogPlace]:
        return [
            each for each in await super().logs(filters, from_block, to_block) if each.tx_hash not in self.swallowed
        ]

    async def receipt(self, tx_hash: TxHash) -> Receipt | None:
        self._ask("receipt")
        self._must_be_up()
        receipts = (receipt for block in self.chain for receipt in block.receipts)
        return next((receipt for receipt in receipts if receipt.tx_hash == tx_hash), None)

    def _must_be_up(self) -> None:
        if self.down:
            raise Retryable("no node answers", 0)


class PolledPlay(Play):
    """A play whose leaders are polled."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, 0)
        self.chain: PatchyChain = PatchyChain()
        self.history = FakeHistory()
        self.ignored = Ignored()

    async def start(self) -> None:
        """Start a process that has polled once: what is traded from now on is looked for."""
        await super().start()
        self.polling = Polling(
            history=self.history,
            chain=self.chain,
            store=self.database.signals,
            clock=self.clock,
            detector=self.detector,
            leaders=self.leaders,
            fleet=(FLEET,),
            ignored=self.ignored,
            every_s=15,
        )
        await self.polling.look()

    def include(self, *trades: Receipt) -> None:
        """Mine the trades, and let the node tell of those that it does not swallow."""
        block = self.chain.mine(trades)
        told = [log for log in block.logs if log.tx_hash not in self.chain.swallowed]
        self.untold += [*told, block.head]
        self.tell(len(self.untold))

    async def pass_by(self) -> None:
        """Let the cursor pass all blocks."""
        last = self.chain.chain[-1].head.number
        while self.cursor() < last:
            self.include()
            await self.settle()

    def tell_history(self, trade: Receipt, *, wallet: Address = LEADER, size: str = "100") -> PublicTrade:
        """Put a row of the trade into the history, traded now."""
        row = PublicTrade(
            wallet=wallet,
            side=Side.BUY,
            token_id=TokenId(7),
            shares=shares(size),
            price=price("0.52"),
            tx_hash=trade.tx_hash,
            traded_s=self.clock.now_us() // US,
        )
        self.history.rows.append(row)
        return row

    async def fall_silent(self) -> None:
        """Let no node answer for so long that nobody waits for them any more."""
        self.chain.down = True
        await self.polling.look()
        self.clock.advance(SILENCE_S)
        await self.polling.look()

    def signals(self, columns: str = "tx_hash, state, source") -> list[object]:
        """Return what is stored of all signals."""
        return self.database.committed(f"SELECT {columns} FROM signals ORDER BY tx_hash")


@pytest.fixture
async def play(database: Database) -> AsyncIterator[PolledPlay]:
    played = PolledPlay(database)
    played.include()
    await played.start()
    yield played
    await played.stop()


async def decided_once(play: PolledPlay, trade: Receipt) -> None:
    """Wait until the leader's trade is decided, and make sure that nothing else is."""
    await until(lambda: play.decided[LEADER])
    await settle_down()
    assert play.decided[LEADER] == [trade.tx_hash]


def with_another_order(trade: Receipt) -> Receipt:
    """Return the transaction with a second order of the same leader, token and side."""
    (log,) = trade.logs
    other = log._replace(topics=(log.topics[0], "0x" + 64 * "d", *log.topics[2:]))
    return replace(trade, logs=(log, other))


async def test_what_a_node_told_is_no_second_signal(play: PolledPlay) -> None:
    trade = play.chain.trade(LEADER)
    play.tell_history(trade)
    play.include(trade)
    await until(play.signals)
    await play.pass_by()
    play.clock.advance(SILENCE_S)
    await play.polling.look()
    await settle_down()
    assert play.signals() == [(trade.tx_hash, "mined", "chain")]
    await decided_once(play, trade)
    assert play.ignored.counts() == {}
    assert "receipt" not in play.chain.asked


async def test_what_no_node_told_is_read_from_its_block_once(play: PolledPlay) -> None:
    trade = play.chain.trade(LEADER)
    play.chain.swallowed.add(trade.tx_hash)
    play.tell_history(trade)
    play.include(trade)
    await play.pass_by()
    assert play.signals() == []
    play.clock.advance(SILENCE_S)
    for _ in range(3):
        await play.polling.look()
        await settle_down()
    name = signal_id(CHAIN_ID, EXCHANGE, OrderHash(trade.logs[0].topics[1]), trade.tx_hash)
    assert play.signals("signal_id, state, source") == [(name, "mined", "polling")]
    await decided_once(play, trade)
    assert play.ignored.counts() == {"missed_by_nodes": 1}


async def test_a_finished_block_is_read_again_for_a_trade_that_it_was_said_not_to_hold(play: PolledPlay) -> None:
    told, missed = play.chain.trade(LEADERS[1]), play.chain.trade(LEADER)
    block = play.chain.mine([told])
    play.untold += [*block.logs, block.head]
    play.tell(2)
    await until(play.signals)
    await play.pass_by()
    at = play.chain.chain.index(block)
    whole = placed(missed, block.head)
    logs = tuple(log._replace(tx_hash=missed.tx_hash, log_index=1) for log in whole.logs)
    play.chain.swallowed.add(missed.tx_hash)
    play.chain.chain[at] = replace(block, receipts=(*block.receipts, replace(whole, tx_index=1, logs=logs)))
    play.tell_history(missed)
    play.clock.advance(SILENCE_S)
    await play.polling.look()
    await until(lambda: len(play.signals()) == 2)
    await decided_once(play, missed)
    assert play.decided[LEADERS[1]] == [told.tx_hash]


async def test_a_trade_is_not_missed_before_the_cursor_passed_its_block(play: PolledPlay) -> None:
    trade = play.chain.trade(LEADER)
    play.chain.swallowed.add(trade.tx_hash)
    play.tell_history(trade)
    play.include(trade)
    play.clock.advance(SILENCE_S)
    await play.polling.look()
    assert play.ignored.counts() == {}
    await play.pass_by()
    await play.polling.look()
    assert play.ignored.counts() == {"missed_by_nodes": 1}


async def test_a_young_trade_is_not_asked_for(play: PolledPlay) -> None:
    play.tell_history(play.chain.trade(LEADER))
    play.clock.advance(15)
    await play.polling.look()
    assert "receipt" not in play.chain.asked


async def test_a_transaction_that_no_block_has_is_asked_for_a_while(play: PolledPlay) -> None:
    play.tell_history(play.chain.trade(LEADER))
    for _ in range(3):
        play.clock.advance(GIVE_UP_S // 2 + 10)
        await play.polling.look()
    assert play.chain.asked.count("receipt") == 2  # after 310 s and after 620 s, which is more than 600
    assert play.signals() == []


async def test_a_silence_that_is_short_makes_no_signal(play: PolledPlay) -> None:
    trade = play.chain.trade(LEADER)
    play.tell_history(trade)
    play.clock.advance(SILENCE_S)
    play.chain.down = True
    await play.polling.look()
    play.clock.advance(20)
    await play.polling.look()
    play.chain.down = False
    await play.polling.look()
    play.chain.down = True
    play.clock.advance(20)
    await play.polling.look()
    await settle_down()
    assert play.signals() == []


async def test_while_no_node_answers_a_polled_trade_is_a_pending_signal_once(play: PolledPlay) -> None:
    trade = play.chain.trade(LEADER)
    row = play.tell_history(trade)
    play.tell_history(trade, size="50")
    await play.fall_silent()
    play.clock.advance(15)
    await play.polling.look()
    await until(play.signals)
    assert play.signals() == [(trade.tx_hash, "pending", "polling")]
    # 100 shares for 52 and 50 shares for 26, as old as when they were traded
    assert play.signals("shares, collateral, block_us") == [(150_000_000, 78_000_000, row.traded_s * US)]
    await decided_once(play, trade)


@pytest.mark.parametrize("restarted", [False, True])
async def test_all_orders_of_a_polled_trade_are_known_by_their_block(play: PolledPlay, restarted: bool) -> None:
    trade = with_another_order(play.chain.trade(LEADER))
    play.tell_history(trade, size="200")
    await play.fall_silent()
    await until(lambda: play.decided[LEADER])
    play.chain.down = False
    if restarted:
        await play.start()
    play.include(trade)
    await until(lambda: play.signals() == [(trade.tx_hash, "mined", "polling")])
    await play.pass_by()
    assert play.signals("state, shares, block_number") == [("mined", 200_000_000, trade_block(play, trade))]
    await decided_once(play, trade)
    assert play.database.states() == {"policy-1": "pending"}


async def test_a_trade_that_a_node_told_before_the_silence_is_not_polled(play: PolledPlay) -> None:
    trade = play.chain.trade(LEADER)
    play.tell_history(trade)
    play.include(trade)
    await until(play.signals)
    (polled,) = sum_by_trade(play.history.rows)
    play.detector.hear_polled(polled, play.clock.now_us())
    await settle_down()
    assert play.signals() == [(trade.tx_hash, "mined", "chain")]
    await decided_once(play, trade)


async def test_a_pending_trade_that_another_transaction_replaced_is_not_polled(play: PolledPlay) -> None:
    trade, instead = play.chain.trade(LEADER), play.chain.trade(LEADER)
    heard = decode_fill(trade.logs[0]._replace(tx_hash=trade.tx_hash), KNOWN.exchanges)
    assert heard is not None
    play.detector.hear_pending(heard, play.clock.now_us())
    await until(play.signals)
    play.tell_history(instead)
    await play.fall_silent()
    await settle_down()
    assert play.signals() == [(trade.tx_hash, "pending", "mempool")]
    play.chain.down = False
    play.include(replace(trade, tx_hash=instead.tx_hash))
    await until(lambda: play.signals() == [(instead.tx_hash, "mined", "mempool")])
    await decided_once(play, trade)


async def test_a_polled_trade_whose_block_is_orphaned_is_copied_once_when_it_comes_back(play: PolledPlay) -> None:
    trade = play.chain.trade(LEADER)
    play.tell_history(trade)
    await play.fall_silent()
    await until(play.signals)
    play.chain.down = False
    play.include(trade)
    await until(lambda: play.signals("state") == ["mined"])
    play.chain.orphan(1)
    play.include()
    play.include()
    await until(lambda: play.signals("state") == ["withdrawn"])
    assert play.database.states() == {"policy-1": "withdrawn"}
    play.include(trade)
    await until(lambda: len(play.signals()) == 2)
    assert set(play.signals("state, source")) == {("withdrawn", "polling"), ("mined", "chain")}
    pending = play.database.committed(
        "SELECT tx_hash FROM intents JOIN signals USING (signal_id) WHERE intents.state = 'pending'"
    )
    assert pending == [trade.tx_hash]


async def test_a_trade_that_our_order_made_is_no_signal(play: PolledPlay) -> None:
    trade = play.chain.trade(LEADER)
    play.tell_history(trade)
    play.tell_history(trade, wallet=FLEET)
    await play.fall_silent()
    play.chain.down = False
    await settle_down()
    assert play.signals() == []


async def test_nothing_is_told_while_it_is_unknown_what_our_orders_made(play: PolledPlay) -> None:
    trade = play.chain.trade(LEADER)
    play.tell_history(trade)
    play.chain.down = True
    await play.polling.look()
    play.clock.advance(SILENCE_S)
    play.history.troubles[FLEET].append(Retryable("busy"))
    await play.polling.look()
    await settle_down()
    assert play.signals() == []
    await play.polling.look()
    await until(play.signals)
    await decided_once(play, trade)


async def test_a_row_that_appears_late_is_found(play: PolledPlay) -> None:
    early, late = play.chain.trade(LEADER), play.chain.trade(LEADER)
    row = play.tell_history(late)
    play.history.rows.clear()
    play.clock.advance(OVERLAP_S // 2)
    play.tell_history(early)
    for trade in (early, late):
        play.chain.swallowed.add(trade.tx_hash)
        play.include(trade)
    await play.pass_by()
    play.clock.advance(SILENCE_S)
    await play.polling.look()
    play.history.rows.append(row)
    await play.polling.look()
    await until(lambda: len(play.signals()) == 2)


async def test_the_cursor_of_a_leader_counts_seconds_and_waits_for_what_is_open(play: PolledPlay) -> None:
    start_s = play.history.asked[0][1]
    assert start_s == START_US // US
    waiting, later = play.chain.trade(LEADER), play.chain.trade(LEADER)
    play.clock.advance(100)
    open_s = play.tell_history(waiting).traded_s  # in no block
    play.clock.advance(100)
    play.tell_history(later)
    play.chain.swallowed.add(later.tx_hash)
    play.include(later)
    await play.pass_by()
    play.clock.advance(100)
    await play.polling.look()
    play.history.asked.clear()
    await play.polling.look()
    assert dict(play.history.asked)[LEADER] == open_s - OVERLAP_S


async def test_what_a_leader_traded_before_it_was_polled_is_left_to_the_chain(play: PolledPlay) -> None:
    play.polling.watch([LEADERS[1]])
    play.tell_history(play.chain.trade(LEADER))
    play.clock.advance(SILENCE_S)
    play.polling.watch(LEADERS)
    await play.polling.look()
    play.clock.advance(SILENCE_S)
    await play.polling.look()
    assert "receipt" not in play.chain.asked


async def test_a_leader_whose_history_fails_stops_no_other(play: PolledPlay) -> None:
    play.history.asked.clear()
    play.history.troubles[LEADER].append(Retryable("busy"))
    await play.polling.look()
    assert {leader for leader, _ in play.history.asked} == set(LEADERS)


async def test_questions_keep_their_distance_and_rounds_their_pace(database: Database) -> None:
    play = PolledPlay(database)
    play.include()
    await play.start()
    clock = SteppedClock()
    asked_us: list[int] = []

    class Watched(FakeHistory):
        async def trades(self, wallet: Address, since_s: int) -> list[PublicTrade]:
            asked_us.append(clock.now_us() - START_US)
            return await super().trades(wallet, since_s)

    polling = Polling(
        history=Watched(),
        chain=play.chain,
        store=database.signals,
        clock=clock,
        detector=play.detector,
        leaders=LEADERS,
        fleet=(),
        ignored=Ignored(),
        every_s=15,
    )
    running = asyncio.create_task(polling.run())
    gap_us = US // QUESTIONS_PER_S
    await settle_down()
    await clock.advance(16, step_s=0.1)
    running.cancel()
    await play.stop()
    # three leaders, and the next round 15 s after the first began
    assert asked_us == [gap_us, 2 * gap_us, 3 * gap_us, *(15 * US + each * gap_us for each in (1, 2, 3))]


async def test_a_leader_that_never_traded_is_named_once(play: PolledPlay) -> None:
    active, login_key = LEADERS[1], wallet(7)
    play.tell_history(play.chain.trade(active), wallet=active)
    play.polling.watch([])
    with structlog.testing.capture_logs() as said:
        play.polling.watch([active, login_key])
        for _ in range(2):
            await play.polling.look()
    assert [each["leader"] for each in said if each["event"] == "leader_without_fills"] == [login_key]


def trade_block(play: PolledPlay, trade: Receipt) -> int:
    return next(block.head.number for block in play.chain.chain if trade.tx_hash in {r.tx_hash for r in block.receipts})
