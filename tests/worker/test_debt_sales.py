"""Debts whose shares are sold: by the wallet that holds them, once, and the books true whatever comes of it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from remora.domain import ledger
from remora.domain.errors import OutcomeUnknown, Refused
from remora.domain.money import Shares
from remora.domain.order import Leg, OrderKind, SettlementStep
from remora.domain.reasons import Reason, because
from remora.domain.records import Debt, Reversal
from remora.domain.signal import Side
from remora.recover.sale import PATIENCE_S
from remora.recover.seller import AGAIN_AFTER_S, DebtSeller, SaleRules
from tests.fakes.chain import FakeChain
from tests.fakes.clock import SimulatedClock
from tests.fakes.database import Database
from tests.fakes.signer import FakeSigner
from tests.fakes.specimens import CHAIN_ID, TOKEN, book, collateral, price, shares, wallet
from tests.fakes.venue import FakeVenue
from tests.worker.executing import Executing

AFTER_S = 3_600


class Selling(Executing):
    """An executor, and the seller of debts that hands over to it, `held_up_s` after it has stored a sale."""

    held_up_s = 0.0

    def start_seller(self) -> None:
        """Make a new seller, as a process does when it starts."""
        self.seller = DebtSeller(
            chain_id=CHAIN_ID,
            rules=SaleRules(after_s=AFTER_S, final_s=20),
            venue=self.venue,
            store=self.database.debts,
            clock=self.clock,
            slippage_bps_of=lambda _: 500,
            hand_over=self._hand_over,
        )

    async def overdue(self, *policies: int) -> list[Leg]:
        """Let each policy's follower owe 10 for 20 shares since longer than is allowed."""
        legs = await self.steps.owed(*policies)
        for leg in legs:
            claim = ledger.transfer(
                ledger.SPENT, ledger.follower_account(leg.follower), ledger.RECEIVABLE, leg.collateral.units
            )
            await self.database.settlements.post(
                [ledger.Posting(posting_id=f"claim:{leg.settlement_id}", entries=claim)]
            )
        self.clock.advance(AFTER_S)
        return legs

    async def sell(self) -> None:
        """Look at the debts once; the executor has done what it was handed when this returns."""
        await self.seller.sell_overdue(await self.debts())

    async def debts(self) -> list[Debt]:
        return await self.database.debts.open_debts()

    async def claims(self) -> dict[str, int]:
        """Return what was paid and written off, and what is due to followers, in base units."""
        books = await self.database.settlements.ledger_balances()
        return {
            "paid": books.get((ledger.PAID, ledger.RECEIVABLE), 0),
            "written off": books.get((ledger.WRITTEN_OFF, ledger.RECEIVABLE), 0),
            "due": -books.get((ledger.EARNED, ledger.PAYABLE), 0),
        }

    async def _hand_over(self) -> None:
        self.clock.advance(self.held_up_s)
        await self.executor.resume_collected(None)


@pytest.fixture
async def bench(
    venue: FakeVenue, chain: FakeChain, signer: FakeSigner, database: Database, clock: SimulatedClock
) -> AsyncIterator[Selling]:
    bench = Selling(venue=venue, chain=chain, signer=signer, database=database, clock=clock)
    await bench.fund("100", "100", "100")
    bench.start_seller()
    with capture_logs():
        yield bench


async def test_the_wallet_that_holds_the_shares_sells_them_all_within_the_slippage(bench: Selling) -> None:
    await bench.overdue(1)
    await bench.sell()
    terms = bench.order.terms
    assert (terms.maker, terms.side, bench.order.kind) == (wallet(1), Side.SELL, OrderKind.FAK)
    assert terms.maker_amount == shares("20").units
    assert terms.taker_amount == 20 * price("0.49").units  # 0.51 less 5 %, up to a tick
    await bench.hear(bench.order, paid=collateral("9.8"))
    assert await bench.debts() == []
    assert await bench.claims() == {"paid": 9_800_000, "written off": 200_000, "due": 0}
    assert bench.to_settle == []


async def test_who_owes_shorter_or_pays_in_time_is_left_alone(bench: Selling) -> None:
    legs = await bench.steps.owed(1)
    bench.clock.advance(AFTER_S - 1)
    await bench.sell()
    assert bench.venue.submitted == []
    await bench.steps.settled(legs)
    bench.clock.advance(1)
    await bench.sell()
    assert bench.venue.submitted == []


