"""The audit: who has less than booked is suspended, nobody else; what was brought is booked; what moves can wait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from remora.audit.compare import booking
from remora.audit.worker import Auditor, AuditRules, Watchman
from remora.domain import ledger
from remora.domain.audit import Cause
from remora.domain.chain import BlockId, Log
from remora.domain.contracts import ORDER_FILLED
from remora.domain.errors import Malformed, Refused, Retryable
from remora.domain.ids import Address, OrderHash
from remora.domain.ledger import Posting
from remora.domain.signal import Fill
from remora.execute.lifecycle import fill_posting
from tests.fakes.chain import FakeChain, head
from tests.fakes.clock import SimulatedClock
from tests.fakes.database import Database
from tests.fakes.specimens import EXCHANGE, TOKEN, collateral, fill, follower, shares, wallet
from tests.fakes.venue import FakeVenue
from tests.worker.steps import Steps

OURS, OTHER, ANN = wallet(1), wallet(2), follower(1)
RULES = AuditRules(every_s=600, again_after_s=5)
DELIVERED_IN = BlockId(99, head(99).hash)


class Books:
    """Two operator wallets with 100 each, and a follower to whom the first delivered 20 shares for 10."""

    def __init__(self, chain: FakeChain, venue: FakeVenue, database: Database, clock: SimulatedClock) -> None:
        self.chain, self.venue, self.database, self.clock = chain, venue, database, clock
        self.steps = Steps(database)
        self.suspended: Mapping[Address, str] = {}
        self.auditor = Auditor(
            rules=RULES,
            fleet=lambda: (OURS, OTHER),
            exchanges=[EXCHANGE],
            chain=chain,
            venue=venue,
            store=database.audits,
            clock=clock,
        )
        self.watchman = Watchman(
            rules=RULES, auditor=self.auditor, store=database.audits, clock=clock, suspend=self._suspend
        )

    async def open(self) -> None:
        openings = [ledger.opening(each, collateral("100")) for each in (OURS, OTHER)]
        bought = ledger.transfer(ledger.VENUE, ledger.operator_account(OURS), str(TOKEN), 20_000_000)
        await self.database.settlements.post([*openings, Posting(posting_id="bought", entries=bought)])
        await self.steps.settled(await self.steps.filled(1), block=DELIVERED_IN)
        self.chain.collateral[OURS], self.chain.collateral[OTHER] = collateral("110"), collateral("100")
        self.chain.shares[ANN, TOKEN] = shares("20")

    def filled(self, block: int) -> Fill:
        """Return a fill of the first wallet's order, which has ended: 20 more shares for 10.1."""
        (order_hash,) = self.database.committed("SELECT order_hash FROM orders")
        return fill(OrderHash(order_hash), wallet=OURS, block_number=block)

    def mine(self, made: Fill) -> None:
        """Put a fill into a block, and what it moved into the wallet."""
        block = made.block_number or 0
        topics = (ORDER_FILLED, made.order_hash, "0x" + OURS[2:].rjust(64, "0"))
        self.chain.blocks.append(Log(EXCHANGE, topics, b"", block, head(block).hash, made.tx_hash, 0))
        self.chain.latest = block
        self.chain.collateral[OURS] -= made.collateral + made.fee
        self.chain.shares[OURS, TOKEN] += made.shares

    async def hear(self, made: Fill) -> None:
        await self.database.orders.record_fill(made, fill_posting(made), heard_us=self.clock.now_us())

    async def balance(self, account: str, asset: str = ledger.COLLATERAL) -> int:
        return (await self.database.settlements.ledger_balances()).get((account, asset), 0)

    async def _suspend(self, why: Mapping[Address, str]) -> None:
        self.suspended = why


@pytest.fixture
async def books(chain: FakeChain, venue: FakeVenue, database: Database, clock: SimulatedClock) -> Books:
    books = Books(chain, venue, database, clock)
    await books.open()
    return books


async def test_books_that_equal_the_chain_suspend_nobody(books: Books) -> None:
    assert await books.auditor.audit() == []
    await books.watchman.check()
    assert books.suspended == {}
    assert books.clock.slept_s == [], "one look is enough"


