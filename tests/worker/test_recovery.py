"""Debts: collected when the debtor can pay, once, and until then not forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from remora.domain import ledger
from remora.domain.errors import InvariantBroken, OperatorError, Refused, RemoraError, Retryable
from remora.domain.ids import address
from remora.domain.ledger import Entry, Posting
from remora.domain.order import Leg, LegFailure
from remora.domain.reasons import Reason, because
from remora.domain.records import DebtSide
from remora.execute.lifecycle import give_back
from remora.recover.worker import LOOK_EVERY_S, Recovery, RecoveryRules
from tests.fakes.chain import FakeSender
from tests.fakes.clearinghouse import CLEARINGHOUSE, FakeClearinghouse
from tests.fakes.clock import SimulatedClock
from tests.fakes.database import Database
from tests.fakes.signer import FakeSigner
from tests.fakes.specimens import collateral, follower
from tests.fakes.waiting import until
from tests.worker.settling import Settling


class Recovering(Settling):
    """A settler with a recovery."""

    def recovery(self) -> Recovery:
        return Recovery(
            rules=RecoveryRules(every_s=120, final_s=20),
            clearinghouse=CLEARINGHOUSE,
            chain=self.chain,
            store=self.database.debts,
            clock=self.clock,
            settle_now=self.settler.settle,
        )

    def can_pay(self, number: int, balance: str, allowance: str | None = None) -> None:
        """Give a follower a balance, and the Clearinghouse an allowance of as much if nothing else is said."""
        self.chain.collateral[follower(number)] = collateral(balance)
        self.chain.allowances[follower(number), CLEARINGHOUSE] = collateral(allowance or balance)

    async def owe(self, *policies: int) -> list[Leg]:
        """Let each policy's follower owe 10, with the claim in the books."""
        legs = await self.steps.owed(*policies)
        claims = [
            Posting(
                posting_id=f"claim:{each.settlement_id}",
                entries=(
                    Entry(account=ledger.SPENT, asset=ledger.RECEIVABLE, units=-each.collateral.units),
                    Entry(
                        account=ledger.follower_account(each.follower),
                        asset=ledger.RECEIVABLE,
                        units=each.collateral.units,
                    ),
                ),
            )
            for each in legs
        ]
        await self.database.settlements.post(claims)
        return legs

    async def owed(self) -> int:
        """Return the sum of all open debts, in base units."""
        return sum(debt.left.units for debt in await self.database.debts.open_debts())

    async def collected(self) -> int:
        """Return what the books say was collected, in base units."""
        books = await self.database.settlements.ledger_balances()
        return books.get((ledger.PAID, ledger.RECEIVABLE), 0)


@pytest.fixture
async def bench(
    sender: FakeSender,
    clearinghouse: FakeClearinghouse,
    signer: FakeSigner,
    database: Database,
    clock: SimulatedClock,
) -> AsyncIterator[Recovering]:
    bench = Recovering(sender=sender, clearinghouse=clearinghouse, signer=signer, database=database, clock=clock)
    with capture_logs():
        yield bench
    await bench.stop()


async def test_a_debt_is_collected_when_the_follower_can_pay(bench: Recovering) -> None:
    legs = await bench.owe(1)
    recovery = bench.recovery()
    await recovery.recover()
    assert bench.sender.broadcasts == []  # no gas for what cannot succeed
    bench.can_pay(1, "10")
    await recovery.recover()
    assert bench.clearinghouse.settled == [legs[0].settlement_id]
    assert await bench.database.debts.open_debts() == []
    assert bench.database.states() == {"policy-1": "settled"}
    assert bench.settled == legs


@pytest.mark.parametrize(("balance", "allowance"), [("10", "9.999999"), ("9.999999", "10"), ("10", "0")])
async def test_means_are_the_smaller_of_balance_and_allowance(bench: Recovering, balance: str, allowance: str) -> None:
    await bench.owe(1)
    bench.can_pay(1, balance, allowance)
    await bench.recovery().recover()
    assert bench.sender.broadcasts == []


async def test_recovering_twice_collects_once(bench: Recovering) -> None:
    await bench.owe(1, 2)
    bench.can_pay(1, "100")
    bench.can_pay(2, "100")
    recovery = bench.recovery()
    await asyncio.gather(recovery.recover(), recovery.recover(), bench.recovery().recover())
    await recovery.recover()
    assert len(bench.clearinghouse.settled) == 2
    assert len(set(bench.sender.broadcasts)) == 1
    assert await bench.collected() == 20_000_000