async def test_a_surplus_is_promised_to_the_follower_and_queued(bench: Selling) -> None:
    (leg,) = await bench.overdue(1)
    bench.venue.order_books[TOKEN] = book("0.6", "0.62")
    await bench.sell()
    await bench.hear(bench.order, paid=collateral("12"))
    (due,) = bench.to_settle
    assert (due.step, due.follower, due.collateral) == (SettlementStep.REMIT, leg.follower, collateral("2"))
    assert bench.free() == "98"
    assert await bench.claims() == {"paid": 10_000_000, "written off": 0, "due": 2_000_000}


async def test_what_was_not_sold_is_tried_again_after_a_while(bench: Selling) -> None:
    await bench.overdue(1)
    bench.venue.answers.append((shares("5").units, collateral("2.5").units))
    await bench.sell()
    await bench.hear(bench.order, shares=shares("5"), paid=collateral("2.5"))
    await bench.sell()
    assert len(bench.venue.submitted) == 1
    bench.clock.advance(AGAIN_AFTER_S)
    await bench.sell()
    _, second = bench.venue.submitted
    assert second.terms.maker_amount == shares("15").units
    await bench.hear(second, paid=collateral("7.35"), number=2)
    assert await bench.debts() == []
    assert await bench.claims() == {"paid": 9_850_000, "written off": 150_000, "due": 0}


async def test_nobody_who_buys_postpones(bench: Selling) -> None:
    await bench.overdue(1)
    before = await bench.debts()
    bench.venue.order_books[TOKEN] = book(None, "0.52")
    await bench.sell()
    assert await bench.debts() == before
    assert bench.venue.submitted == []


@pytest.mark.parametrize("refusal", ["no orders found to match with FAK order", "not enough balance"])
async def test_a_refusal_leaves_the_debt_as_it_was(bench: Selling, refusal: str) -> None:
    (leg,) = await bench.overdue(1)
    bench.venue.answers.append(Refused(refusal))
    await bench.sell()
    (debt,) = await bench.debts()
    assert (debt.legs, debt.left, debt.sales) == ((leg,), collateral("10"), 1)
    assert bench.to_settle == []


async def test_who_is_stopped_is_not_sold_out(bench: Selling) -> None:
    (leg,) = await bench.overdue(1)
    bench.stopped["policy-1"] = because(Reason.STOPPED, whom="the service", why="by hand")
    await bench.sell()
    (debt,) = await bench.debts()
    assert debt.legs == (leg,)
    assert (bench.venue.submitted, bench.to_settle) == ([], [])


async def test_an_unknown_outcome_is_not_sent_again_by_any_process(bench: Selling) -> None:
    await bench.overdue(1)
    bench.venue.answers.append(OutcomeUnknown("the answer was lost"))
    await bench.sell()
    bench.clock.advance(AGAIN_AFTER_S)
    bench.restart()
    bench.start_seller()
    await bench.fund("100", "100", "100")
    await bench.sell()
    await bench.executor.resume_collected(None)
    await bench.hear(bench.order, paid=collateral("9.8"))
    await bench.executor.end_as_filled(bench.order.order_hash)
    assert await bench.debts() == []


async def test_a_sale_that_was_stored_and_not_sent_is_sent_by_the_next_process(bench: Selling) -> None:
    await bench.overdue(1)
    executor, bench.executor = bench.executor, None  # type: ignore[assignment]  # it dies before it is handed anything
    with pytest.raises(AttributeError):
        await bench.sell()
    bench.executor = executor
    bench.restart()
    bench.start_seller()
    await bench.fund("100", "100", "100")
    await bench.sell()
    await bench.executor.resume_collected(None)
    await bench.hear(bench.order, paid=collateral("9.8"))
    assert await bench.debts() == []


async def test_a_sale_that_waited_too_long_is_given_up(bench: Selling) -> None:
    (leg,) = await bench.overdue(1)
    bench.fleet.dismiss(wallet(1), "gone")
    bench.held_up_s = PATIENCE_S - 0.1
    await bench.sell()
    (debt,) = await bench.debts()
    assert debt.legs == (leg,)


async def test_a_sale_whose_fill_no_block_has_any_more_is_the_fleets_loss(bench: Selling) -> None:
    await bench.overdue(1)
    await bench.sell()
    fill = await bench.hear(bench.order, paid=collateral("9.8"))
    claims = await bench.claims()
    assert fill.tx_hash is not None
    assert await bench.database.orders.reverse_fill(fill.order_hash, fill.tx_hash) is Reversal.SETTLED
    books = await bench.database.settlements.ledger_balances()
    assert await bench.claims() == claims
    assert books[ledger.ORPHANED, ledger.COLLATERAL] == 9_800_000
    assert books[ledger.ORPHANED, str(TOKEN)] == -Shares(20_000_000).units
