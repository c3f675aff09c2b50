"""A chain in memory that forks: blocks are kept by hash, and which of them are the chain changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count

from remora.domain.chain import Head, Log, LogFilter, LogPlace, Receipt
from remora.domain.contracts import ORDER_FILLED
from remora.domain.errors import Retryable
from remora.domain.ids import Address, TxHash
from tests.fakes.chain import FakeChain, matches, place_of
from tests.fakes.specimens import EXCHANGE

STRANGER = Address("0x" + 40 * "5")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block with its transactions."""

    head: Head
    receipts: tuple[Receipt, ...]

    @property
    def logs(self) -> list[Log]:
        """All logs in order."""
        return [log for receipt in self.receipts for log in receipt.logs]


class ForkingChain(FakeChain):
    """A chain from block 10 on, of which the last blocks can be replaced.

    Orphaned blocks are not served any more, but for those that the test puts into `lagging`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.numbers = count(1)
        self.chain: list[Block] = []
        self.lagging: list[Block] = []
        self.mine([])

    def mine(self, trades: Sequence[Receipt]) -> Block:
        """Append a block that holds these transactions."""
        parent = self.chain[-1].head if self.chain else Head(number=9, hash=_word(9), parent_hash="", timestamp_s=18)
        head = Head(
            number=parent.number + 1,
            hash=_word(10**6 + next(self.numbers)),
            parent_hash=parent.hash,
            timestamp_s=parent.timestamp_s + 2,
        )
        indexes = count()
        receipts = tuple(_placed(trade, head, index, indexes) for index, trade in enumerate(trades))
        block = Block(head=head, receipts=receipts)
        self.chain.append(block)
        return block

    def orphan(self, depth: int) -> list[Block]:
        """Take the last blocks out of the chain, but for the first one of all."""
        keep = max(1, len(self.chain) - depth)
        lost, self.chain = self.chain[keep:], self.chain[:keep]
        return lost

    def trade(self, leader: Address) -> Receipt:
        """Return a transaction, in no block yet, in which a resting order of the leader fills: 100 shares for 52."""
        number = next(self.numbers)
        words = (0, 7, 52_000_000, 100_000_000, 0, 0, 0)
        log = Log(
            address=EXCHANGE,
            topics=(ORDER_FILLED, _word(number), _topic(leader), _topic(STRANGER)),
            data=b"".join(word.to_bytes(32) for word in words),
        )
        return Receipt(tx_hash=TxHash(_word(number)), block_number=0, succeeded=True, gas_used=1, logs=(log,))

    async def head(self) -> Head:
        self._ask("head")
        return self.chain[-1].head

    async def block(self, number: int) -> Head:
        self._ask("block")
        for block in self.chain:
            if block.head.number == number:
                return block.head
        raise Retryable(f"the node has no block {number}", 0.1)

    async def logs(self, filters: Sequence[LogFilter], from_block: int, to_block: int) -> list[LogPlace]:
        self._ask("logs")
        await self.reads_logs.wait()
        blocks = [block for block in self.chain if from_block <= block.head.number <= to_block]
        return [place_of(log) for block in blocks for log in block.logs if matches(filters, log)]

    async def receipts(self, block_hash: str, filters: Sequence[LogFilter]) -> list[Receipt] | None:
        self._ask("receipts")
        for block in (*self.chain, *self.lagging):
            if block.head.hash == block_hash:
                return [each for each in block.receipts if any(matches(filters, log) for log in each.logs)]
        return None


def _placed(receipt: Receipt, head: Head, index: int, log_indexes: Iterator[int]) -> Receipt:
    number, block_hash = head.number, head.hash
    logs = tuple(
        log._replace(block_number=number, block_hash=block_hash, tx_hash=receipt.tx_hash, log_index=next(log_indexes))
        for log in receipt.logs
    )
    return replace(receipt, block_number=number, block_hash=block_hash, tx_index=index, logs=logs)


def _word(number: int) -> str:
    return f"0x{number:064x}"


def _topic(wallet: Address) -> str:
    return "0x" + wallet[2:].rjust(64, "0")