async def test_collected_and_owed_are_what_was_due(bench: Recovering) -> None:
    await bench.owe(1, 2, 3, 4)
    due = await bench.owed()
    assert due == 40_000_000
    for number, recovered in ((1, 10_000_000), (3, 20_000_000), (4, 30_000_000), (2, 40_000_000)):
        bench.can_pay(number, "10")
        await bench.recovery().recover()
        assert await bench.collected() == recovered
        assert await bench.collected() + await bench.owed() == due
    books = await bench.database.settlements.ledger_balances()
    assert sum(units for (_, asset), units in books.items() if asset == ledger.RECEIVABLE) == 0


async def test_a_debt_that_the_chain_refuses_again_stays_one_debt(bench: Recovering) -> None:
    legs = await bench.owe(1)
    bench.can_pay(1, "10")
    bench.clearinghouse.refusals[legs[0].settlement_id] = LegFailure.PAUSED
    recovery = bench.recovery()
    for _ in range(3):
        await recovery.recover_all()
    (debt,) = await bench.database.debts.open_debts()
    assert debt.due == collateral("10")
    assert bench.database.states() == {"policy-1": "owed"}
    del bench.clearinghouse.refusals[legs[0].settlement_id]
    await recovery.recover_all()
    assert await bench.database.debts.open_debts() == []
    assert len(set(bench.sender.broadcasts)) == 4


async def test_a_debt_survives_a_restart_and_finds_its_debtor_in_any_case_of_letters(bench: Recovering) -> None:
    (debtor,) = await bench.owe(1)
    assert address(debtor.follower.upper().replace("0X", "0x")) == debtor.follower
    bench.restart()
    bench.can_pay(1, "10")
    await bench.recovery().recover()
    assert await bench.owed() == 0


async def test_the_operators_owe_too_and_always_pay(bench: Recovering) -> None:
    """An exit was given up, and the shares did not get back to the follower."""
    (collected,) = await bench.steps.collected(1)
    returned = give_back(collected)
    why = because(Reason.NOT_FILLED, limit="0.54")
    await bench.database.orders.return_collected([returned], {returned.intent_id: why})
    await bench.steps.settled([returned], LegFailure.SHARES_REFUSED)
    (debt,) = await bench.database.debts.open_debts()
    assert (debt.side, debt.legs) == (DebtSide.OPERATOR, (returned,))
    await bench.recovery().recover()  # whatever the follower has
    assert await bench.database.debts.open_debts() == []
    assert bench.database.states() == {"policy-1": "failed"}  # nothing was sold


@pytest.mark.parametrize(
    ("method", "trouble"), [("collateral_of", Retryable("busy")), ("collateral_allowances", Retryable("busy"))]
)
async def test_a_node_that_is_busy_postpones(bench: Recovering, method: str, trouble: RemoraError) -> None:
    await bench.owe(1)
    bench.can_pay(1, "10")
    bench.chain.troubles[method].append(trouble)
    await bench.recovery().recover()
    assert await bench.owed() == 10_000_000
    await bench.recovery().recover()
    assert await bench.owed() == 0


async def test_a_transaction_that_is_refused_leaves_the_leg_to_the_settler(bench: Recovering) -> None:
    legs = await bench.owe(1)
    bench.can_pay(1, "10")
    bench.sender.answers.append(Refused("insufficient funds"))
    await bench.recovery().recover()
    assert await bench.owed() == 10_000_000
    assert await bench.database.settlements.pending_legs() == legs
    await bench.settler.settle(await bench.database.settlements.pending_legs())
    assert await bench.owed() == 0


@pytest.mark.parametrize("trouble", [OperatorError("there is no key for the wallet"), InvariantBroken("nonce is used")])
async def test_trouble_with_a_debt_does_not_keep_the_service_from_starting(
    bench: Recovering, trouble: RemoraError
) -> None:
    await bench.owe(1)
    bench.can_pay(1, "10")
    bench.chain.troubles["gas_price"].append(trouble)
    await bench.recovery().recover()
    assert await bench.owed() == 10_000_000


