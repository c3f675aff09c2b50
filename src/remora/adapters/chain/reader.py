"""Reading the chain through a node: blocks, logs and receipts, balances and allowances, fees.

Many balances are one round trip: eth_call batches for collateral, balanceOfBatch for shares.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from typing import Any

from remora.adapters.chain import tokens
from remora.adapters.chain.clearinghouse import is_operator
from remora.adapters.chain.filters import Query, query
from remora.adapters.chain.jsonrpc import NodeError, Request, read_error
from remora.adapters.chain.rpc import RpcClient
from remora.domain.chain import Head, Log, Receipt, parse_log, parse_receipt, quantity
from remora.domain.errors import Malformed, Retryable
from remora.domain.ids import Address, TokenId, TxHash, word
from remora.domain.money import Collateral, Shares, Wei
from remora.domain.transaction import GasPrice
from remora.ports import LogFilter

POLYGON = 137
POLYGON_PRIORITY_FEE = Wei(25 * 10**9)
"""What Polygon's nodes ask for at least (polymarket.md 6); their own suggestion can be below it."""

_BASE_FEE_FACTOR = 2
"""The base fee grows by at most an eighth per block: twice the latest lasts for six full blocks."""

_HOLDINGS_PER_CALL = 1000
"""Far below a node's gas cap for eth_call: a balance costs about 3,000 gas."""

_WORD_BYTES = 32
_HEADS = ("newHeads",)


class NodeReader:
    """A ChainReader. `silence_s` without a new block or log counts as a lost connection."""

    def __init__(
        self, rpc: RpcClient, *, collateral: Address, conditional_tokens: Address, silence_s: float = 60.0
    ) -> None:
        self._rpc = rpc
        self._collateral = collateral
        self._conditional_tokens = conditional_tokens
        self._silence_s = silence_s

    async def chain_id(self) -> int:
        return quantity(await self._call("eth_chainId"))

    async def head(self) -> Head:
        return _head(await self._call("eth_getBlockByNumber", "latest", False))

    async def block(self, number: int) -> Head:
        return _head(await self._call("eth_getBlockByNumber", hex(number), False))

    async def stream(self, filters: Sequence[LogFilter]) -> AsyncGenerator[Log | Head, None]:
        """Yield logs and heads in order of arrival; a log that matches several filters comes once for each."""
        subscriptions = [("logs", query(each)) for each in filters]
        try:
            async with self._rpc.subscribed(_HEADS, *subscriptions) as feed:
                while True:
                    async with asyncio.timeout(self._silence_s):
                        index, payload = await feed.next()
                    yield parse_log(payload) if index else _head(payload)
        except TimeoutError:
            raise Retryable(f"the node sent no new block for {self._silence_s} s") from None
        except NodeError as error:
            raise read_error(error) from None

    async def logs(self, filters: Sequence[LogFilter], from_block: int, to_block: int) -> list[Log]:
        """Return past logs in chain order, each once. A range that the node finds too wide is halved."""
        found: dict[tuple[int, int], Log] = {}
        for each in filters:
            for log in await self._logs(query(each), from_block, to_block):
                found[_position(log)] = log
        return [found[position] for position in sorted(found)]

    async def receipt(self, tx_hash: TxHash) -> Receipt | None:
        raw = await self._call("eth_getTransactionReceipt", tx_hash)
        return None if raw is None else parse_receipt(raw)

    async def collateral_of(self, wallets: Sequence[Address]) -> list[Collateral]:
        answers = await self._eth_calls(self._collateral, [tokens.balance_of(wallet) for wallet in wallets])
        return [Collateral(units) for units in answers]

    async def collateral_allowances(self, wallets: Sequence[Address], spender: Address) -> list[Collateral]:
        answers = await self._eth_calls(self._collateral, [tokens.allowance(wallet, spender) for wallet in wallets])
        return [Collateral(units) for units in answers]

    async def shares_approved(self, wallets: Sequence[Address], spender: Address) -> list[bool]:
        calls = [tokens.is_approved_for_all(wallet, spender) for wallet in wallets]
        return [bool(answer) for answer in await self._eth_calls(self._conditional_tokens, calls)]

    async def is_operator(self, wallet: Address, clearinghouse: Address) -> bool:
        (answer,) = await self._eth_calls(clearinghouse, [is_operator(wallet)])
        return bool(answer)

    async def shares_of(self, holdings: Sequence[tuple[Address, TokenId]]) -> list[Shares]:
        balances: list[Shares] = []
        for start in range(0, len(holdings), _HOLDINGS_PER_CALL):
            asked = holdings[start : start + _HOLDINGS_PER_CALL]
            request = _eth_call(self._conditional_tokens, tokens.balance_of_batch(asked))
            answer = await self._call(request.method, *request.params)
            # The array's offset and its length come before its items.
            balances += [Shares(units) for units in _words(answer, 2 + len(asked), self._conditional_tokens)[2:]]
        return balances

    async def native_of(self, wallets: Sequence[Address]) -> list[Wei]:
        requests = (Request(method="eth_getBalance", params=(wallet, "latest")) for wallet in wallets)
        return [Wei(quantity(answer)) for answer in await self._batch(requests)]

    async def account_nonce(self, wallet: Address) -> int:
        return quantity(await self._call("eth_getTransactionCount", wallet, "latest"))

    async def gas_price(self) -> GasPrice:
        """Return the latest base fee twice plus the node's suggested priority fee, on Polygon at least its minimum."""
        chain_id, block, suggested = await self._batch(
            [
                Request(method="eth_chainId"),
                Request(method="eth_getBlockByNumber", params=("latest", False)),
                Request(method="eth_maxPriorityFeePerGas"),
            ]
        )
        least = POLYGON_PRIORITY_FEE if quantity(chain_id) == POLYGON else Wei(0)
        priority_fee = max(Wei(quantity(suggested)), least)
        base_fee = quantity(_fields(block).get("baseFeePerGas"))
        return GasPrice(max_fee=Wei(base_fee * _BASE_FEE_FACTOR) + priority_fee, priority_fee=priority_fee)

    async def _logs(self, asked: Query, from_block: int, to_block: int) -> list[Log]:
        bounds = {"fromBlock": hex(from_block), "toBlock": hex(to_block)}
        try:
            found = await self._rpc.call("eth_getLogs", asked | bounds)
        except NodeError as error:
            if not error.is_too_wide or from_block >= to_block:
                raise read_error(error) from None
        else:
            return _parsed(found)
        middle = (from_block + to_block) // 2
        return await self._logs(asked, from_block, middle) + await self._logs(asked, middle + 1, to_block)

    async def _eth_calls(self, contract: Address, calls: Iterable[bytes]) -> list[int]:
        """Call a contract many times; each call answers with one word."""
        answers = await self._batch(_eth_call(contract, data) for data in calls)
        return [_words(answer, 1, contract)[0] for answer in answers]

    async def _call(self, method: str, *params: Any) -> Any:
        try:
            return await self._rpc.call(method, *params)
        except NodeError as error:
            raise read_error(error) from None

    async def _batch(self, requests: Iterable[Request]) -> list[Any]:
        try:
            return await self._rpc.batch(requests)
        except NodeError as error:
            raise read_error(error) from None


