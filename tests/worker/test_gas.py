"""Gas: a wallet settles what it can pay for, and waits for the rest instead of failing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from structlog.testing import capture_logs
from structlog.types import EventDict

from remora.domain.errors import Retryable
from remora.domain.ids import TokenId
from remora.domain.money import Wei
from remora.domain.order import SettlementStep
from remora.settle.transactions import GasLow
from remora.settle.worker import SWEEP_EVERY_S
from tests.fakes.chain import FakeSender
from tests.fakes.clearinghouse import FakeClearinghouse
from tests.fakes.clock import SimulatedClock
from tests.fakes.database import Database
from tests.fakes.signer import FakeSigner
from tests.fakes.specimens import intent, leg, signal, wallet
from tests.fakes.waiting import settle_down, until
from tests.worker.settling import Settling

PER_GAS = 100 * 10**9
ONE_LEG, THREE_LEGS = (Wei((150_000 + count * 410_000) * PER_GAS) for count in (1, 3))


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[EventDict]]:
    with capture_logs() as logs:
        yield logs


@pytest.fixture
async def bench(
    sender: FakeSender,
    clearinghouse: FakeClearinghouse,
    signer: FakeSigner,
    database: Database,
    clock: SimulatedClock,
) -> AsyncIterator[Settling]:
    bench = Settling(sender=sender, clearinghouse=clearinghouse, signer=signer, database=database, clock=clock)
    yield bench
    await bench.stop()


def loads(bench: Settling) -> list[int]:
    """Return how many legs each call carried, in order."""
    return [len(legs) for _, legs in bench.clearinghouse.calls]


@pytest.mark.parametrize(
    ("holds", "expected"),
    [
        (ONE_LEG, [1] * 7),
        (THREE_LEGS - Wei(1), [2, 2, 2, 1]),
        (THREE_LEGS, [3, 3, 1]),
        (THREE_LEGS + ONE_LEG, [4, 3]),  # 1.94 million gas: four legs take 1.79, and leave too little for a fifth
    ],
)
async def test_a_transaction_has_as_many_legs_as_its_wallet_can_pay_for(
    bench: Settling, holds: Wei, expected: list[int]
) -> None:
    """The fake does not charge: what one reserved is free again when a block has it."""
    bench.chain.native[wallet(1)] = holds
    await bench.settler.settle(await bench.steps.filled(*range(7)))
    assert loads(bench) == expected
    assert set(bench.leg_states()) == {"settled"}


async def test_what_is_pending_is_not_spent_twice(bench: Settling) -> None:
    bench.chain.native[wallet(1)] = THREE_LEGS
    bench.sender.mining = False
    first = asyncio.ensure_future(bench.settler.settle(await bench.steps.filled(1, 2, 3)))
    await until(lambda: bench.sender.broadcasts)
    second = asyncio.ensure_future(bench.settler.settle(await bench.steps.filled(4)))
    await settle_down()
    assert loads(bench) == [3]
    bench.sender.mining = True
    await asyncio.gather(first, second)
    assert loads(bench) == [3, 1]


async def test_tokens_of_one_wallet_share_what_it_holds(bench: Settling) -> None:
    bench.chain.native[wallet(1)] = ONE_LEG
    here, there = signal(), signal(number=2, token_id=TokenId(9))
    mine, foreign = intent(1, of=here), intent(2, of=there)
    await bench.database.decided(here, [mine])
    await bench.database.decided(there, [foreign])
    legs = [leg(SettlementStep.COLLECT, each) for each in (mine, foreign)]
    await bench.database.orders.start_collecting(legs)
    await bench.settler.settle(legs)
    assert bench.transactions() == [("collect", 0, "mined"), ("collect", 1, "mined")]


async def test_a_wallet_too_low_waits_for_the_refuel(bench: Settling, logs: list[EventDict]) -> None:
    bench.chain.native[wallet(1)] = ONE_LEG - Wei(1)
    legs = await bench.steps.filled(1)
    with pytest.raises(GasLow, match="too little for a deliver"):
        await bench.settler.settle(legs)
    assert bench.transactions() == []
    assert bench.sender.broadcasts == []
    bench.run()
    await until(lambda: [entry["event"] for entry in logs].count("gas_low") > 2)
    assert bench.settler._sweep_s == SWEEP_EVERY_S  # it is looked at again as soon as ever
    assert await bench.database.settlements.pending_legs() == legs
    bench.chain.native[wallet(1)] = ONE_LEG
    await until(lambda: bench.leg_states() == ["settled"])


async def test_a_low_wallet_keeps_no_other_waiting(bench: Settling) -> None:
    bench.chain.native[wallet(1)] = Wei(0)
    of = signal()
    mine, yours = intent(1, of=of), intent(2, of=of)
    await bench.database.decided(of, [mine, yours])
    legs = [leg(SettlementStep.COLLECT, mine, operator=1), leg(SettlementStep.COLLECT, yours, operator=2)]
    await bench.database.orders.start_collecting(legs)
    with pytest.raises(GasLow):
        await bench.settler.settle(legs)
    assert bench.leg_states() == ["pending", "settled"]


async def test_a_hundred_legs_of_one_wallet_leave_without_waiting_for_a_block(bench: Settling) -> None:
    bench.sender.mining = False
    task = asyncio.ensure_future(bench.settler.settle(await bench.steps.filled(*range(100))))
    await until(lambda: len(set(bench.sender.broadcasts)) == 4)
    assert sum(loads(bench)) == 100
    assert bench.transactions() == [("deliver", nonce, "recorded") for nonce in range(4)]
    bench.sender.mining = True
    await task
    assert set(bench.leg_states()) == {"settled"}


async def test_the_gas_of_a_transaction_is_kept_and_told_per_leg(bench: Settling, logs: list[EventDict]) -> None:
    await bench.settler.settle(await bench.steps.filled(1, 2, 3))
    assert bench.database.committed("SELECT gas_used FROM transactions WHERE purpose = 'deliver'") == [21_000]
    assert [entry["gas_per_leg"] for entry in logs if entry["event"] == "settled"] == [7_000]


async def test_one_refuel_is_in_flight_at_a_time_whatever_process_sent_it(bench: Settling) -> None:
    bench.sender.mining = False
    treasury, amounts = bench.signer.treasury, {wallet(1): Wei(1)}
    first = asyncio.ensure_future(bench.settler.refuel(treasury, amounts))
    await until(lambda: bench.sender.broadcasts)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    bench.restart()
    with pytest.raises(Retryable, match="in no block yet"):
        await bench.settler.refuel(treasury, amounts)
    bench.sender.mining = True
    await bench.settler.follow_up()
    await bench.settler.refuel(treasury, amounts)
    assert bench.transactions() == [("refuel", 0, "mined"), ("refuel", 1, "mined")]


async def test_debts_of_other_wallets_do_not_wait_for_a_transaction_that_is_not_mined(bench: Settling) -> None:
    of = signal()
    mine, yours = intent(1, of=of), intent(2, of=of)
    await bench.database.decided(of, [mine, yours])
    legs = [leg(SettlementStep.COLLECT, mine, operator=1), leg(SettlementStep.COLLECT, yours, operator=2)]
    await bench.database.orders.start_collecting(legs)
    bench.sender.held.add(wallet(1))
    await bench.settler.settle_within(legs, 0.2)
    assert bench.leg_states() == ["sent", "settled"]
    bench.sender.held.clear()
    await bench.settler.follow_up()
    assert bench.leg_states() == ["settled", "settled"]
    assert bench.settled == [legs[1], legs[0]]
