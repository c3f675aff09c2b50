"""Fills before their block: told once, believed only from operators, taken back when nothing comes of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from eth_abi.abi import encode

from remora.detect.calldata import Exchanges
from remora.detect.decode import exact_fills, sum_by_order
from remora.detect.mempool import PendingFills, Wanted
from remora.detect.pending import DOUBT_BLOCKS, PATIENCE_BLOCKS, PendingFill, Vanished
from remora.domain.chain import PendingTransaction, Receipt
from remora.domain.contracts import Generation
from remora.domain.errors import OperatorError, Retryable
from remora.domain.ids import Address, TxHash, address
from remora.domain.signal import Fill
from tests.fakes.chain import FakeChain, head
from tests.fakes.clock import START_US, SimulatedClock
from tests.fakes.mempool import FakeMempool
from tests.fakes.receipts import DEPLOYMENT, KNOWN, TRADES, receipt_of
from tests.fakes.waiting import settle_down, until

CASE = TRADES["x05_mixed_buy_4_makers_partial_fees"]
OTHER = TRADES["m01_mint_exact"]
EXCHANGES = Exchanges.of(
    137, [(address(DEPLOYMENT[key]), Generation.V2) for key in ("standard_exchange", "neg_risk_exchange")]
)
OPERATOR, STRANGER = Address("0x" + 40 * "a"), Address("0x" + 40 * "b")
NONCE = 7
START = 100
AGAIN = TxHash("0x" + 64 * "e")


def fills_of(case: dict[str, Any]) -> list[Fill]:
    """What each order of a case trades, by the receipt."""
    return sum_by_order(exact_fills(receipt_of(case).logs, KNOWN.exchanges, complete=True))


def pending(case: dict[str, Any], **changed: Any) -> PendingTransaction:
    transaction = PendingTransaction(
        tx_hash=receipt_of(case).tx_hash,
        sender=OPERATOR,
        nonce=NONCE,
        to=address(case["to"]),
        calldata=bytes.fromhex(case["calldata"][2:]),
    )
    return replace(transaction, **changed)


TAKER = fills_of(CASE)[-1]
SECOND = fills_of(OTHER)[-1]
MAKER = fills_of(OTHER)[0]
RECEIPT = receipt_of(CASE, block_number=START + 1)


@dataclass(slots=True)
class Listening:
    """Two nodes and what was told of their mempools."""

    chain: FakeChain = field(default_factory=FakeChain)
    clock: SimulatedClock = field(default_factory=SimulatedClock)
    nodes: tuple[FakeMempool, FakeMempool] = field(
        default_factory=lambda: (FakeMempool({OPERATOR}), FakeMempool({OPERATOR}))
    )
    told: list[PendingFill] = field(default_factory=list)
    vanished: list[tuple[PendingFill, Vanished]] = field(default_factory=list)
    durable: asyncio.Event = field(default_factory=asyncio.Event)
    trouble: list[Exception] = field(default_factory=list)
    fleet: frozenset[Address] = frozenset()
    leaders: frozenset[Address] = frozenset({TAKER.wallet})
    block: int = START
    source: PendingFills | None = None
    running: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.durable.set()
        self.chain.latest = START
        self.source = PendingFills(
            mempools=self.nodes,
            chain=self.chain,
            clock=self.clock,
            wanted=Wanted(exchanges=EXCHANGES, leaders=self.leaders, fleet=self.fleet),
            on_pending=self._on_pending,
            on_vanished=self._on_vanished,
        )
        self.running = asyncio.ensure_future(self.source.run())

    async def stop(self) -> None:
        if self.running is not None:
            self.running.cancel()
            with suppress(asyncio.CancelledError):
                await self.running

    async def hear(self, *transactions: PendingTransaction) -> None:
        self.nodes[0].announce(*transactions)
        await until(lambda: self.nodes[0].is_read)
        await settle_down()

    async def blocks(self, count: int) -> None:
        """Let blocks pass, and everything be done that each leads to."""
        for _ in range(count):
            self.block += 1
            self.nodes[0].announce(head(self.block))
            await settle_down()

    def found(self, fill: Fill) -> PendingFill | None:
        assert self.source is not None
        return self.source.pending_of(fill)

    def mine(self, receipt: Receipt = RECEIPT) -> None:
        self.chain.mined[receipt.tx_hash] = receipt
        self.chain.nonces[OPERATOR] = NONCE + 1

    async def _on_pending(self, fill: PendingFill) -> None:
        await self.durable.wait()
        self.told.append(fill)
        if self.trouble:
            raise self.trouble.pop(0)

    async def _on_vanished(self, fill: PendingFill, why: Vanished) -> None:
        self.vanished.append((fill, why))


@pytest.fixture
async def listening() -> AsyncIterator[Listening]:
    listening = Listening()
    yield listening
    await listening.stop()


@pytest.fixture
async def at_work(listening: Listening) -> Listening:
    listening.start()
    await until(lambda: all(node.streams for node in listening.nodes))
    return listening


def nowhere(fill: Fill) -> Fill:
    return fill._replace(block_number=None, log_index=None)


async def test_a_leaders_fill_is_told_with_what_the_receipt_will_say(at_work: Listening) -> None:
    await at_work.hear(pending(CASE), pending(OTHER))
    assert [each.fill for each in at_work.told] == [nowhere(TAKER), nowhere(SECOND)]
    assert {(each.heard_us, each.heard_block) for each in at_work.told} == {(START_US, START)}


async def test_a_mined_fill_is_known_as_the_pending_one_and_told_no_more(at_work: Listening) -> None:
    await at_work.hear(pending(CASE))
    (told,) = at_work.told
    assert at_work.found(TAKER) == told
    at_work.mine()
    await at_work.blocks(PATIENCE_BLOCKS + 1)
    assert at_work.found(TAKER) == told
    assert at_work.found(TAKER._replace(tx_hash=AGAIN)) is None
    assert at_work.found(SECOND) is None
    assert (len(at_work.told), at_work.vanished) == (1, [])


async def test_a_rebroadcast_is_the_same_fill(at_work: Listening) -> None:
    await at_work.hear(pending(CASE), pending(CASE, tx_hash=AGAIN))
    (told,) = at_work.told
    mined = TAKER._replace(tx_hash=AGAIN)
    assert at_work.found(mined) == told
    at_work.mine(replace(RECEIPT, tx_hash=AGAIN))
    await at_work.blocks(PATIENCE_BLOCKS + 1)
    assert at_work.found(mined) == told
    assert (len(at_work.told), at_work.vanished) == (1, [])


async def test_an_order_that_fills_again_after_a_block_is_told_again(at_work: Listening) -> None:
    await at_work.hear(pending(CASE))
    at_work.mine()
    await at_work.blocks(1)
    await at_work.hear(pending(CASE, tx_hash=AGAIN, nonce=NONCE + 1))
    assert [each.fill.tx_hash for each in at_work.told] == [RECEIPT.tx_hash, AGAIN]
    assert at_work.found(TAKER) == at_work.told[0]


@pytest.mark.parametrize("receipt", [replace(RECEIPT, succeeded=False, logs=()), replace(RECEIPT, logs=())])
async def test_a_match_that_failed_vanishes(at_work: Listening, receipt: Receipt) -> None:
    """A multicall may succeed though the match in it failed: only the fill's own log is a proof."""
    await at_work.hear(pending(CASE))
    at_work.mine(receipt)
    await at_work.blocks(2)
    assert at_work.vanished == [(at_work.told[0], Vanished.REVERTED)]
    assert at_work.found(TAKER) is None


