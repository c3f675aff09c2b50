"""A chain in memory: what is read is what the test, or a transaction that was sent, wrote there."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

from remora.domain.chain import Head, Log, Receipt
from remora.domain.errors import Refused, RemoraError
from remora.domain.ids import Address, TokenId, TxHash
from remora.domain.money import Collateral, Shares, Wei
from remora.domain.transaction import GasPrice, SignedTransaction
from remora.ports import LogFilter
from tests.fakes.clearinghouse import FakeClearinghouse


class FakeChain:
    """A ChainReader. `troubles` are raised once each, by the next call of the method they are listed under."""

    def __init__(self) -> None:
        self.blocks: list[Log | Head] = []
        self.latest = 0
        self.receipts: dict[TxHash, Receipt] = {}
        self.collateral: defaultdict[Address, Collateral] = defaultdict(lambda: Collateral(0))
        self.allowances: defaultdict[tuple[Address, Address], Collateral] = defaultdict(lambda: Collateral(0))
        self.approvals: set[tuple[Address, Address]] = set()
        self.operators: set[tuple[Address, Address]] = set()
        self.shares: defaultdict[tuple[Address, TokenId], Shares] = defaultdict(lambda: Shares(0))
        self.native: defaultdict[Address, Wei] = defaultdict(lambda: Wei(0))
        self.nonces: defaultdict[Address, int] = defaultdict(int)
        self.troubles: defaultdict[str, deque[RemoraError]] = defaultdict(deque)
        self.asked: list[str] = []
        self.streams = 0
        self.live: asyncio.Queue[Log | Head | RemoraError] = asyncio.Queue()

    def announce(self, *items: Log | Head | RemoraError) -> None:
        """Send items to whoever streams; an error breaks the connection."""
        for item in items:
            self.live.put_nowait(item)
            if isinstance(item, Head):
                self.latest = max(self.latest, item.number)

    def _ask(self, method: str) -> None:
        self.asked.append(method)
        if self.troubles[method]:
            raise self.troubles[method].popleft()

    async def chain_id(self) -> int:
        return 31337

    async def head(self) -> Head:
        self._ask("head")
        return head(self.latest)

    async def block(self, number: int) -> Head:
        self._ask("block")
        return head(number)

    async def stream(self, filters: Sequence[LogFilter]) -> AsyncGenerator[Log | Head, None]:
        self.streams += 1
        while True:
            item = await self.live.get()
            if isinstance(item, RemoraError):
                raise item
            if isinstance(item, Head) or matches(filters, item):
                yield item

    async def logs(self, filters: Sequence[LogFilter], from_block: int, to_block: int) -> list[Log]:
        self._ask("logs")
        past = [item for item in self.blocks if isinstance(item, Log)]
        return [log for log in past if from_block <= (log.block_number or 0) <= to_block and matches(filters, log)]

    async def receipt(self, tx_hash: TxHash) -> Receipt | None:
        self._ask("receipt")
        return self.receipts.get(tx_hash)

    async def collateral_of(self, wallets: Sequence[Address]) -> list[Collateral]:
        self._ask("collateral_of")
        return [self.collateral[wallet] for wallet in wallets]

    async def collateral_allowances(self, wallets: Sequence[Address], spender: Address) -> list[Collateral]:
        self._ask("collateral_allowances")
        return [self.allowances[wallet, spender] for wallet in wallets]

    async def shares_approved(self, wallets: Sequence[Address], spender: Address) -> list[bool]:
        self._ask("shares_approved")
        return [(wallet, spender) in self.approvals for wallet in wallets]

    async def shares_of(self, holdings: Sequence[tuple[Address, TokenId]]) -> list[Shares]:
        self._ask("shares_of")
        return [self.shares[holding] for holding in holdings]

    async def is_operator(self, wallet: Address, clearinghouse: Address) -> bool:
        self._ask("is_operator")
        return (wallet, clearinghouse) in self.operators

    async def native_of(self, wallets: Sequence[Address]) -> list[Wei]:
        self._ask("native_of")
        return [self.native[wallet] for wallet in wallets]

    async def account_nonce(self, wallet: Address) -> int:
        self._ask("account_nonce")
        return self.nonces[wallet]

    async def gas_price(self) -> GasPrice:
        self._ask("gas_price")
        return GasPrice(max_fee=Wei(100_000_000_000), priority_fee=Wei(30_000_000_000))


class FakeSender:
    """A TxSender. What it takes is mined at once, unless the test holds blocks back.

    `answers` are raised once each, in order; `taken_anyway` says that the node took the transaction all the same.
    `refused` are transactions that it never takes, `reverting` the positions in the chain of those that fail.
    """

    def __init__(self, chain: FakeChain, clearinghouse: FakeClearinghouse) -> None:
        self.chain = chain
        self._clearinghouse = clearinghouse
        self.broadcasts: list[TxHash] = []
        self.answers: deque[RemoraError] = deque()
        self.taken_anyway = False
        self.mining = True
        self.reverting: set[int] = set()
        self.refused: set[TxHash] = set()
        self.before: Callable[[SignedTransaction], Awaitable[None]] | None = None

    async def broadcast(self, signed: SignedTransaction) -> None:
        self.broadcasts.append(signed.tx_hash)
        if self.before:
            await self.before(signed)
        if signed.tx_hash in self.refused:
            raise Refused("insufficient funds for gas")
        answer = self.answers.popleft() if self.answers else None
        if answer is None or self.taken_anyway:
            self._take(signed)
        if answer is not None:
            raise answer

    def _take(self, signed: SignedTransaction) -> None:
        if self.mining and signed.tx_hash not in self.chain.receipts:
            self.mine(signed)

    def mine(self, signed: SignedTransaction) -> None:
        """Put the transaction into a block."""
        wallet, _, data = signed.raw.partition(b" ")
        self.chain.nonces[Address(wallet.decode())] += 1
        position = len(self.chain.receipts) + 1
        succeeded = position not in self.reverting
        self.chain.receipts[signed.tx_hash] = Receipt(
            tx_hash=signed.tx_hash,
            block_number=position,
            succeeded=succeeded,
            gas_used=21_000,
            logs=self._clearinghouse.execute(data) if succeeded else (),
        )


def head(number: int) -> Head:
    """Return a block's header; its hash is its number."""
    return Head(
        number=number, hash=f"0x{number:064x}", parent_hash=f"0x{max(0, number - 1):064x}", timestamp_s=2 * number
    )


def matches(filters: Sequence[LogFilter], log: Log) -> bool:
    """Tell whether a node would send the log to a subscriber of the filters."""
    return any(_matches(each, log) for each in filters)


def _matches(wanted: LogFilter, log: Log) -> bool:
    if log.address not in wanted.addresses or len(wanted.topics) > len(log.topics):
        return False
    return all(words is None or topic in words for words, topic in zip(wanted.topics, log.topics, strict=False))
