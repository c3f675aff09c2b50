"""A chain in memory: what is read is what the test, or a transaction that was sent, wrote there."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace

from remora.domain.chain import Gap, Head, Log, LogFilter, LogPlace, Receipt
from remora.domain.errors import Refused, RemoraError
from remora.domain.ids import Address, TokenId, TxHash
from remora.domain.means import Means, Membership, Peg
from remora.domain.money import Collateral, Price, Shares, Wei
from remora.domain.transaction import GasPrice, SignedTransaction
from remora.domain.usage import HeldToken
from tests.fakes.clearinghouse import FakeClearinghouse

RICH = Wei.parse("1000")
"""The native coin of every wallet of which the test says nothing."""

NO_MEMBER = Membership(expires_s=0, paused=False, daily_limit=Collateral(0), spent_today=Collateral(0))


class FakeChain:
    """A ChainReader. `troubles` are raised once each, by the next call of the method they are listed under.

    A block is `head(number)` unless `branch` has another. Logs are read when `reads_logs` is set. Of blocks in `pruned`
    there is no state any more, of all others it is the latest.
    """

    def __init__(self) -> None:
        self.blocks: list[Log | Head] = []
        self.latest = 0
        self.mined: dict[TxHash, Receipt] = {}
        self.branch: dict[int, Head] = {}
        self.forks = 0
        self.collateral: defaultdict[Address, Collateral] = defaultdict(lambda: Collateral(0))
        self.allowances: defaultdict[tuple[Address, Address], Collateral] = defaultdict(lambda: Collateral(0))
        self.approvals: set[tuple[Address, Address, Address]] = set()
        self.operators: set[tuple[Address, Address]] = set()
        self.members: dict[Address, Membership] = {}
        self.paused = False
        self.paying: dict[TokenId, Price | None] = {}
        self.pegs: dict[Address, Peg] = {}
        self.shares: defaultdict[tuple[Address, TokenId], Shares] = defaultdict(lambda: Shares(0))
        self.native: defaultdict[Address, Wei] = defaultdict(lambda: RICH)
        self.fees = GasPrice(max_fee=Wei(100_000_000_000), priority_fee=Wei(30_000_000_000))
        self.pruned: set[str] = set()
        self.nonces: defaultdict[Address, int] = defaultdict(int)
        self.troubles: defaultdict[str, deque[RemoraError]] = defaultdict(deque)
        self.asked: list[str] = []
        self.reads_logs = asyncio.Event()
        self.reads_logs.set()
        self.streams = 0
        self.live: asyncio.Queue[Log | Head | Gap | RemoraError] = asyncio.Queue()

    def admit(self, clearinghouse: Address, *wallets: Address, collateral: str = "1000") -> None:
        """Give followers collateral, and have them join a Clearinghouse for ever and without bounds."""
        plenty = Collateral(2**255)
        for wallet in wallets:
            self.collateral[wallet] = Collateral.parse(collateral)
            self.allowances[wallet, clearinghouse] = plenty
            self.members[wallet] = Membership(
                expires_s=2**40, paused=False, daily_limit=plenty, spent_today=Collateral(0)
            )

    def announce(self, *items: Log | Head | Gap | RemoraError) -> None:
        """Send items to whoever streams; an error breaks the connection."""
        for item in items:
            self.live.put_nowait(item)
            if isinstance(item, Head):
                self.latest = max(self.latest, item.number)

    def reorganise(self, first: int = 1) -> None:
        """Have other blocks from a number on, again and again other ones."""
        self.forks += 1
        for number in range(first, first + 100):
            self.branch[number] = replace(self.canonical(number), hash=f"0x{self.forks:032x}{number:032x}")

    def _ask(self, method: str) -> None:
        self.asked.append(method)
        if self.troubles[method]:
            raise self.troubles[method].popleft()

    async def chain_id(self) -> int:
        return 31337

    async def head(self) -> Head:
        self._ask("head")
        return self.canonical(self.latest)

    async def block(self, number: int) -> Head:
        self._ask("block")
        return self.canonical(number)

    def canonical(self, number: int) -> Head:
        """Return the block of a number as the chain is now."""
        return self.branch.get(number, head(number))

    async def stream(self, filters: Sequence[LogFilter]) -> AsyncGenerator[LogPlace | Head | Gap, None]:
        self.streams += 1
        yield Gap(reason="subscribed")
        while True:
            item = await self.live.get()
            if isinstance(item, RemoraError):
                raise item
            if not isinstance(item, Log):
                yield item
            elif matches(filters, item):
                yield place_of(item)

    async def logs(self, filters: Sequence[LogFilter], from_block: int, to_block: int) -> list[LogPlace]:
        self._ask("logs")
        await self.reads_logs.wait()
        past = [item for item in self.blocks if isinstance(item, Log)]
        wanted = [log for log in past if from_block <= (log.block_number or 0) <= to_block and matches(filters, log)]
        return [place_of(log) for log in wanted if log.block_hash == self.canonical(log.block_number or 0).hash]

    async def receipts(self, block_hash: str, filters: Sequence[LogFilter]) -> list[Receipt] | None:
        self._ask("receipts")
        block = [each for each in self.mined.values() if each.block_hash == block_hash]
        found = [each for each in block if any(matches(filters, log) for log in each.logs)]
        return sorted(found, key=lambda each: each.tx_index or 0) if block else None

    async def receipt(self, tx_hash: TxHash) -> Receipt | None:
        self._ask("receipt")
        return self.mined.get(tx_hash)

    async def collateral_of(self, wallets: Sequence[Address]) -> list[Collateral]:
        self._ask("collateral_of")
        return [self.collateral[wallet] for wallet in wallets]

    async def collateral_allowances(self, wallets: Sequence[Address], spender: Address) -> list[Collateral]:
        self._ask("collateral_allowances")
        return [self.allowances[wallet, spender] for wallet in wallets]

    async def shares_approved(self, wallets: Sequence[Address], spender: Address, ledger: Address) -> list[bool]:
        self._ask("shares_approved")
        return [(wallet, spender, ledger) in self.approvals for wallet in wallets]

    async def shares_of(self, holdings: Sequence[tuple[Address, TokenId]]) -> list[Shares]:
        self._ask("shares_of")
        return [self.shares[holding] for holding in holdings]

    async def shares_at(self, holdings: Sequence[tuple[Address, TokenId]], block_hash: str) -> list[Shares] | None:
        self._ask("shares_at")
        return None if block_hash in self.pruned else [self.shares[holding] for holding in holdings]

    async def means_of(self, wallets: Sequence[Address], clearinghouse: Address) -> list[Means]:
        self._ask("means_of")
        return [
            Means(
                collateral=self.collateral[wallet],
                allowance=self.allowances[wallet, clearinghouse],
                membership=self.members.get(wallet, NO_MEMBER),
            )
            for wallet in wallets
        ]

    async def payouts(self, held: Collection[HeldToken]) -> Mapping[TokenId, Price | None]:
        self._ask("payouts")
        return {each.token_id: self.paying[each.token_id] for each in held if each.token_id in self.paying}

    async def collateral_paused(self) -> bool:
        self._ask("collateral_paused")
        return self.paused

    async def peg(self, feed: Address) -> Peg:
        self._ask("peg")
        return self.pegs[feed]

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
        return self.fees


class FakeSender:
    """A TxSender. What it takes is mined at once, unless the test holds blocks back.

    `answers` are raised once each, in order; `taken_anyway` says that the node took the transaction all the same.
    `held` are wallets whose transactions no block takes, `refused` transactions that it never takes, `reverting` the
    positions in the chain of those that fail.
    """

    def __init__(self, chain: FakeChain, clearinghouse: FakeClearinghouse) -> None:
        self.chain = chain
        self._clearinghouse = clearinghouse
        self.broadcasts: list[TxHash] = []
        self.came: dict[TxHash, SignedTransaction] = {}
        self.answers: deque[RemoraError] = deque()
        self.taken_anyway = False
        self.mining = True
        self.reverting: set[int] = set()
        self.held: set[Address] = set()
        self.refused: set[TxHash] = set()
        self.before: Callable[[SignedTransaction], Awaitable[None]] | None = None

    async def broadcast(self, signed: SignedTransaction) -> None:
        self.broadcasts.append(signed.tx_hash)
        self.came[signed.tx_hash] = signed
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
        wallet, _, _ = signed.raw.partition(b" ")
        if self.mining and Address(wallet.decode()) not in self.held and signed.tx_hash not in self.chain.mined:
            self.mine(signed)

    def mine(self, signed: SignedTransaction) -> None:
        """Put the transaction into a block."""
        wallet, _, data = signed.raw.partition(b" ")
        self.chain.nonces[Address(wallet.decode())] += 1
        position = len(self.chain.mined) + 1
        succeeded = position not in self.reverting
        self.chain.mined[signed.tx_hash] = Receipt(
            tx_hash=signed.tx_hash,
            block_number=position,
            block_hash=self.chain.canonical(position).hash,
            succeeded=succeeded,
            gas_used=21_000,
            logs=self._clearinghouse.execute(data) if succeeded else (),
        )


def head(number: int) -> Head:
    """Return a block's header; its hash is its number."""
    return Head(
        number=number, hash=f"0x{number:064x}", parent_hash=f"0x{max(0, number - 1):064x}", timestamp_s=2 * number
    )


def place_of(log: Log) -> LogPlace:
    """Return all of a log that a stream tells."""
    return LogPlace(*log[3:])


def matches(filters: Sequence[LogFilter], log: Log) -> bool:
    """Tell whether a node would send the log to a subscriber of the filters."""
    return any(_matches(each, log) for each in filters)


def _matches(wanted: LogFilter, log: Log) -> bool:
    if log.address not in wanted.addresses or len(wanted.topics) > len(log.topics):
        return False
    return all(words is None or topic in words for words, topic in zip(wanted.topics, log.topics, strict=False))
