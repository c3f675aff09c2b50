"""Settlement: recorded before it is broadcast, one transaction for each leg at a time, and settled once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from remora.domain.errors import InvariantBroken, OutcomeUnknown, Refused, RemoraError, Retryable
from remora.domain.ids import Address, TokenId
from remora.domain.money import Wei
from remora.domain.order import LegFailure, SettlementStep
from remora.domain.transaction import Call, SignedTransaction
from remora.settle.loads import LEGS_PER_TRANSACTION
from remora.settle.pursuit import REBROADCAST_AFTER_S
from remora.settle.roots import UPROOTED_WITHIN_S
from remora.settle.worker import SLOWEST_SWEEP_S, SWEEP_EVERY_S
from tests.fakes.chain import FakeSender
from tests.fakes.clearinghouse import FakeClearinghouse
from tests.fakes.clock import SimulatedClock
from tests.fakes.database import Database
from tests.fakes.signer import FakeSigner
from tests.fakes.specimens import follower, intent, leg, signal, wallet
from tests.fakes.waiting import settle_down, until
from tests.worker.settling import Settling


@pytest.fixture
async def bench(
    sender: FakeSender,
    clearinghouse: FakeClearinghouse,
    signer: FakeSigner,
    database: Database,
    clock: SimulatedClock,
) -> AsyncIterator[Settling]:
    bench = Settling(sender=sender, clearinghouse=clearinghouse, signer=signer, database=database, clock=clock)
    with capture_logs():
        yield bench
    await bench.stop()


async def test_a_delivery_from_leg_to_books(bench: Settling) -> None:
    legs = await bench.steps.filled(1, 2)
    await bench.settler.settle(legs)
    assert bench.clearinghouse.calls == [(SettlementStep.DELIVER, tuple(legs))]
    assert bench.leg_states() == ["settled", "settled"]
    assert bench.database.states() == {"policy-1": "settled", "policy-2": "settled"}
    assert bench.transactions() == [("deliver", 0, "mined")]
    assert bench.settled == legs
    books = await bench.database.settlements.ledger_balances()
    assert books[f"operator:{wallet(1)}", "collateral"] == 20_000_000
    assert books[f"follower:{follower(1)}", "collateral"] == -10_000_000


async def test_a_transaction_is_on_the_disk_before_it_is_broadcast(bench: Settling) -> None:
    legs = await bench.steps.filled(1)
    seen: list[Any] = []

    async def look(signed: SignedTransaction) -> None:
        query = "SELECT tx_hash, wallet, nonce, state FROM transactions WHERE purpose = 'deliver'"
        seen.extend(bench.database.committed(query))
        assert seen[0] == (signed.tx_hash, wallet(1), 0, "recorded")
        seen.extend(bench.database.committed("SELECT state, tx_hash FROM legs"))

    bench.sender.before = look
    await bench.settler.settle(legs)
    assert seen[1] == ("sent", seen[0][0])


async def test_a_leg_that_the_chain_refuses_becomes_a_debt_and_the_others_settle(bench: Settling) -> None:
    legs = await bench.steps.filled(1, 2, 3)
    bench.clearinghouse.refusals[legs[1].settlement_id] = LegFailure.COLLATERAL_REFUSED
    await bench.settler.settle(legs)
    assert bench.leg_states() == ["failed", "settled", "settled"]
    assert bench.database.states() == {"policy-1": "settled", "policy-2": "owed", "policy-3": "settled"}
    (debt,) = await bench.database.debts.open_debts()
    assert (debt.legs, debt.due, debt.cause) == ((legs[1],), legs[1].collateral, LegFailure.COLLATERAL_REFUSED)
    assert bench.settled == [legs[0], legs[2]]


async def test_a_leg_of_which_the_chain_says_nothing_stays_pending(bench: Settling) -> None:
    legs = await bench.steps.filled(1, 2)
    bench.clearinghouse.silent.add(legs[0].settlement_id)
    await bench.settler.settle(legs)
    assert await bench.database.settlements.pending_legs() == [legs[0]]
    assert bench.settled == [legs[1]]


async def test_a_leg_that_was_settled_before_counts_as_settled(bench: Settling) -> None:
    """The chain had it, and the answer was lost for good: a replay does nothing there, and heals the books here."""
    legs = await bench.steps.filled(1)
    bench.clearinghouse.settled.append(legs[0].settlement_id)
    await bench.settler.settle(legs)
    assert bench.leg_states() == ["settled"]
    assert bench.clearinghouse.settled == [legs[0].settlement_id]


async def test_the_same_leg_is_never_in_two_transactions(bench: Settling) -> None:
    legs = await bench.steps.filled(1, 2)
    bench.sender.mining = False
    first = asyncio.ensure_future(bench.settler.settle(legs))
    await until(lambda: bench.sender.broadcasts)
    await bench.settler.settle(legs)  # nothing is left to do
    bench.run()
    bench.settler.settle_later(legs[:1])
    await settle_down()
    assert len(set(bench.sender.broadcasts)) == 1
    assert bench.transactions() == [("deliver", 0, "recorded")]
    bench.sender.mining = True
    await first
    assert bench.leg_states() == ["settled", "settled"]


async def test_a_settled_leg_cannot_be_sent_again(bench: Settling) -> None:
    legs = await bench.steps.filled(1)
    await bench.settler.settle(legs)
    with pytest.raises(InvariantBroken, match="is settled, on its way or changed"):
        await bench.settler.settle(legs)
    assert len(bench.sender.broadcasts) == 1


async def test_wallets_steps_and_tokens_have_transactions_of_their_own(bench: Settling) -> None:
    of = signal()
    other = signal(number=2, token_id=TokenId(9))
    mine, yours, foreign = intent(1, of=of), intent(2, of=of), intent(3, of=other)
    await bench.database.decided(of, [mine, yours])
    await bench.database.decided(other, [foreign])
    legs = [
        leg(SettlementStep.COLLECT, mine, operator=1),
        leg(SettlementStep.COLLECT, yours, operator=2),
        leg(SettlementStep.COLLECT, foreign, operator=1),
    ]
    await bench.database.orders.start_collecting(legs)
    await bench.settler.settle(legs)
    assert sorted(len(each) for _, each in bench.clearinghouse.calls) == [1, 1, 1]
    rows = bench.database.committed("SELECT wallet, nonce FROM transactions ORDER BY wallet, nonce")
    assert rows == [(wallet(1), 0), (wallet(1), 1), (wallet(2), 0)]


async def test_a_transaction_holds_so_many_legs_at_most(bench: Settling) -> None:
    legs = await bench.steps.filled(*range(2 * LEGS_PER_TRANSACTION + 1))
    await bench.settler.settle(legs)
    assert sorted(len(each) for _, each in bench.clearinghouse.calls) == [1, LEGS_PER_TRANSACTION, LEGS_PER_TRANSACTION]
    assert bench.transactions() == [("deliver", nonce, "mined") for nonce in range(3)]
    assert set(bench.leg_states()) == {"settled"}


async def test_a_lost_answer_is_not_a_failure(bench: Settling) -> None:
    legs = await bench.steps.filled(1)
    bench.sender.answers.append(OutcomeUnknown("the connection was lost"))
    bench.sender.taken_anyway = True
    await bench.settler.settle(legs)
    assert bench.leg_states() == ["settled"]
    assert len(bench.sender.broadcasts) == 1


async def test_a_transaction_that_was_lost_is_broadcast_again_as_the_same_one(
    bench: Settling, clock: SimulatedClock
) -> None:
    legs = await bench.steps.filled(1)
    bench.sender.answers.append(OutcomeUnknown("the connection was lost"))
    await bench.settler.settle(legs)
    assert len(bench.sender.broadcasts) == 2
    assert len(set(bench.sender.broadcasts)) == 1
    assert sum(clock.slept_s) == REBROADCAST_AFTER_S
    assert bench.transactions() == [("deliver", 0, "mined")]


async def test_what_the_node_did_not_look_at_is_handed_over_again(bench: Settling, clock: SimulatedClock) -> None:
    """And nothing of the same wallet overtakes it."""
    bench.sender.answers.extend([Retryable("too many requests", 2.0)] * 3)
    first, second = await bench.steps.filled(1), await bench.steps.filled(2)
    await asyncio.gather(bench.settler.settle(first), bench.settler.settle(second))
    assert len(bench.sender.broadcasts) == 5
    assert len(set(bench.sender.broadcasts)) == 2
    assert bench.transactions() == [("deliver", 0, "mined"), ("deliver", 1, "mined")]
    assert clock.slept_s[:3] == [2.0, 2.0, 2.0]


async def test_a_refused_transaction_frees_its_nonce_and_its_legs(bench: Settling) -> None:
    legs = await bench.steps.filled(1)
    bench.sender.answers.append(Refused("insufficient funds for gas"))
    with pytest.raises(Refused, match="insufficient funds"):
        await bench.settler.settle(legs)
    assert bench.transactions() == []
    assert await bench.database.settlements.pending_legs() == legs
    await bench.settler.settle(legs)
    assert bench.transactions() == [("deliver", 0, "mined")]


async def test_a_refusal_of_what_is_in_a_block_already_is_none(bench: Settling) -> None:
    legs = await bench.steps.filled(1)
    bench.sender.answers.append(Refused("nonce too low"))
    bench.sender.taken_anyway = True
    await bench.settler.settle(legs)
    assert bench.leg_states() == ["settled"]


async def test_a_gap_that_a_refusal_left_is_filled_first(bench: Settling) -> None:
    """A wallet's transactions behind a gap would wait for ever."""
    bench.sender.mining = False
    lost, behind = await bench.steps.filled(1), await bench.steps.filled(2)
    first = asyncio.ensure_future(bench.settler.settle(lost))
    await until(lambda: bench.sender.broadcasts)
    second = asyncio.ensure_future(bench.settler.settle(behind))
    await until(lambda: len(set(bench.sender.broadcasts)) == 2)
    bench.sender.refused.add(bench.sender.broadcasts[0])  # when it is handed over again
    with pytest.raises(Refused):
        await first
    assert [nonce for _, nonce, _ in bench.transactions()] == [1]
    bench.sender.refused.clear()
    again = asyncio.ensure_future(bench.settler.settle(lost))
    await until(lambda: [nonce for _, nonce, _ in bench.transactions()] == [0, 1])
    bench.sender.mining = True
    await asyncio.gather(again, second)
    assert bench.transactions() == [("deliver", 0, "mined"), ("deliver", 1, "mined")]


