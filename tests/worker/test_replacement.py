"""Transactions that blocks do not take: replaced, bounded, and right whichever of them is mined at last."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from structlog.testing import capture_logs
from structlog.types import EventDict

from remora.domain.errors import Refused
from remora.domain.ids import TxHash
from remora.domain.money import Wei
from remora.domain.order import Leg
from remora.domain.transaction import GasPrice, SignedTransaction
from tests.fakes.chain import FakeSender
from tests.fakes.clearinghouse import FakeClearinghouse
from tests.fakes.clock import SimulatedClock
from tests.fakes.database import Database
from tests.fakes.signer import FakeSigner
from tests.fakes.specimens import wallet
from tests.fakes.waiting import settle_down, until
from tests.worker.settling import RULES, Settling

GWEI = 10**9
AFTER = RULES.replace_after_blocks


class Stalling(Settling):
    """A settler whose transactions no block takes until the test says so."""

    async def stall(self, legs: list[Leg]) -> asyncio.Task[None]:
        """Settle legs in the background, up to the first look at what keeps them."""
        self.sender.mining = False
        task = asyncio.ensure_future(self.settler.settle(legs))
        await self.looked()
        return task

    async def looked(self) -> None:
        """Wait until somebody looked what keeps the transactions, and has acted on it."""
        for _ in range(2):
            before = self.chain.asked.count("head")
            await until(lambda before=before: self.chain.asked.count("head") > before)  # type: ignore[misc]  # bound now
        await settle_down()

    async def pass_blocks(self, number: int = AFTER) -> None:
        """Let the chain grow by blocks that take nothing of ours."""
        self.chain.latest += number
        await self.looked()

    def hashes(self) -> list[TxHash]:
        """Return the hashes that came to the node, in the order of their first arrival."""
        return list(self.sender.came)

    def mine(self, tx_hash: TxHash) -> None:
        """Let a block take a transaction."""
        self.sender.mine(self.sender.came[tx_hash])

    def rows(self) -> list[tuple[int, int, int, str]]:
        """Return nonce, attempt, gwei offered and state of every transaction of this settler."""
        query = (
            "SELECT nonce, attempt, max_fee, state FROM transactions WHERE purpose != 'test' ORDER BY nonce, attempt"
        )
        return [
            (nonce, attempt, int(fee) // GWEI, state) for nonce, attempt, fee, state in self.database.committed(query)
        ]


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
) -> AsyncIterator[Stalling]:
    bench = Stalling(sender=sender, clearinghouse=clearinghouse, signer=signer, database=database, clock=clock)
    yield bench
    await bench.stop()


@pytest.mark.parametrize(("mined", "states"), [(0, ["mined", "replaced"]), (1, ["replaced", "mined"])])
async def test_either_may_be_the_one_that_is_mined(bench: Stalling, mined: int, states: list[str]) -> None:
    legs = await bench.steps.filled(1, 2)
    task = await bench.stall(legs)
    await bench.pass_blocks()
    bench.mine(bench.hashes()[mined])
    await task
    assert bench.rows() == [(0, 0, 100, states[0]), (0, 1, 120, states[1])]
    assert bench.leg_states() == ["settled", "settled"]
    assert set(bench.database.committed("SELECT tx_hash FROM legs")) == {bench.hashes()[mined]}
    assert bench.settled == legs
    assert sorted(bench.clearinghouse.settled) == sorted(leg.settlement_id for leg in legs)


async def test_it_is_left_alone_for_so_many_blocks(bench: Stalling) -> None:
    task = await bench.stall(await bench.steps.filled(1))
    await bench.pass_blocks(AFTER - 1)
    assert len(bench.rows()) == 1
    await bench.pass_blocks(1)
    assert len(bench.rows()) == 2
    bench.mine(bench.hashes()[1])
    await task


async def test_a_replacement_is_on_the_disk_before_it_is_broadcast(bench: Stalling) -> None:
    task = await bench.stall(await bench.steps.filled(1))
    seen: list[list[str]] = []

    async def look(signed: SignedTransaction) -> None:
        if signed.tx_hash not in bench.hashes()[:1]:
            seen.append(bench.database.committed("SELECT state FROM transactions WHERE tx_hash = ?", signed.tx_hash))

    bench.sender.before = look
    await bench.pass_blocks()
    assert seen[0] == ["recorded"]
    bench.mine(bench.hashes()[1])
    await task


async def test_what_waits_for_an_earlier_nonce_is_not_replaced(bench: Stalling) -> None:
    first, second = await bench.steps.filled(1), await bench.steps.filled(2)
    tasks = [await bench.stall(first), await bench.stall(second)]
    await bench.pass_blocks()
    await until(lambda: len(bench.rows()) > 2)  # both are looked at, and the looks of one alone may be over first
    assert [row[:2] for row in bench.rows()] == [(0, 0), (0, 1), (1, 0)]
    bench.mine(bench.hashes()[0])
    await tasks[0]
    await bench.pass_blocks(1)  # now it is next, and its blocks begin to count
    assert [row[:2] for row in bench.rows()] == [(0, 0), (0, 1), (1, 0)]
    await bench.pass_blocks()
    assert [row[:2] for row in bench.rows()] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    bench.mine(bench.hashes()[-1])
    await tasks[1]
    assert bench.leg_states() == ["settled", "settled"]


async def test_a_replacement_pays_at_least_the_market(bench: Stalling) -> None:
    task = await bench.stall(await bench.steps.filled(1))
    bench.chain.fees = GasPrice(max_fee=Wei(170 * GWEI), priority_fee=Wei(30 * GWEI))
    await bench.pass_blocks()
    assert [gwei for _, _, gwei, _ in bench.rows()] == [100, 170]
    bench.mine(bench.hashes()[1])
    await task


async def test_at_the_bound_it_is_stuck_and_shown_and_never_dropped(bench: Stalling, logs: list[EventDict]) -> None:
    bench.run()
    bench.settler.settle_later(await bench.steps.filled(1))
    bench.sender.mining = False
    await bench.looked()
    for _ in range(6):
        await bench.pass_blocks()
    # The bound is 200: 100, 120, 144, 172.8, and 200 is a tenth more than that.
    assert [gwei for _, _, gwei, _ in bench.rows()] == [100, 120, 144, 172, 200]
    await until(lambda: [entry["event"] for entry in logs].count("settling"))
    assert [entry["event"] for entry in logs].count("transaction_stuck") == 1
    came = len(bench.sender.broadcasts)
    await until(lambda: len(bench.sender.broadcasts) > came)  # handed over still
    assert bench.sender.broadcasts[-1] == bench.hashes()[-1]
    bench.mine(bench.hashes()[2])
    await until(lambda: bench.leg_states() == ["settled"])
    await until(lambda: [entry["state"] for entry in logs if entry["event"] == "settling"] == ["stuck", "well"])
    assert [state for *_, state in bench.rows()] == ["replaced", "replaced", "mined", "replaced", "replaced"]


async def test_a_wallet_that_cannot_pay_more_is_stuck_until_it_can(bench: Stalling) -> None:
    bench.chain.native[wallet(1)] = Wei(560_000 * 119 * GWEI)  # one leg at 119, and the replacement asks for 120
    task = await bench.stall(await bench.steps.filled(1))
    assert bench.settler.needed() == {}
    await bench.pass_blocks()
    assert len(bench.rows()) == 1
    assert bench.settler.needed() == {wallet(1): Wei(560_000 * 120 * GWEI)}, "so that it is refuelled"
    bench.chain.native[wallet(1)] = Wei(560_000 * 120 * GWEI)
    await bench.pass_blocks()
    assert len(bench.rows()) == 2
    assert bench.settler.needed() == {}
    bench.mine(bench.hashes()[1])
    await task


async def test_what_a_wallet_lacks_is_known_when_nobody_waits_for_its_transaction_any_longer(bench: Stalling) -> None:
    """The start waits for what an earlier process sent for a while only, and refuels then."""
    bench.chain.native[wallet(1)] = Wei(560_000 * 119 * GWEI)
    task = await bench.stall(await bench.steps.filled(1))
    await bench.pass_blocks()
    task.cancel()
    await asyncio.wait({task})
    assert bench.settler.needed() == {wallet(1): Wei(560_000 * 120 * GWEI)}
    bench.chain.native[wallet(1)] = Wei(560_000 * 120 * GWEI)
    following = asyncio.ensure_future(bench.settler.follow_up())
    await bench.looked()
    assert bench.settler.needed() == {}
    await bench.pass_blocks()
    bench.mine(bench.hashes()[1])
    await following
    assert bench.leg_states() == ["settled"]
    assert bench.settler.needed() == {}


async def test_while_a_node_refuses_the_replacement_the_one_before_it_is_handed_over(bench: Stalling) -> None:
    task = await bench.stall(await bench.steps.filled(1))
    (original,) = bench.hashes()
    bench.sender.answers.append(Refused("replacement transaction underpriced"))
    await bench.pass_blocks()
    replacement = bench.hashes()[1]
    assert bench.sender.broadcasts[bench.sender.broadcasts.index(replacement) + 1] == original
    assert [state for *_, state in bench.rows()] == ["recorded", "recorded"]
    bench.mine(original)
    await task
    assert bench.leg_states() == ["settled"]


async def test_refused_altogether_several_are_kept(bench: Stalling) -> None:
    """One of them may be in the pool of another node."""
    task = await bench.stall(await bench.steps.filled(1))
    await bench.pass_blocks()
    bench.sender.refused |= set(bench.hashes())
    await bench.looked()
    assert [state for *_, state in bench.rows()] == ["recorded", "recorded"]
    bench.mine(bench.hashes()[0])
    await task
    assert bench.leg_states() == ["settled"]


@pytest.mark.parametrize("mined", [0, 1])
async def test_a_crash_between_recording_a_replacement_and_its_broadcast(bench: Stalling, mined: int) -> None:
    task = await bench.stall(await bench.steps.filled(1))
    (original,) = bench.hashes()
    cut = asyncio.Event()

    async def hang(signed: SignedTransaction) -> None:
        if signed.tx_hash != original:
            cut.set()
            await asyncio.Event().wait()

    bench.sender.before = hang
    bench.chain.latest += AFTER
    await until(cut.is_set)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert [state for *_, state in bench.rows()] == ["recorded", "recorded"]
    bench.restart()
    bench.sender.before = None
    if mined == 0:
        bench.mine(original)
    else:
        bench.sender.mining = True
    await bench.settler.follow_up()
    assert [state for *_, state in bench.rows()] == (["mined", "replaced"] if mined == 0 else ["replaced", "mined"])
    assert bench.leg_states() == ["settled"]
    assert len(bench.settled) == 1


@pytest.mark.parametrize("second", [0, 1])
async def test_after_a_reorg_either_may_be_mined(bench: Stalling, second: int) -> None:
    task = await bench.stall(await bench.steps.filled(1))
    await bench.pass_blocks()
    bench.mine(bench.hashes()[1])
    await task
    books = await bench.database.settlements.ledger_balances()
    bench.chain.mined.clear()
    bench.chain.nonces.clear()
    bench.chain.reorganise()
    bench.clearinghouse.settled.clear()
    following = asyncio.ensure_future(bench.settler.follow_up())
    await bench.looked()
    assert [state for *_, state in bench.rows()] == ["recorded", "recorded"]
    bench.mine(bench.hashes()[second])
    await following
    assert [state for *_, state in bench.rows()] == (["mined", "replaced"] if second == 0 else ["replaced", "mined"])
    assert set(bench.database.committed("SELECT tx_hash FROM legs")) == {bench.hashes()[second]}
    assert bench.leg_states() == ["settled"]
    assert await bench.database.settlements.ledger_balances() == books


async def test_a_receipt_that_never_comes_holds_up_nothing_for_good(bench: Stalling) -> None:
    """By the node's count the nonce is used: the legs go into another transaction, where they are no-ops."""
    legs = await bench.steps.filled(1)
    task = await bench.stall(legs)
    bench.mine(bench.hashes()[0])
    bench.chain.mined.clear()  # the node has lost its receipt
    with pytest.raises(Refused, match="used by another transaction"):
        await task
    assert await bench.database.settlements.pending_legs() == legs
    bench.sender.mining = True
    await bench.settler.settle(legs)
    assert bench.clearinghouse.settled == [legs[0].settlement_id]
    assert bench.leg_states() == ["settled"]
    assert [row[0] for row in bench.rows()] == [1]
