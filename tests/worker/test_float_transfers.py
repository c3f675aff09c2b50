"""The settler moves float: recorded before it is broadcast, replaced and handed over again as settlements are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from remora.domain.errors import OutcomeUnknown, Refused, Retryable
from remora.domain.floats import FloatTransfer, TransferKind
from remora.domain.ids import Address
from remora.domain.ledger import COLLATERAL, TREASURY, operator_account
from remora.domain.money import Wei
from remora.settle.transactions import GasLow
from tests.fakes.chain import FakeSender
from tests.fakes.clearinghouse import FakeClearinghouse
from tests.fakes.clock import SimulatedClock
from tests.fakes.database import Database
from tests.fakes.signer import FakeSigner
from tests.fakes.specimens import collateral, wallet
from tests.fakes.waiting import settle_down, until
from tests.worker.settling import RULES, Settling

DRAW = FloatTransfer(wallet=wallet(1), kind=TransferKind.DRAW, amount=collateral("30"))
TOP_UP = FloatTransfer(wallet=wallet(1), kind=TransferKind.TOP_UP, amount=collateral("30"))
DRAWN = {(operator_account(wallet(1)), COLLATERAL): -30_000_000, (TREASURY, COLLATERAL): 30_000_000}
TOPPED_UP = {key: -units for key, units in DRAWN.items()}


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


async def booked(bench: Settling) -> dict[tuple[str, str], int]:
    return dict(await bench.database.settlements.ledger_balances())


async def move(bench: Settling, transfer: FloatTransfer) -> None:
    await bench.settler.transfer(bench.signer.treasury, transfer)


@pytest.mark.parametrize("transfer", [DRAW, TOP_UP], ids=lambda transfer: str(transfer.kind))
async def test_who_has_the_float_signs(bench: Settling, transfer: FloatTransfer) -> None:
    treasury = bench.signer.treasury
    sender, receiver = (wallet(1), treasury) if transfer is DRAW else (treasury, wallet(1))
    await move(bench, transfer)
    assert bench.clearinghouse.transfers == [(receiver, transfer.amount)]
    assert bench.database.committed("SELECT wallet FROM transactions") == [sender]
    assert bench.transactions() == [(transfer.kind, 0, "mined")]
    assert await booked(bench) == (DRAWN if transfer is DRAW else TOPPED_UP)


async def test_it_is_recorded_before_it_is_broadcast(bench: Settling) -> None:
    seen: list[object] = []

    async def look(_signed: object) -> None:
        seen.append((bench.transactions(), await bench.database.floats.in_flight()))

    bench.sender.before = look
    await move(bench, DRAW)
    assert seen == [([("draw", 0, "recorded")], [DRAW])]


async def test_top_ups_leave_in_order_without_waiting_for_blocks(bench: Settling) -> None:
    bench.sender.mining = False
    moves = [
        asyncio.ensure_future(move(bench, FloatTransfer(wallet=each, kind=TransferKind.TOP_UP, amount=DRAW.amount)))
        for each in (wallet(3), wallet(1), wallet(2))
    ]
    await until(lambda: len(bench.sender.came) == len(moves))
    recorded = "SELECT f.wallet FROM float_transfers f JOIN transactions t USING (tx_hash) ORDER BY t.nonce"
    assert bench.database.committed(recorded) == [wallet(3), wallet(1), wallet(2)]
    for signed in list(bench.sender.came.values()):
        bench.sender.mine(signed)
    await asyncio.gather(*moves)


async def test_of_unknown_outcome_it_is_not_sent_under_another_nonce(bench: Settling) -> None:
    bench.sender.answers.append(OutcomeUnknown("the answer is lost"))
    bench.sender.taken_anyway = True
    await move(bench, DRAW)
    assert bench.transactions() == [("draw", 0, "mined")]
    assert await booked(bench) == DRAWN


async def test_one_that_no_block_takes_is_replaced_and_books_once(bench: Settling) -> None:
    bench.sender.held.add(wallet(1))
    moving = asyncio.ensure_future(move(bench, DRAW))
    await until(lambda: "head" in bench.chain.asked)  # it is its wallet's next
    bench.chain.latest += RULES.replace_after_blocks
    await until(lambda: len(bench.sender.came) > 1)
    _, replacement = bench.sender.came.values()
    bench.sender.mine(replacement)
    await moving
    assert sorted(bench.transactions()) == [("draw", 0, "mined"), ("draw", 0, "replaced")]
    assert await booked(bench) == DRAWN


async def test_the_next_process_goes_on_with_it(bench: Settling) -> None:
    bench.sender.mining = False
    moving = asyncio.ensure_future(move(bench, TOP_UP))
    await until(lambda: bench.sender.broadcasts)
    moving.cancel()
    await asyncio.gather(moving, return_exceptions=True)
    bench.restart()
    bench.sender.mining = True
    await bench.settler.follow_up()
    assert bench.transactions() == [("top-up", 0, "mined")]
    assert await booked(bench) == TOPPED_UP


async def test_a_refused_one_leaves_nothing(bench: Settling) -> None:
    bench.sender.answers.append(Refused("nonce too low"))
    with pytest.raises(Refused):
        await move(bench, DRAW)
    assert bench.transactions() == []
    assert await bench.database.floats.in_flight() == []
    await move(bench, DRAW)
    assert await booked(bench) == DRAWN


async def test_a_reverted_one_is_trouble_and_books_nothing(bench: Settling) -> None:
    bench.sender.reverting.add(1)
    with pytest.raises(Refused, match="was reverted"):
        await move(bench, DRAW)
    assert bench.transactions() == [("draw", 0, "reverted")]
    assert await booked(bench) == {}


async def test_a_wallet_without_gas_sends_nothing(bench: Settling) -> None:
    bench.chain.native[wallet(1)] = Wei(1)
    with pytest.raises(GasLow, match="too little for a draw"):
        await move(bench, DRAW)
    assert bench.transactions() == []


async def test_a_refuel_waits_for_top_ups_under_way(bench: Settling) -> None:
    bench.sender.mining = False
    moving = asyncio.ensure_future(move(bench, TOP_UP))
    await until(lambda: bench.sender.broadcasts)
    with pytest.raises(Retryable, match="an earlier transaction of the treasury"):
        await bench.settler.refuel(bench.signer.treasury, {Address(wallet(2)): Wei(1)})
    moving.cancel()
    await asyncio.gather(moving, return_exceptions=True)
    await settle_down()