async def test_a_reverted_transaction_leaves_its_legs_pending(bench: Settling) -> None:
    legs = await bench.steps.filled(1, 2)
    bench.sender.reverting.add(1)
    with pytest.raises(Refused, match="was reverted"):
        await bench.settler.settle(legs)
    assert bench.transactions() == [("deliver", 0, "reverted")]
    assert len(await bench.database.settlements.pending_legs()) == 2
    assert bench.settled == []
    await bench.settler.settle(legs)
    assert bench.transactions() == [("deliver", 0, "reverted"), ("deliver", 1, "mined")]
    assert bench.leg_states() == ["settled", "settled"]


@pytest.mark.parametrize("trouble", [Refused("insufficient funds"), Retryable("no gas price")])
async def test_trouble_of_one_wallet_does_not_abandon_the_others(bench: Settling, trouble: RemoraError) -> None:
    """The other wallet's transaction is under way: whoever stopped waiting for it would never record its end."""
    of = signal()
    mine, yours = intent(1, of=of), intent(2, of=of)
    await bench.database.decided(of, [mine, yours])
    legs = [leg(SettlementStep.COLLECT, mine, operator=1), leg(SettlementStep.COLLECT, yours, operator=2)]
    await bench.database.orders.start_collecting(legs)
    if isinstance(trouble, Refused):
        bench.sender.answers.append(trouble)
    else:
        bench.chain.troubles["gas_price"].append(trouble)
    with pytest.raises(type(trouble)):
        await bench.settler.settle(legs)
    assert bench.leg_states() == ["pending", "settled"]
    assert len(bench.settled) == 1


