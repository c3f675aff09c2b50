"""Several nodes as one ChainReader: who is fastest is heard, who fails is passed over, who falls silent is replaced.

A node that knows less than another must not answer for it: an empty answer about blocks that it has not seen yet looks
like a quiet chain. So ranges of logs are asked of nodes that have them, and balances, or whatever else is state, of
nodes that have every block of which a receipt was told: in an older state what that receipt says has not happened.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import Self, TypeVar

import structlog

from remora.adapters.chain.chorus import Chorus
from remora.adapters.chain.endpoint import Endpoint, by_preference
from remora.adapters.chain.pace import Pace
from remora.domain.chain import Gap, Head, LogFilter, LogPlace, Receipt
from remora.domain.errors import OperatorError, RemoraError, Retryable
from remora.domain.ids import Address, TokenId, TxHash
from remora.domain.means import Means, Peg
from remora.domain.money import Collateral, Price, Shares, Wei
from remora.domain.nodes import EndpointHealth
from remora.domain.transaction import GasPrice
from remora.domain.usage import HeldToken
from remora.ports import ChainReader, Clock

log = structlog.get_logger()

T = TypeVar("T")
US = 1_000_000

WATCH_EVERY_S = 0.25

_FIRST_DELAY_S = 0.2
_LONGEST_DELAY_S = 15.0
"""How long a node that cannot be listened to is left alone, doubling from the first."""


class NodePool:
    """A ChainReader over one or more nodes. Use it as a context manager: leaving it ends its streams."""

    def __init__(self, endpoints: Sequence[Endpoint], *, clock: Clock) -> None:
        if not endpoints:
            raise OperatorError("expected at least one node, found none")
        self._endpoints = tuple(endpoints)
        self._clock = clock
        self._pace = Pace()
        self._told = 0
        self._tasks = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Without the body's error: it is not a stream's, and would come out wrapped in a group.
        await self._tasks.__aexit__(None, None, None)

    def health(self) -> tuple[EndpointHealth, ...]:
        """Return how each node is, in the order configured; lags count from the highest block that any has told."""
        best = max(endpoint.height for endpoint in self._endpoints)
        now_us, first = self._clock.now_us(), by_preference(self._endpoints)[0]
        return tuple(
            EndpointHealth(
                name=each.name,
                streaming=each.is_streaming,
                leading=each is first,
                height=each.height,
                lag_blocks=best - each.height,
                lag_s=(best - each.height) * self._pace.block_us // US,
                log_age_s=None if each.log_us is None else (now_us - each.log_us) // US,
                replaced=each.replaced,
            )
            for each in self._endpoints
        )

    async def stream(self, filters: Sequence[LogFilter]) -> AsyncGenerator[LogPlace | Head | Gap, None]:
        """Yield what any node tells, each item once. Never raises: a node that is lost is opened again, with a gap."""
        chorus = Chorus(self._endpoints, self._pace)
        voices = {each: self._listen(each, filters, chorus) for each in self._endpoints}
        watch = self._tasks.create_task(self._watch(voices, filters, chorus))
        try:
            while True:
                yield await chorus.next()
        finally:
            for task in [watch, *voices.values()]:
                task.cancel()

    def _listen(self, endpoint: Endpoint, filters: Sequence[LogFilter], chorus: Chorus) -> asyncio.Task[None]:
        endpoint.since_block = None
        endpoint.heard_us = self._clock.now_us()
        return self._tasks.create_task(self._follow(endpoint, filters, chorus), name=f"listen to {endpoint.name}")

    async def _follow(self, endpoint: Endpoint, filters: Sequence[LogFilter], chorus: Chorus) -> None:
        """Pass on what an endpoint tells, for ever; after a loss, listen anew, less eagerly while nothing comes."""
        delay_s = _FIRST_DELAY_S
        while True:
            try:
                async with aclosing(endpoint.reader.stream(filters)) as stream:
                    async for item in stream:
                        chorus.hear(endpoint, item, self._clock.now_us())
                        if isinstance(item, Head):
                            delay_s = _FIRST_DELAY_S
            except RemoraError as lost:
                log.warning("node_lost", node=endpoint.name, error=str(lost), again_in_s=delay_s)
            endpoint.since_block = None
            endpoint.replaced += 1
            await self._clock.sleep(delay_s)
            delay_s = min(2 * delay_s, _LONGEST_DELAY_S)

    async def _watch(
        self, voices: dict[Endpoint, asyncio.Task[None]], filters: Sequence[LogFilter], chorus: Chorus
    ) -> None:
        """Replace the connections of endpoints that fell silent, or whose subscription is deaf."""
        while True:
            await self._clock.sleep(WATCH_EVERY_S)
            for endpoint in {*self._silent(), *chorus.deaf()}:
                log.warning("node_silent", node=endpoint.name, height=endpoint.height)
                voices[endpoint].cancel()
                await endpoint.drop()
                endpoint.replaced += 1
                voices[endpoint] = self._listen(endpoint, filters, chorus)

    def _silent(self) -> list[Endpoint]:
        too_long_ago_us = self._clock.now_us() - self._pace.patience_us
        return [each for each in self._endpoints if each.is_streaming and each.heard_us < too_long_ago_us]

    async def _ask(self, question: Callable[[ChainReader], Awaitable[T]], *, since: int = 0) -> T:
        """Ask the best node that has a block, and the next ones while they fail; raises what the last one raised."""
        *others, last = by_preference(self._endpoints)
        for endpoint in others:
            try:
                return await _asked(endpoint, question, since)
            except (Retryable, OperatorError) as failed:
                log.info("node_passed_over", node=endpoint.name, error=str(failed))
        return await _asked(last, question, since)

    async def _state(self, question: Callable[[ChainReader], Awaitable[T]]) -> T:
        """Ask about the state. Retryable when no node has the blocks of all receipts that were told before."""
        return await self._ask(question, since=self._told)

    async def _find(self, question: Callable[[ChainReader], Awaitable[T | None]]) -> T | None:
        """Ask one node after the other until one knows; raises only if none could be asked."""
        troubles: list[Retryable | OperatorError] = []
        for endpoint in by_preference(self._endpoints):
            try:
                found = await question(endpoint.reader)
            except (Retryable, OperatorError) as failed:
                troubles.append(failed)
            else:
                if found is not None:
                    return found
        if len(troubles) == len(self._endpoints):
            raise troubles[-1]
        return None

    async def chain_id(self) -> int:
        return await self._ask(lambda node: node.chain_id())

    async def head(self) -> Head:
        return await self._ask(lambda node: node.head())

    async def block(self, number: int) -> Head:
        return await self._ask(lambda node: node.block(number))

    async def logs(self, filters: Sequence[LogFilter], from_block: int, to_block: int) -> list[LogPlace]:
        """Return past logs from a node that has the whole range. Retryable when none has it yet."""

        async def ask(node: ChainReader) -> list[LogPlace]:
            await _check_has(node, to_block)
            return await node.logs(filters, from_block, to_block)

        return await self._ask(ask)

    async def receipt(self, tx_hash: TxHash) -> Receipt | None:
        receipt = await self._find(lambda node: node.receipt(tx_hash))
        self._note_told([] if receipt is None else [receipt])
        return receipt

    async def receipts(self, block_hash: str, filters: Sequence[LogFilter]) -> list[Receipt] | None:
        receipts = await self._find(lambda node: node.receipts(block_hash, filters))
        self._note_told(receipts or [])
        return receipts

    def _note_told(self, receipts: Sequence[Receipt]) -> None:
        self._told = max([self._told, *(receipt.block_number for receipt in receipts)])

    async def collateral_of(self, wallets: Sequence[Address]) -> list[Collateral]:
        return await self._state(lambda node: node.collateral_of(wallets))

    async def collateral_allowances(self, wallets: Sequence[Address], spender: Address) -> list[Collateral]:
        return await self._state(lambda node: node.collateral_allowances(wallets, spender))

    async def shares_approved(self, wallets: Sequence[Address], spender: Address, ledger: Address) -> list[bool]:
        return await self._state(lambda node: node.shares_approved(wallets, spender, ledger))

    async def shares_of(self, holdings: Sequence[tuple[Address, TokenId]]) -> list[Shares]:
        return await self._state(lambda node: node.shares_of(holdings))

    async def shares_at(self, holdings: Sequence[tuple[Address, TokenId]], block_hash: str) -> list[Shares] | None:
        return await self._find(lambda node: node.shares_at(holdings, block_hash))

    async def means_of(self, wallets: Sequence[Address], clearinghouse: Address) -> list[Means]:
        return await self._state(lambda node: node.means_of(wallets, clearinghouse))

    async def payouts(self, held: Collection[HeldToken]) -> Mapping[TokenId, Price | None]:
        return await self._state(lambda node: node.payouts(held))

    async def collateral_paused(self) -> bool:
        return await self._state(lambda node: node.collateral_paused())

    async def peg(self, feed: Address) -> Peg:
        return await self._ask(lambda node: node.peg(feed))

    async def is_operator(self, wallet: Address, clearinghouse: Address) -> bool:
        return await self._state(lambda node: node.is_operator(wallet, clearinghouse))

    async def native_of(self, wallets: Sequence[Address]) -> list[Wei]:
        return await self._state(lambda node: node.native_of(wallets))

    async def account_nonce(self, wallet: Address) -> int:
        return await self._state(lambda node: node.account_nonce(wallet))

    async def gas_price(self) -> GasPrice:
        return await self._ask(lambda node: node.gas_price())


async def _asked(endpoint: Endpoint, question: Callable[[ChainReader], Awaitable[T]], since: int) -> T:
    """Ask a node that has a block: by what its subscriptions told, or else by its own word."""
    if since and not (endpoint.is_streaming and endpoint.height >= since):
        await _check_has(endpoint.reader, since)
    return await question(endpoint.reader)


async def _check_has(node: ChainReader, block: int) -> None:
    if (height := (await node.head()).number) < block:
        raise Retryable(f"the node is at block {height}, before {block}")