async def test_a_wallet_that_lost_something_is_suspended_and_no_other(books: Books) -> None:
    books.chain.collateral[OURS] = collateral("109.999999")
    with capture_logs() as logs:
        await books.watchman.check()
    assert list(books.suspended) == [OURS]
    assert "collateral: 110000000 booked, 109999999 found, moved behind our back" in books.suspended[OURS]
    assert [each["wallet"] for each in logs if each["event"] == "difference"] == [OURS]
    books.chain.collateral[OURS] = collateral("110")
    await books.watchman.check()
    assert list(books.suspended) == [OURS], "a person must look, whatever the balance is now"


async def test_a_follower_whose_shares_are_gone_is_suspended(books: Books) -> None:
    books.chain.shares[ANN, TOKEN] = shares("19")
    await books.watchman.check()
    assert list(books.suspended) == [ANN]


async def test_a_follower_whose_shares_are_of_a_market_that_is_over_is_not(books: Books) -> None:
    books.chain.shares[ANN, TOKEN] = shares("0")
    del books.venue.order_books[TOKEN]
    await books.watchman.check()
    assert books.suspended == {}
    assert [row.cause for row in await books.auditor.audit()] == [Cause.REDEEMABLE]


async def test_a_top_up_is_booked_once_and_alarms_nobody(books: Books) -> None:
    books.chain.collateral[OTHER] = collateral("150")
    for _ in range(2):
        await books.watchman.check()
    assert books.suspended == {}
    assert await books.balance(ledger.operator_account(OTHER)) == 150_000_000
    assert await books.balance(ledger.DEPOSIT) == -50_000_000
    assert await books.auditor.audit() == []


async def test_what_is_on_its_way_is_waited_for(books: Books) -> None:
    intents = await books.steps.pending(2)
    await books.steps.ordered(intents)  # on the first wallet: the venue may have filled it already
    books.chain.collateral[OURS] = collateral("100")
    await books.watchman.check()
    assert books.suspended == {}
    (row,) = await books.auditor.audit()
    assert (row.cause, row.detail.startswith("order 0x")) == (Cause.IN_FLIGHT, True)


async def test_what_looks_wrong_once_is_looked_at_again(books: Books) -> None:
    behind, truth = collateral("90"), collateral("110")
    books.chain.collateral[OURS] = behind

    class CatchingUp(SimulatedClock):
        async def sleep(self, delay_s: float) -> None:
            books.chain.collateral[OURS] = truth
            await super().sleep(delay_s)

    auditor = Auditor(
        rules=RULES,
        fleet=lambda: (OURS, OTHER),
        exchanges=[EXCHANGE],
        chain=books.chain,
        venue=books.venue,
        store=books.database.audits,
        clock=CatchingUp(),
    )
    assert await auditor.audit() == []


async def test_a_fill_that_was_not_heard_yet_suspends_nobody(books: Books) -> None:
    """Its order has ended, so nothing else tells that the wallet moves."""
    await books.database.signals.save_cursor(100)
    late = books.filled(101)
    books.mine(late)
    await books.watchman.check()
    assert books.suspended == {}
    (row,) = await books.auditor.audit()
    assert (row.cause, str(late.tx_hash) in row.detail) == (Cause.IN_FLIGHT, True)
    await books.hear(late)
    assert await books.auditor.audit() == []


async def test_a_fill_that_the_cursor_has_passed_unheard_explains_nothing(books: Books) -> None:
    await books.database.signals.save_cursor(101)
    books.mine(books.filled(101))
    await books.watchman.check()
    assert list(books.suspended) == [OURS]


@pytest.mark.parametrize("cursor", [105, 43_305], ids=["a moment ago", "a day ago"])
async def test_an_orphaned_fill_that_is_not_reversed_yet_suspends_nobody(books: Books, cursor: int) -> None:
    await books.database.signals.save_cursor(cursor)
    orphaned = books.filled(101)
    await books.hear(orphaned)
    await books.watchman.check()
    assert books.suspended == {}
    assert {row.cause for row in await books.auditor.audit()} == {Cause.IN_FLIGHT}
    books.mine(orphaned)
    assert await books.auditor.audit() == []
    books.chain.collateral[OURS] -= collateral("1")
    await books.watchman.check()
    assert list(books.suspended) == [OURS], "every fill is where it should be, so something else is missing"


