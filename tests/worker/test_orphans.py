"""Fills that no block has any more: proven missing before anything is reversed, and the books true afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from remora.domain import ledger
from remora.domain.chain import Log, Receipt
from remora.domain.contracts import ORDER_FILLED
from remora.domain.errors import OutcomeUnknown, Retryable
from remora.domain.ids import TxHash
from remora.domain.order import LegFailure
from remora.domain.reasons import Reason, because
from remora.domain.signal import Fill
from remora.execute.orphans import OrphanRules, Orphans
from tests.fakes.chain import FakeChain, head
from tests.fakes.clock import SimulatedClock
from tests.fakes.database import Database
from tests.fakes.signer import FakeSigner
from tests.fakes.specimens import EXCHANGE
from tests.fakes.venue import FakeVenue
from tests.worker.executing import Executing

FILLED_IN, HEAD = 101, 112
DEPTH = 10
ELSEWHERE = "0x" + 64 * "e"
"""The hash of a block that is not in the chain."""


class Searching(Executing):
    """An executor, and the search for what it was told; `cursor` is the detector's."""

    cursor: int | None = HEAD - DEPTH

    def search(self) -> None:
        """Make a new search, as a process does when it starts."""
        self.heard: list[TxHash] = []
        self.chain.latest = HEAD
        self.orphans = Orphans(
            rules=OrphanRules(depth_blocks=DEPTH, patience_s=60),
            exchanges=frozenset({EXCHANGE}),
            executor=self.executor,
            chain=self.chain,
            store=self.database.orders,
            clock=self.clock,
            cursor=self._cursor,
            hear=self._hear_again,
        )

    async def patiently(self) -> None:
        """Look, and look again when patience is over."""
        await self.orphans.look()
        self.clock.advance(61)
        await self.orphans.look()

    async def bought(self, *policies: int) -> Fill:
        """Let an order fill in full, and end."""
        await self.executor.execute(await self.steps.pending(*policies or (1,)))
        return await self.hear(self.order)

    async def still_open(self) -> Fill:
        """Let an order fill of which the venue has said nothing yet."""
        self.venue.answers.append(OutcomeUnknown("the answer was lost"))
        return await self.bought()

    def mine(self, fill: Fill, block: int = FILLED_IN, *, block_hash: str = "", succeeded: bool = True) -> None:
        """Let nodes have a receipt of the fill's transaction."""
        assert fill.tx_hash is not None
        self.chain.mined[fill.tx_hash] = Receipt(
            tx_hash=fill.tx_hash,
            block_number=block,
            block_hash=block_hash or head(block).hash,
            succeeded=succeeded,
            gas_used=1,
            logs=(),
        )

    async def books(self) -> dict[tuple[str, str], int]:
        return dict(await self.database.settlements.ledger_balances())

    def fills(self) -> int:
        (count,) = self.database.committed("SELECT count(*) FROM fills")
        return int(count)

    async def _cursor(self) -> int | None:
        return self.cursor

    async def _hear_again(self, tx_hash: TxHash) -> None:
        self.heard.append(tx_hash)


@pytest.fixture
async def bench(
    venue: FakeVenue, chain: FakeChain, signer: FakeSigner, database: Database, clock: SimulatedClock
) -> AsyncIterator[Searching]:
    bench = Searching(venue=venue, chain=chain, signer=signer, database=database, clock=clock)
    await bench.fund("100", "100", "100")
    bench.search()
    with capture_logs():
        yield bench


async def test_what_a_block_has_for_good_stands_and_is_not_asked_about_again(bench: Searching) -> None:
    bench.mine(await bench.bought())
    await bench.patiently()
    assert bench.fills() == 1
    assert bench.chain.asked.count("receipt") == 1


async def test_nothing_is_looked_for_before_the_cursor_has_passed(bench: Searching) -> None:
    await bench.bought()
    for cursor in (None, FILLED_IN - 1):
        bench.cursor = cursor
        await bench.patiently()
    assert bench.chain.asked.count("receipt") == 0
    assert bench.fills() == 1


async def test_a_fill_in_no_block_is_reversed_when_patience_is_over(bench: Searching) -> None:
    fill = await bench.still_open()
    await bench.orphans.look()
    bench.clock.advance(59)
    await bench.orphans.look()
    assert bench.fills() == 1
    bench.clock.advance(2)
    await bench.orphans.look()
    assert bench.fills() == 0
    assert await bench.books() == {}
    assert bench.order_states() == ["recorded"]
    assert bench.heard == [fill.tx_hash]  # once more, if it came between the last look and the reversal


async def test_a_reversed_fill_that_is_heard_again_is_booked_again_and_may_be_lost_again(bench: Searching) -> None:
    fill = await bench.still_open()
    booked = await bench.books()
    for _ in range(3):
        bench.search()
        await bench.patiently()
        assert await bench.books() == {}
        await bench.executor.on_fill(fill, bench.clock.now_us())
        assert await bench.books() == booked
        assert bench.fills() == 1


async def test_a_node_that_lags_proves_nothing(bench: Searching) -> None:
    await bench.still_open()
    bench.chain.troubles["logs"].extend([Retryable("the node is at block 90, before 112", 1)] * 2)
    await bench.patiently()
    bench.clock.advance(61)
    await bench.orphans.look()  # the first look that proves anything
    assert bench.fills() == 1