async def test_the_nonce_follows_the_chain_and_what_is_on_its_way(bench: Settling) -> None:
    bench.chain.nonces[wallet(1)] = 7  # transactions of before
    bench.sender.mining = False
    legs = [await bench.steps.filled(n) for n in range(3)]
    settlements = [asyncio.ensure_future(bench.settler.settle(each)) for each in legs]
    await until(lambda: len(set(bench.sender.broadcasts)) == 3)
    assert bench.transactions() == [("deliver", nonce, "recorded") for nonce in (7, 8, 9)]
    bench.sender.mining = True
    await asyncio.gather(*settlements)
    assert bench.transactions() == [("deliver", nonce, "mined") for nonce in (7, 8, 9)]


async def test_queued_legs_are_settled(bench: Settling) -> None:
    bench.run()
    bench.settler.settle_later(await bench.steps.filled(1))
    await until(lambda: bench.leg_states() == ["settled"])


async def test_what_was_left_is_swept_up(bench: Settling, clock: SimulatedClock) -> None:
    await bench.steps.filled(1, 2)  # by a process that died right after
    bench.run()
    await until(lambda: bench.leg_states() == ["settled", "settled"])
    assert clock.slept_s[0] == SWEEP_EVERY_S


async def test_sweeps_that_fail_become_rarer_and_those_that_work_do_not(bench: Settling) -> None:
    legs = await bench.steps.filled(1)
    bench.sender.answers.extend([Refused("insufficient funds")] * 7)
    waits = []
    for _ in range(7):
        await bench.settler._settle_or_leave(legs)
        waits.append(bench.settler._sweep_s)
    assert waits == [10, 20, 40, 80, SLOWEST_SWEEP_S, SLOWEST_SWEEP_S, SLOWEST_SWEEP_S]
    await bench.settler._settle_or_leave(legs)
    assert bench.settler._sweep_s == SWEEP_EVERY_S