@pytest.mark.parametrize("to_follower", [True, False], ids=["before the follower had it", "before it was paid for"])
async def test_a_settlement_that_a_reorg_took_back_suspends_nobody_and_is_no_deposit(
    books: Books, to_follower: bool
) -> None:
    """Until it is sent again, its wallet has what it is to pay out, and the follower lacks what is to be delivered."""
    before = await books.database.settlements.ledger_balances()
    books.chain.branch[99] = replace(head(99), hash="0x" + 64 * "e")
    if to_follower:
        books.chain.shares[ANN, TOKEN] = shares("0")
    else:
        books.chain.collateral[OURS] = collateral("131.518392")
    await books.watchman.check()
    assert books.suspended == {}
    assert await books.database.settlements.ledger_balances() == before
    (row,) = await books.auditor.audit()
    assert (row.cause, row.detail) == (Cause.IN_FLIGHT, "taken back, with transactions of ours: block 99")
    books.clock.advance(301)
    (row,) = await books.auditor.audit()
    assert row.cause is (Cause.MOVED if to_follower else Cause.TOP_UP), (
        "no reorg takes as long, so it was something else"
    )


async def test_a_chain_that_is_too_short_after_a_reorg_postpones(books: Books) -> None:
    books.chain.collateral[OURS] = collateral("60")
    books.chain.troubles["block"].append(Retryable("the node is at block 98, before 99"))
    with capture_logs() as logs:
        await books.watchman.check()
    assert [each["event"] for each in logs if each["log_level"] == "warning"] == ["audit_postponed"]
    assert books.suspended == {}
    await books.watchman.check()
    assert list(books.suspended) == [OURS]


async def test_what_one_looks_at_another_may_have_booked(books: Books) -> None:
    """The supervisor, and a person who accepts: both have looked before either books."""
    books.chain.collateral[OTHER] = collateral("150")
    (row,) = await books.auditor.audit()
    deposit, again = (booking(row, ledger.DEPOSIT, is_operator=True, at_us=at_us) for at_us in (1, 2))
    await books.database.audits.book([(row, deposit)])
    await books.database.audits.book([(row, again)])
    with pytest.raises(Malformed, match="found them changed"):
        await books.database.audits.lift(OTHER, [(row, again)], "ours")
    assert await books.balance(ledger.operator_account(OTHER)) == 150_000_000
    assert await books.balance(ledger.DEPOSIT) == -50_000_000
    assert books.database.committed("SELECT why FROM adjustments") == []
    assert await books.auditor.audit() == []


async def test_an_open_order_that_is_not_ours_suspends_its_wallet(books: Books) -> None:
    books.venue.resting[OTHER] = [OrderHash("0x" + 64 * "5")]
    await books.watchman.check()
    assert list(books.suspended) == [OTHER]


async def test_accepting_books_the_difference_and_lifts_the_suspension(books: Books) -> None:
    books.chain.collateral[OURS] = collateral("60")
    await books.watchman.check()
    rows = await books.auditor.accept(OURS, "the owner took 50 out")
    assert [(row.booked, row.found) for row in rows] == [(110_000_000, 60_000_000)]
    await books.watchman.follow_suspensions()
    assert books.suspended == {}
    assert await books.balance(ledger.ADJUSTMENT) == 50_000_000
    assert books.database.committed("SELECT why FROM adjustments") == ["the owner took 50 out"]
    assert await books.auditor.audit() == []
    with pytest.raises(Malformed, match="expected a wallet that differs or is suspended"):
        await books.auditor.accept(OURS, "again")


async def test_a_node_that_is_busy_postpones_and_who_was_suspended_stays_so(books: Books) -> None:
    books.chain.collateral[OURS] = collateral("60")
    await books.watchman.check()
    books.chain.troubles["collateral_of"].append(Retryable("busy"))
    await books.watchman.check()
    assert list(books.suspended) == [OURS]


async def test_a_venue_that_tells_no_orders_hides_no_balance(books: Books) -> None:
    books.chain.collateral[OURS] = collateral("60")
    books.venue.troubles["open_orders"].extend([Refused("no API key")] * 4)
    await books.watchman.check()
    assert list(books.suspended) == [OURS]