async def test_a_log_in_any_later_block_is_proof_enough_that_it_came_back(bench: Searching) -> None:
    fill = await bench.still_open()
    topics = (ORDER_FILLED, fill.order_hash)
    place = head(HEAD)
    bench.chain.blocks.append(
        Log(EXCHANGE, topics, b"", block_number=HEAD, block_hash=place.hash, tx_hash=fill.tx_hash, log_index=0)
    )
    await bench.patiently()
    assert bench.fills() == 1


@pytest.mark.parametrize("lie", [{"block_hash": ELSEWHERE}, {"succeeded": False}], ids=["orphaned block", "reverted"])
async def test_a_receipt_of_an_orphaned_block_or_of_a_revert_is_no_fill(
    bench: Searching, lie: MutableMapping[str, Any]
) -> None:
    bench.mine(await bench.still_open(), **lie)
    await bench.patiently()
    assert bench.fills() == 0


async def test_a_fill_that_came_back_in_a_young_block_is_looked_for_until_that_is_final(bench: Searching) -> None:
    fill = await bench.still_open()
    bench.mine(fill, HEAD)
    await bench.patiently()
    assert bench.fills() == 1
    bench.chain.mined.clear()
    await bench.patiently()
    assert bench.fills() == 0


async def test_a_new_process_looks_for_what_an_earlier_one_was_told(bench: Searching) -> None:
    await bench.still_open()
    bench.restart()
    bench.search()
    await bench.patiently()
    assert bench.fills() == 0


async def test_a_new_process_looks_for_what_none_has_come_to_however_long_ago_it_was(bench: Searching) -> None:
    await bench.still_open()
    bench.restart()
    bench.search()
    bench.cursor = bench.chain.latest = HEAD + 43_200  # a day of blocks
    await bench.patiently()
    assert bench.fills() == 0


async def test_no_process_looks_again_for_what_one_found_to_be_there_for_good(bench: Searching) -> None:
    bench.mine(await bench.bought())
    await bench.orphans.look()
    bench.restart()
    bench.search()
    bench.chain.mined.clear()
    await bench.patiently()
    assert bench.fills() == 1
    assert bench.chain.asked.count("receipt") == 1


async def test_what_is_being_settled_waits(bench: Searching) -> None:
    await bench.bought(1, 2)
    booked = await bench.books()
    await bench.patiently()
    assert bench.fills() == 1
    assert await bench.books() == booked


async def test_an_order_of_which_nothing_was_settled_is_open_again(bench: Searching) -> None:
    fill = await bench.bought(1, 2)
    await bench.steps.settled(bench.to_settle, LegFailure.SHARES_REFUSED)
    await bench.patiently()
    assert await bench.books() == {}
    assert bench.order_states() == ["accepted"]
    assert bench.database.states() == {"policy-1": "ordered", "policy-2": "ordered"}
    assert bench.database.committed("SELECT sum(spent) FROM spending") == [0]
    for table in ("lots", "legs", "debts", "debt_legs", "allocations", "fills"):
        assert bench.database.committed(f"SELECT count(*) FROM {table}") == [0], table
    await bench.executor.end_as_filled(fill.order_hash, reverted=fill.shares)
    reason = because(Reason.MATCH_REVERTED, shares=fill.shares)
    assert bench.database.reasons()["policy-1"][0] == reason.reason
    assert await bench.books() == {}


async def test_a_reopened_order_whose_fill_comes_back_ends_as_it_had(bench: Searching) -> None:
    fill = await bench.bought(1, 2)
    booked, legs = await bench.books(), list(bench.to_settle)
    await bench.steps.settled(legs, LegFailure.SHARES_REFUSED)
    await bench.patiently()
    await bench.executor.on_fill(fill, bench.clock.now_us())
    assert await bench.books() == booked
    assert bench.to_settle[2:] == legs
    assert bench.order_states() == ["done"]


async def test_what_was_settled_stays_and_the_loss_has_an_account_of_its_own(bench: Searching) -> None:
    fill = await bench.bought(1, 2)
    await bench.steps.settled(bench.to_settle[:1])
    await bench.steps.settled(bench.to_settle[1:], LegFailure.COLLATERAL_REFUSED)
    before = await bench.books()
    with capture_logs() as said:
        await bench.patiently()
    assert [each["log_level"] for each in said if each["event"] == "fill_orphaned_after_settlement"] == ["error"]
    after = await bench.books()
    operator, token = ledger.operator_account(fill.wallet), str(fill.token_id)
    # the operator has its collateral back and lacks what it delivered; the followers have what they have
    paid = (fill.collateral + fill.fee).units
    assert after.get((operator, ledger.COLLATERAL), 0) == before.get((operator, ledger.COLLATERAL), 0) + paid
    assert after.get((operator, token), 0) == before.get((operator, token), 0) - fill.shares.units
    assert after[ledger.ORPHANED, token] == fill.shares.units
    assert after[ledger.ORPHANED, ledger.COLLATERAL] == -paid
    assert {key: units for key, units in after.items() if key[0].startswith("follower")} == {
        key: units for key, units in before.items() if key[0].startswith("follower")
    }
    await bench.executor.on_fill(fill, bench.clock.now_us())
    assert await bench.books() == before