async def test_transactions_of_an_earlier_process_are_followed_to_their_end(bench: Settling) -> None:
    legs = await bench.steps.filled(1)
    bench.sender.mining = False
    abandoned = asyncio.ensure_future(bench.settler.settle(legs))
    await until(lambda: bench.sender.broadcasts)
    abandoned.cancel()
    await asyncio.gather(abandoned, return_exceptions=True)
    assert bench.leg_states() == ["sent"]
    bench.restart()
    bench.sender.mining = True
    await bench.settler.follow_up()
    assert bench.leg_states() == ["settled"]
    assert len(set(bench.sender.broadcasts)) == 1
    assert bench.transactions() == [("deliver", 0, "mined")]
    await bench.settler.follow_up()
    assert bench.settled == legs


async def test_a_transaction_of_an_earlier_process_that_is_refused_leaves_its_legs_pending(bench: Settling) -> None:
    legs = await bench.steps.filled(1)
    bench.sender.mining = False
    abandoned = asyncio.ensure_future(bench.settler.settle(legs))
    await until(lambda: bench.sender.broadcasts)
    abandoned.cancel()
    await asyncio.gather(abandoned, return_exceptions=True)
    bench.restart()
    bench.sender.answers.append(Refused("insufficient funds"))
    await bench.settler.follow_up()
    assert await bench.database.settlements.pending_legs() == legs
    assert bench.transactions() == []


# Reorgs.


def uproot(bench: Settling) -> None:
    """Take all blocks back: the chain knows no transaction, account nonce or settlement any more."""
    bench.chain.mined.clear()
    bench.chain.nonces.clear()
    bench.chain.reorganise()
    bench.clearinghouse.settled.clear()


async def test_a_settlement_that_a_reorg_took_back_is_sent_again_as_the_same_one(bench: Settling) -> None:
    legs = await bench.steps.filled(1, 2)
    await bench.settler.settle(legs)
    books = await bench.database.settlements.ledger_balances()
    uproot(bench)
    await bench.settler.follow_up()
    assert len(bench.sender.broadcasts) == 2
    assert len(set(bench.sender.broadcasts)) == 1
    assert bench.transactions() == [("deliver", 0, "mined")]
    assert sorted(bench.clearinghouse.settled) == sorted(leg.settlement_id for leg in legs)
    assert bench.leg_states() == ["settled", "settled"]
    assert bench.settled == legs  # told once
    assert await bench.database.settlements.ledger_balances() == books


async def test_a_start_finds_what_a_reorg_took_back_meanwhile(bench: Settling) -> None:
    legs = await bench.steps.filled(1)
    await bench.settler.settle(legs)
    uproot(bench)
    bench.restart()
    await bench.settler.follow_up()
    assert len(bench.sender.broadcasts) == 2
    assert bench.transactions() == [("deliver", 0, "mined")]


