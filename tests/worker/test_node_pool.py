"""Several nodes as one: each thing once, the lagging one not asked, the silent one replaced, nothing lost unnoticed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from remora.adapters.chain.chorus import LONGEST_BACKLOG
from remora.adapters.chain.endpoint import Endpoint
from remora.adapters.chain.pool import NodePool
from remora.adapters.chain.sender import PoolSender
from remora.domain.chain import Gap, Head, Log, LogFilter, LogPlace, Receipt
from remora.domain.errors import OperatorError, OutcomeUnknown, Refused, RemoraError, Retryable
from remora.domain.ids import Address, TokenId, TxHash
from remora.domain.transaction import SignedTransaction
from tests.fakes.chain import FakeChain, head, place_of
from tests.fakes.clock import SteppedClock

EXCHANGE = Address("0x" + "ee" * 20)
WALLET = Address("0x" + "aa" * 20)
TOPIC = "0x" + "d5" * 32
EVERYTHING = [LogFilter(addresses=(EXCHANGE,), topics=((TOPIC,),))]
GAP = Gap(reason="subscribed")
SIGNED = SignedTransaction(tx_hash=TxHash("0x" + "aa" * 32), raw=b"raw")


@dataclass(slots=True)
class ScriptedSender:
    """A TxSender that gives one answer."""

    answer: RemoraError | None = None
    got: list[SignedTransaction] = field(default_factory=list)

    async def broadcast(self, signed: SignedTransaction) -> None:
        self.got.append(signed)
        if self.answer:
            raise self.answer


@dataclass(slots=True)
class Nodes:
    """Two nodes, the pool over them, and what it told so far."""

    clock: SteppedClock = field(default_factory=SteppedClock)
    chains: tuple[FakeChain, FakeChain] = field(default_factory=lambda: (FakeChain(), FakeChain()))
    senders: tuple[ScriptedSender, ScriptedSender] = field(default_factory=lambda: (ScriptedSender(), ScriptedSender()))
    drops: list[str] = field(default_factory=list)
    told: list[LogPlace | Head | Gap] = field(default_factory=list)

    def endpoints(self) -> list[Endpoint]:
        return [
            Endpoint(name=name, reader=chain, sender=sender, drop=self._drop(name))
            for name, chain, sender in zip(("one", "two"), self.chains, self.senders, strict=True)
        ]

    def _drop(self, name: str) -> Callable[[], asyncio.Future[None]]:
        def drop() -> asyncio.Future[None]:
            self.drops.append(name)
            done = asyncio.get_running_loop().create_future()
            done.set_result(None)
            return done

        return drop

    async def tell(self, node: int, *items: Log | Head | RemoraError) -> None:
        self.chains[node].announce(*items)
        await self.clock.advance(0.25)

    async def heads(self, first: int, last: int, *nodes: int) -> None:
        """Let nodes announce blocks, one a second."""
        for number in range(first, last + 1):
            for node in nodes:
                self.chains[node].announce(head(number))
            await self.clock.advance(1)

    def logs(self) -> list[LogPlace]:
        return [item for item in self.told if isinstance(item, LogPlace)]

    def numbers(self) -> list[int]:
        return [item.number for item in self.told if isinstance(item, Head)]

    def gaps(self) -> int:
        return sum(isinstance(item, Gap) for item in self.told)


@asynccontextmanager
async def listening(nodes: Nodes) -> AsyncIterator[NodePool]:
    """Run a pool and collect what its stream tells."""

    async def listen() -> None:
        async with aclosing(pool.stream(EVERYTHING)) as stream:
            async for item in stream:
                nodes.told.append(item)

    async with NodePool(nodes.endpoints(), clock=nodes.clock) as pool:
        task = asyncio.create_task(listen())
        await nodes.clock.advance(0.25)
        try:
            yield pool
        finally:
            task.cancel()


def log_in(block: int, index: int = 0, *, removed: bool = False) -> Log:
    """Return a log of a block."""
    return Log(
        address=EXCHANGE,
        topics=(TOPIC,),
        data=b"",
        block_number=block,
        block_hash=f"0x{block:064x}",
        tx_hash=TxHash(f"0x{block:032x}{index:032x}"),
        log_index=index,
        removed=removed,
    )


def places(*logs: Log) -> list[LogPlace]:
    return [place_of(log) for log in logs]


async def test_what_both_nodes_tell_is_told_once_by_whoever_is_first() -> None:
    nodes = Nodes()
    async with listening(nodes):
        assert nodes.gaps() == 2  # one for each node's subscriptions
        await nodes.tell(1, head(1), log_in(1))
        await nodes.tell(0, log_in(1), head(1), head(2))
        await nodes.tell(1, head(2), log_in(2), log_in(2, 1))
        await nodes.tell(0, log_in(2), log_in(2, 1))
    assert nodes.numbers() == [1, 2]
    assert nodes.logs() == places(log_in(1), log_in(2), log_in(2, 1))


async def test_a_removed_log_is_news_and_so_is_its_return() -> None:
    nodes = Nodes()
    story = [log_in(1), log_in(1, removed=True), log_in(1)]
    async with listening(nodes):
        for item in story:
            await nodes.tell(0, item)
            await nodes.tell(1, item)
    assert nodes.logs() == places(*story)


async def test_a_fork_is_told_by_the_leading_node_only() -> None:
    nodes = Nodes()
    fork = replace(head(3), hash="0x" + "f3" * 32)
    beyond = replace(head(4), hash="0x" + "f4" * 32, parent_hash=fork.hash)
    async with listening(nodes):
        await nodes.heads(1, 3, 0, 1)
        await nodes.tell(1, fork)
        assert nodes.told[-1] == head(3)  # both are at 3, and the first is preferred
        await nodes.tell(1, beyond)
        assert nodes.told[-1] == beyond  # now the second is ahead, and its fork with it


async def test_a_silent_node_is_replaced_and_the_gap_told_while_the_other_goes_on() -> None:
    nodes = Nodes()
    async with listening(nodes) as pool:
        await nodes.heads(1, 5, 0, 1)
        before = nodes.gaps()
        await nodes.heads(6, 10, 1)  # blocks come each second: three of them are patience
        assert "one" in nodes.drops
        assert "two" not in nodes.drops
        assert nodes.gaps() > before
        lagging, leading = pool.health()
        assert (lagging.height, lagging.lag_blocks, lagging.leading) == (5, 5, False)
        assert lagging.lag_s == 5
        assert (leading.height, leading.leading, leading.replaced) == (10, True, 0)
    assert nodes.numbers() == list(range(1, 11))


async def test_a_node_that_swallows_logs_is_replaced() -> None:
    nodes = Nodes()
    async with listening(nodes):
        await nodes.heads(1, 3, 0, 1)
        await nodes.tell(1, head(4), log_in(4))
        await nodes.tell(0, head(4))
        await nodes.heads(5, 8, 0, 1)
    assert set(nodes.drops) == {"one"}
    assert nodes.logs() == places(log_in(4))


async def test_nobody_is_called_deaf_for_logs_from_before_its_subscription() -> None:
    nodes = Nodes()
    async with listening(nodes):
        await nodes.heads(1, 3, 0, 1)
        nodes.chains[0].announce(Retryable("cut"))
        await nodes.tell(1, head(4), log_in(4))
        await nodes.heads(5, 9, 0, 1)
    assert nodes.drops == []


async def test_a_lost_node_is_opened_again_and_meanwhile_the_other_answers() -> None:
    nodes = Nodes()
    async with listening(nodes) as pool:
        await nodes.heads(1, 2, 0, 1)
        nodes.chains[0].troubles["head"].append(Retryable("cut"))
        await nodes.tell(0, Retryable("cut"))
        assert (await pool.head()).number == 2
        await nodes.clock.advance(1)
        assert nodes.chains[0].streams == 2
        assert nodes.gaps() == 3


async def test_logs_are_asked_of_a_node_that_has_the_blocks() -> None:
    nodes = Nodes()
    behind, ahead = nodes.chains
    ahead.blocks.append(log_in(9))
    behind.latest, ahead.latest = 5, 9
    async with NodePool(nodes.endpoints(), clock=nodes.clock) as pool:
        assert await pool.logs(EVERYTHING, 1, 9) == places(log_in(9))
        assert "logs" not in behind.asked
        with pytest.raises(Retryable, match="at block 9, before 10"):
            await pool.logs(EVERYTHING, 1, 10)


async def test_a_receipt_is_looked_for_at_every_node() -> None:
    nodes = Nodes()
    async with NodePool(nodes.endpoints(), clock=nodes.clock) as pool:
        nodes.chains[0].troubles["receipt"].append(Retryable("cut"))
        assert await pool.receipt(SIGNED.tx_hash) is None
        for chain in nodes.chains:
            chain.troubles["receipt"].append(Retryable("cut"))
        with pytest.raises(Retryable):
            await pool.receipt(SIGNED.tx_hash)


STATE: dict[str, Callable[[NodePool], Awaitable[object]]] = {
    "collateral_of": lambda pool: pool.collateral_of([WALLET]),
    "collateral_allowances": lambda pool: pool.collateral_allowances([WALLET], EXCHANGE),
    "shares_approved": lambda pool: pool.shares_approved([WALLET], EXCHANGE, EXCHANGE),
    "shares_of": lambda pool: pool.shares_of([(WALLET, TokenId(1))]),
    "means_of": lambda pool: pool.means_of([WALLET], EXCHANGE),
    "collateral_paused": lambda pool: pool.collateral_paused(),
    "is_operator": lambda pool: pool.is_operator(WALLET, EXCHANGE),
    "native_of": lambda pool: pool.native_of([WALLET]),
    "account_nonce": lambda pool: pool.account_nonce(WALLET),
}


@pytest.mark.parametrize("question", STATE)
async def test_what_a_receipt_told_is_in_every_state_that_is_read_after_it(question: str) -> None:
    """The first is preferred, and has not seen the block in which the second says that somebody paid."""
    nodes = Nodes()
    behind, ahead = nodes.chains
    ahead.mined[SIGNED.tx_hash] = Receipt(
        tx_hash=SIGNED.tx_hash, block_number=3, succeeded=True, gas_used=21_000, logs=(), block_hash=head(3).hash
    )
    behind.latest, ahead.latest = 2, 3
    async with listening(nodes) as pool:
        await nodes.heads(1, 2, 0, 1)
        assert await pool.receipt(SIGNED.tx_hash) is not None
        await STATE[question](pool)
        assert (question in behind.asked, question in ahead.asked) == (False, True)
        behind.latest = 3
        await STATE[question](pool)
        assert question in behind.asked, "it has the block, if nobody has heard so"


async def test_what_a_blocks_receipts_told_is_in_every_state_that_is_read_after_it() -> None:
    nodes = Nodes()
    behind, ahead = nodes.chains
    ahead.mined[SIGNED.tx_hash] = Receipt(
        tx_hash=SIGNED.tx_hash,
        block_number=3,
        succeeded=True,
        gas_used=21_000,
        logs=(log_in(3),),
        block_hash=head(3).hash,
    )
    behind.latest, ahead.latest = 2, 2
    async with listening(nodes) as pool:
        await nodes.heads(1, 2, 0, 1)
        assert await pool.receipts(head(3).hash, EVERYTHING)
        with pytest.raises(Retryable, match="at block 2, before 3"):
            await pool.collateral_of([WALLET])
        await nodes.heads(3, 3, 1)
        await pool.collateral_of([WALLET])
        assert ("collateral_of" in behind.asked, "collateral_of" in ahead.asked) == (False, True)


async def test_a_backlog_that_nobody_reads_becomes_a_gap() -> None:
    nodes = Nodes()
    async with NodePool(nodes.endpoints(), clock=nodes.clock) as pool, aclosing(pool.stream(EVERYTHING)) as stream:
        assert await anext(stream) == GAP
        nodes.chains[0].announce(*(log_in(1, index) for index in range(LONGEST_BACKLOG + 10)))
        await nodes.clock.advance(0.25)
        assert "waiting to be read" in str(await anext(stream))
        assert await anext(stream) == place_of(log_in(1, LONGEST_BACKLOG))


async def test_no_node_is_refused() -> None:
    with pytest.raises(OperatorError, match="at least one node"):
        NodePool([], clock=SteppedClock())


@pytest.mark.parametrize(
    ("first", "second", "asked", "expected"),
    [
        (None, Refused("no"), (1, 0), None),
        (Retryable("cut"), None, (1, 1), None),
        (OutcomeUnknown("lost"), None, (1, 1), None),
        (Refused("nonce too low"), None, (1, 0), Refused),
        # The first may have taken it, and the second then says that the nonce is used up.
        (OutcomeUnknown("lost"), Refused("nonce too low"), (1, 1), OutcomeUnknown),
        (OutcomeUnknown("lost"), Retryable("cut"), (1, 1), OutcomeUnknown),
        (Retryable("cut"), Retryable("cut"), (1, 1), Retryable),
    ],
)
async def test_a_transaction_goes_to_the_next_node_only_if_that_can_do_no_harm(
    first: RemoraError | None,
    second: RemoraError | None,
    asked: tuple[int, int],
    expected: type[RemoraError] | None,
) -> None:
    nodes = Nodes(senders=(ScriptedSender(first), ScriptedSender(second)))
    sender = PoolSender(nodes.endpoints())
    if expected is None:
        await sender.broadcast(SIGNED)
    else:
        with pytest.raises(expected):
            await sender.broadcast(SIGNED)
    assert tuple(len(each.got) for each in nodes.senders) == asked