async def test_a_fill_vanishes_with_the_last_of_its_transactions_only(at_work: Listening) -> None:
    await at_work.hear(pending(CASE), pending(CASE, tx_hash=AGAIN, nonce=NONCE + 1))
    at_work.mine(replace(RECEIPT, succeeded=False, logs=()))
    await at_work.blocks(2)
    assert at_work.vanished == []
    at_work.mine(replace(RECEIPT, tx_hash=AGAIN, succeeded=False, logs=()))
    await at_work.blocks(2)
    assert at_work.vanished == [(at_work.told[0], Vanished.REVERTED)]


async def test_a_used_nonce_without_a_receipt_is_a_replacement_after_some_doubt(at_work: Listening) -> None:
    await at_work.hear(pending(CASE))
    at_work.chain.nonces[OPERATOR] = NONCE + 1
    await at_work.blocks(DOUBT_BLOCKS)
    assert at_work.vanished == []
    await at_work.blocks(1)
    assert at_work.vanished == [(at_work.told[0], Vanished.REPLACED)]


async def test_a_late_receipt_is_no_replacement(at_work: Listening) -> None:
    await at_work.hear(pending(CASE))
    at_work.chain.nonces[OPERATOR] = NONCE + 1
    await at_work.blocks(DOUBT_BLOCKS)
    at_work.mine()
    await at_work.blocks(DOUBT_BLOCKS)
    assert at_work.vanished == []


async def test_what_no_block_takes_is_overdue(at_work: Listening) -> None:
    await at_work.hear(pending(CASE))
    await at_work.blocks(PATIENCE_BLOCKS - 1)
    assert at_work.vanished == []
    await at_work.blocks(1)
    assert at_work.vanished == [(at_work.told[0], Vanished.OVERDUE)]