async def test_what_was_mined_long_ago_is_not_asked_for_again(bench: Settling, clock: SimulatedClock) -> None:
    await bench.settler.follow_up()
    await bench.settler.settle(await bench.steps.filled(1))
    bench.chain.asked.clear()
    clock.advance(UPROOTED_WITHIN_S + 1)
    await bench.settler.follow_up()
    assert set(bench.chain.asked) == {"block"}
    bench.chain.asked.clear()
    await bench.settler.follow_up()
    assert bench.chain.asked == []


async def test_a_settlement_that_a_reorg_moved_comes_to_what_its_block_says(bench: Settling) -> None:
    """The transaction is in another block before anybody looks: its account nonce is what it was."""
    legs = await bench.steps.filled(1, 2)
    await bench.settler.settle(legs)
    assert bench.leg_states() == ["settled", "settled"]
    uproot(bench)
    bench.clearinghouse.refusals[legs[1].settlement_id] = LegFailure.COLLATERAL_REFUSED
    (moved,) = bench.sender.came.values()
    bench.sender.mine(moved)
    await bench.settler.follow_up()
    assert len(bench.sender.broadcasts) == 1
    assert bench.transactions() == [("deliver", 0, "mined")]
    assert bench.leg_states() == ["failed", "settled"]
    assert bench.database.committed("SELECT count(*) FROM debts") == [1]


async def test_what_comes_after_a_reorg_leaves_the_nonce_to_what_it_took_back(bench: Settling) -> None:
    legs = await bench.steps.filled(1, 2)
    await bench.settler.settle(legs[:1])
    uproot(bench)
    await bench.settler.settle(legs[1:])
    assert bench.transactions() == [("deliver", 0, "recorded"), ("deliver", 1, "mined")]
    await bench.settler.follow_up()
    assert bench.transactions() == [("deliver", 0, "mined"), ("deliver", 1, "mined")]
    assert bench.settled == legs


async def test_a_node_that_lags_takes_nothing_back(bench: Settling) -> None:
    legs = await bench.steps.filled(1)
    await bench.settler.settle(legs)
    bench.chain.nonces.clear()
    bench.chain.troubles["block"].append(Retryable("the node has no block 1"))
    await bench.settler.follow_up()
    assert len(bench.sender.broadcasts) == 1
    assert bench.transactions() == [("deliver", 0, "mined")]
    assert bench.settled == legs


async def test_a_settlement_that_is_refused_after_a_reorg_is_tried_again(bench: Settling) -> None:
    legs = await bench.steps.filled(1)
    await bench.settler.settle(legs)
    uproot(bench)
    bench.sender.answers.append(Refused("insufficient funds for gas"))
    await bench.settler.follow_up()
    assert bench.transactions() == [("deliver", 0, "recorded")]
    assert bench.leg_states() == ["settled"]
    await bench.settler.follow_up()
    assert bench.transactions() == [("deliver", 0, "mined")]


async def test_a_node_that_does_not_answer_keeps_nobody_from_following(bench: Settling) -> None:
    legs = await bench.steps.filled(1)
    await bench.settler.settle(legs)
    uproot(bench)
    bench.chain.troubles["block"].append(Retryable("busy"))
    await bench.settler.follow_up()
    assert bench.transactions() == [("deliver", 0, "mined")]
    await bench.settler.follow_up()
    assert len(bench.sender.broadcasts) == 2


async def test_a_call_that_settles_nothing_tells_how_it_ended(bench: Settling) -> None:
    bench.sender.reverting.add(2)
    approval = Call(to=wallet(9), data=b"[]", gas=1)
    assert await bench.settler.send(wallet(1), approval, purpose="approval")
    assert not await bench.settler.send(wallet(1), approval, purpose="approval")
    assert bench.transactions() == [("approval", 0, "mined"), ("approval", 1, "reverted")]


async def test_a_refuel_is_one_transaction_of_the_treasury(bench: Settling) -> None:
    amounts: dict[Address, Wei] = {wallet(n): Wei(10**18) for n in range(20)}
    await bench.settler.refuel(bench.signer.treasury, amounts)
    assert bench.clearinghouse.refuels == [amounts]
    ((purpose, payer, value),) = bench.database.committed("SELECT purpose, wallet, value FROM transactions")
    assert (purpose, payer, int(value)) == ("refuel", bench.signer.treasury, 20 * 10**18)
    bench.sender.reverting.add(2)
    with pytest.raises(Refused, match="reverted"):
        await bench.settler.refuel(bench.signer.treasury, amounts)
