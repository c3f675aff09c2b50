"""Thousands of logs at once: all are dealt with, each once, and each leader's in the order of the chain."""

from __future__ import annotations

import asyncio

from tests.fakes.clock import SimulatedClock
from tests.fakes.database import Database
from tests.fakes.forks import ForkingChain
from tests.fakes.waiting import until
from tests.worker.listening import Listening
from tests.worker.playing import KNOWN, LEADERS

BLOCKS, TRADES_PER_BLOCK = 20, 250
PATIENCE_S = 60


async def test_a_burst_of_5000_logs_is_heard_once_and_in_order(database: Database, clock: SimulatedClock) -> None:
    chain = ForkingChain()
    listening = Listening(chain=chain, database=database, clock=clock)
    listening.run(listening.detector(leaders=frozenset(LEADERS), known=KNOWN))
    chain.announce(chain.chain[-1].head)
    await until(lambda: listening.cursor() is not None)
    trades = [LEADERS[number % len(LEADERS)] for number in range(TRADES_PER_BLOCK)]
    blocks = [chain.mine([chain.trade(leader) for leader in trades]) for _ in range(BLOCKS)]
    for block in blocks:
        chain.announce(*block.logs, block.head)
    async with asyncio.timeout(PATIENCE_S):
        while len(listening.signals) < BLOCKS * TRADES_PER_BLOCK:  # noqa: ASYNC110  a list has no event
            await asyncio.sleep(0.01)
    await listening.stop()
    mined = [receipt.tx_hash for block in blocks for receipt in block.receipts]
    assert sorted(signal.tx_hash for signal in listening.signals) == sorted(mined)
    places = {tx_hash: place for place, tx_hash in enumerate(mined)}
    for leader in LEADERS:
        heard = [places[signal.tx_hash] for signal in listening.signals if signal.leader == leader]
        assert heard == sorted(heard)