async def test_trouble_of_the_node_decides_nothing(at_work: Listening) -> None:
    await at_work.hear(pending(CASE))
    at_work.chain.troubles["receipt"].extend([Retryable("busy")] * 2)
    at_work.chain.troubles["account_nonce"].append(Retryable("busy"))
    await at_work.blocks(3)
    assert at_work.vanished == []
    at_work.mine()
    await at_work.blocks(1)
    assert at_work.found(TAKER) == at_work.told[0]


async def test_a_strangers_match_is_not_believed(at_work: Listening) -> None:
    await at_work.hear(pending(CASE, sender=STRANGER), pending(CASE, sender=STRANGER, tx_hash=AGAIN))
    assert at_work.told == []
    assert at_work.nodes[0].asked == [STRANGER]


def wrapped(case: dict[str, Any]) -> bytes:
    call = (address(case["to"]), bytes.fromhex(case["calldata"][2:]))
    return bytes.fromhex("252dba42") + encode(["(address,bytes)[]"], [[call]])


@pytest.mark.parametrize(("wrapper", "count"), [(OPERATOR, 1), (STRANGER, 0)])
async def test_a_wrapped_match_is_believed_if_the_wrapper_may_match(
    at_work: Listening, wrapper: Address, count: int
) -> None:
    sender = STRANGER if wrapper == OPERATOR else OPERATOR
    await at_work.hear(pending(CASE, to=wrapper, sender=sender, calldata=wrapped(CASE)))
    assert len(at_work.told) == count
    assert at_work.nodes[0].asked == [wrapper]


async def test_who_may_match_is_asked_once_and_not_for_others_trades(listening: Listening) -> None:
    listening.start()
    third = {"tx_hash": AGAIN, "nonce": NONCE + 1}
    await listening.hear(pending(TRADES["n03_negrisk_mint_refund_fees"]), pending(CASE), pending(CASE, **third))
    asked = listening.nodes[0].asked
    assert set(asked) == {OPERATOR}
    # Once for each exchange on which the leader trades.
    assert len(asked) == len({each.fill.exchange for each in listening.told})


async def test_trouble_with_that_question_leaves_the_fill_to_the_block(at_work: Listening) -> None:
    at_work.nodes[0].troubles.append(Retryable("busy"))
    await at_work.hear(pending(CASE))
    assert at_work.told == []
    await at_work.hear(pending(CASE, tx_hash=AGAIN))
    assert len(at_work.told) == 1


async def test_our_own_hits_on_a_leaders_resting_order_are_no_signals(listening: Listening) -> None:
    listening.leaders, listening.fleet = frozenset({MAKER.wallet, MAKER.counterparty}), frozenset({MAKER.counterparty})
    listening.start()
    await listening.hear(pending(OTHER))
    # Hit by ours, the maker's is none; the taker's is, whoever else's wallet it is.
    assert [each.fill for each in listening.told] == [nowhere(SECOND)]


@pytest.mark.parametrize(
    "changed", [{"to": None}, {"to": STRANGER}, {"calldata": b""}, {"calldata": b"\x3c\x2b\x43\x99" + bytes(500)}]
)
async def test_other_transactions_are_passed_over(at_work: Listening, changed: dict[str, Any]) -> None:
    await at_work.hear(pending(CASE, **changed))
    assert (at_work.told, at_work.nodes[0].asked) == ([], [])


async def test_what_two_nodes_tell_is_told_once(at_work: Listening) -> None:
    for node in at_work.nodes:
        node.announce(pending(CASE))
    await until(lambda: at_work.told)
    await settle_down()
    assert len(at_work.told) == 1


async def test_a_lost_node_is_listened_to_anew(at_work: Listening) -> None:
    node = at_work.nodes[0]
    node.announce(Retryable("the connection was lost"))
    await until(lambda: node.streams == 2)
    await at_work.hear(pending(CASE))
    assert len(at_work.told) == 1


async def test_a_node_without_a_mempool_ends_it_with_a_word_to_the_operator(at_work: Listening) -> None:
    at_work.nodes[0].announce(OperatorError("the node tells no pending transactions"))
    running, at_work.running = at_work.running, None
    assert running is not None
    with pytest.raises(ExceptionGroup) as raised:
        await running
    assert raised.group_contains(OperatorError, match="tells no pending transactions")


async def test_trouble_with_one_fill_concerns_no_other(at_work: Listening) -> None:
    at_work.trouble.append(Retryable("the database is busy"))
    await at_work.hear(pending(CASE), pending(OTHER))
    assert len(at_work.told) == 2


async def test_vanishing_is_told_after_the_fill_itself(at_work: Listening) -> None:
    at_work.durable.clear()
    await at_work.hear(pending(CASE))
    at_work.mine(replace(RECEIPT, succeeded=False, logs=()))
    await at_work.blocks(2)
    assert (at_work.told, at_work.vanished) == ([], [])
    at_work.durable.set()
    await until(lambda: at_work.vanished)
    assert at_work.vanished == [(at_work.told[0], Vanished.REVERTED)]