async def test_without_debts_nothing_is_asked(bench: Recovering) -> None:
    await bench.recovery().recover()
    assert bench.chain.asked == []


async def test_the_timer_tries_every_two_minutes(bench: Recovering, clock: SimulatedClock) -> None:
    await bench.owe(1)
    loop = asyncio.ensure_future(bench.recovery().run())
    await until(lambda: len(clock.slept_s) > 3)
    bench.can_pay(1, "10")
    await until(lambda: bench.clearinghouse.settled)
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)
    assert set(clock.slept_s) == {120, LOOK_EVERY_S}


async def test_a_debt_that_was_refused_waits_longer_each_time_unless_means_rise(bench: Recovering) -> None:
    legs = await bench.owe(1)
    bench.can_pay(1, "10")
    bench.clearinghouse.refusals[legs[0].settlement_id] = LegFailure.PAUSED
    recovery = bench.recovery()
    await recovery.look()  # the means are new
    assert len(bench.sender.broadcasts) == 1
    await recovery.look()
    await recovery.recover()
    assert len(bench.sender.broadcasts) == 1
    bench.clock.advance(120)
    await recovery.recover()
    assert len(bench.sender.broadcasts) == 2
    bench.can_pay(1, "9")
    await recovery.look()
    assert len(bench.sender.broadcasts) == 2
    bench.can_pay(1, "10")
    await recovery.look()
    assert len(bench.sender.broadcasts) == 3


@pytest.mark.parametrize(("balance", "allowance"), [("10", "0"), ("0", "10")])
async def test_who_is_funded_or_approves_pays_at_the_next_look(bench: Recovering, balance: str, allowance: str) -> None:
    await bench.owe(1, 2)
    bench.can_pay(1, balance, allowance)
    recovery = bench.recovery()
    for _ in range(2):
        await recovery.look()
        assert bench.sender.broadcasts == []
    bench.can_pay(1, "10")
    await recovery.look()
    assert await bench.owed() == 10_000_000
    assert await bench.collected() == 10_000_000


async def test_what_a_follower_can_pay_buys_a_part_and_collected_and_owed_are_what_was_due(bench: Recovering) -> None:
    await bench.owe(1)
    recovery = bench.recovery()
    paid = 0
    for balance in ("3", "0.5", "2.5", "1.000001"):
        bench.can_pay(1, balance)
        bench.clock.advance(3_600)
        await recovery.recover()
        paid += 0 if balance == "0.5" else collateral(balance).units
        assert await bench.collected() == paid
        assert await bench.owed() == 10_000_000 - paid
        assert bench.database.states() == {"policy-1": "owed"}
    bench.can_pay(1, "3.499999")
    bench.clock.advance(3_600)
    await recovery.recover()
    assert await bench.owed() == 0
    assert bench.database.states() == {"policy-1": "settled"}
    assert sum(leg.shares.units for leg in bench.settled) == 20_000_000
    assert sum(leg.collateral.units for leg in bench.settled) == 10_000_000


async def test_a_crash_between_splitting_and_sending_leaves_the_part_to_the_settler(bench: Recovering) -> None:
    await bench.owe(1)
    bench.can_pay(1, "3")
    bench.clock.advance(3_600)
    bench.chain.troubles["gas_price"].append(Retryable("the node went away"))
    await bench.recovery().recover()
    bench.restart()
    (part,) = await bench.database.settlements.pending_legs()
    assert part.collateral == collateral("3")
    await bench.settler.settle([part])
    assert await bench.owed() == 7_000_000
    assert await bench.collected() == 3_000_000


async def test_collected_and_owed_and_written_off_are_what_was_due(bench: Recovering) -> None:
    legs = await bench.owe(1, 2, 3)
    bench.can_pay(1, "10")
    bench.can_pay(2, "4")
    bench.clock.advance(3_600)
    await bench.recovery().recover()
    await bench.database.debts.write_off(legs[1].settlement_id, "gone", at_us=bench.clock.now_us())
    books = await bench.database.settlements.ledger_balances()
    assert books[ledger.WRITTEN_OFF, ledger.RECEIVABLE] == 6_000_000
    assert (await bench.collected(), await bench.owed()) == (14_000_000, 10_000_000)
    bench.can_pay(2, "100")
    await bench.recovery().recover_all()
    assert await bench.collected() == 14_000_000  # what was written off is not collected any more