def _eth_call(contract: Address, data: bytes) -> Request:
    return Request(method="eth_call", params=({"to": contract, "data": f"0x{data.hex()}"}, "latest"))


def _words(answer: Any, count: int, contract: Address) -> list[int]:
    """Read the words that a contract answered; an address without a contract answers with none."""
    try:
        packed = bytes.fromhex(answer[2:])
    except (TypeError, ValueError):
        packed = b""
    if len(packed) != _WORD_BYTES * count:
        raise Malformed(f"expected {count} words from {contract}, found {answer!r:.80}: is it the right contract?")
    return [int.from_bytes(packed[at : at + _WORD_BYTES]) for at in range(0, len(packed), _WORD_BYTES)]


def _head(raw: Any) -> Head:
    block = _fields(raw)
    return Head(
        number=quantity(block.get("number")),
        hash=word(block.get("hash", "")),
        parent_hash=word(block.get("parentHash", "")),
        timestamp_s=quantity(block.get("timestamp")),
    )


def _fields(raw: Any) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise Malformed(f"expected a block, found {type(raw).__name__}")
    return raw


def _parsed(found: Any) -> list[Log]:
    if not isinstance(found, list):
        raise Malformed(f"expected a list of logs, found {type(found).__name__}")
    return [parse_log(raw) for raw in found]


def _position(log: Log) -> tuple[int, int]:
    if log.block_number is None or log.log_index is None:
        raise Malformed("expected a past log to have a block number and an index")
    return log.block_number, log.log_index
