"""Settles trades on chain: every trade is one `matchOrders` of the operator, sent without waiting for the one before.

The operator's nonces are counted here, so nothing else may send with its key while the server runs. A trade is MINED
with its block, CONFIRMED some blocks later, FAILED when its transaction reverts or is refused; a transaction that a
reorg took out is sent again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import aiohttp
from eth_account import Account
from eth_account.signers.local import LocalAccount

from remora.devnet.clob.accounts import Accounts
from remora.devnet.clob.calldata import match_orders
from remora.devnet.clob.chain import Block
from remora.devnet.clob.engine import Engine
from remora.devnet.clob.funds import purse_of
from remora.devnet.clob.trades import Trade, TradeStatus
from remora.devnet.endpoints import Contracts
from remora.devnet.rpc import Node
from remora.domain.errors import Refused

#: OrdersMatched(bytes32,address,uint8,uint256,uint256,uint256): the exchange's last word on a match that went well.
_ORDERS_MATCHED = "0x174b3811690657c217184f89418266767c87e4805d09680c39fc9c031c0cab7c"
#: ConditionResolution(bytes32,address,bytes32,uint256,uint256[]): the oracle's word on a condition.
_CONDITION_RESOLUTION = "0xb44d84d3289691f71497564b85d4233648d9dbae8cbdbb4329f301c3a0185894"
_GAS_BASE = 600_000
_GAS_PER_MAKER = 300_000
#: Enough to be mined, not enough to succeed.
_TOO_LITTLE_GAS_BASE = 100_000
_TOO_LITTLE_GAS_PER_MAKER = 30_000
#: Far above the devnet's base fee, which full blocks raise by an eighth each.
_GAS_PRICE = 100 * 10**9
_RESEND_DELAY_S = 0.2
#: A reorg can be deeper than confirmations; without what it took, every later nonce of the operator would wait.
_DEEPEST_REORG_BLOCKS = 16
#: So many are signed and sent together: enough to keep the node busy, few enough not to keep requests waiting.
_SENT_TOGETHER = 16
_T = TypeVar("_T")


class Herald(Protocol):
    """Who hears of trades on their way to the chain, and of conditions that somebody resolved there."""

    def trade_sent(self, trade: Trade) -> None: ...

    def condition_resolved(self, condition_id: str, payouts: tuple[int, ...]) -> None: ...


class Fates(Protocol):
    """Who decides what becomes of a trade on its way to the chain, other than what should."""

    def retry_delay_s(self, trade: Trade) -> float | None:
        """Return after what time a trade is tried again, if it is not to be sent now."""
        ...

    def reverts(self, trade: Trade) -> bool:
        """Tell whether a trade's transaction shall revert."""
        ...


class Fortune:
    """The fate of every trade that nothing happens to."""

    def retry_delay_s(self, _: Trade) -> float | None:
        return None

    def reverts(self, _: Trade) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class _Sent:
    """A trade and the transaction that settles it."""

    trade: Trade
    raw: str


class Settlement:
    """The operator's queue, its transactions in flight, and those in blocks that a reorg could still take."""

    def __init__(
        self,
        *,
        node: Node,
        chain_id: int,
        operator_key: bytes,
        confirmations_blocks: int,
        contracts: Contracts,
        engine: Engine,
        accounts: Accounts,
        herald: Herald,
        fates: Fates | None = None,
    ) -> None:
        self._node = node
        self._chain_id = chain_id
        self._operator: LocalAccount = Account.from_key(operator_key)
        self._confirmations_blocks = confirmations_blocks
        self._exchanges = [contracts.exchange, contracts.neg_risk_exchange]
        self._tokens = [contracts.collateral, contracts.conditional_tokens]
        self._engine = engine
        self._accounts = accounts
        self._herald = herald
        self._fates = fates or Fortune()
        self._queue: asyncio.Queue[Trade] = asyncio.Queue()
        self._nonce = 0
        self._in_flight: dict[str, _Sent] = {}
        self._settled: deque[tuple[int, _Sent]] = deque()

    def enqueue(self, trades: Iterable[Trade]) -> None:
        """Settle these trades, in order."""
        for trade in trades:
            self._queue.put_nowait(trade)

    async def run(self) -> None:
        """Send what is queued until cancelled."""
        self._nonce = await self._next_nonce()
        while True:
            trades = [await self._queue.get()]
            while len(trades) < _SENT_TOGETHER and not self._queue.empty():
                trades.append(self._queue.get_nowait())
            await self._send([trade for trade in trades if not self._put_off(trade)])

    async def on_block(self, block: Block) -> None:
        """Advance the trades that the block settles or confirms, and act on balances as of it from now on."""
        ours = {tx_hash: self._in_flight[tx_hash] for tx_hash in block.transactions if tx_hash in self._in_flight}
        matched = await self._matched_in(block) if ours else set()
        touched = await self._touched_in(block, ours) if len(ours) < len(block.transactions) else set()
        self._accounts.move_to(block.number, touched)
        for tx_hash, sent in ours.items():
            del self._in_flight[tx_hash]
            self._settled.append((block.number, sent))
            if tx_hash in matched:
                sent.trade.mined_s, sent.trade.mined_block = block.timestamp_s, block.number
                self._engine.mine(sent.trade)
        self._confirm_up_to(block.number - self._confirmations_blocks)
        self._forget_up_to(block.number - _DEEPEST_REORG_BLOCKS)
        for tx_hash, sent in ours.items():
            if tx_hash not in matched:
                await self._fail(sent.trade)

    async def on_reorg(self, first_lost: int) -> None:
        """Send again what the blocks from this number on had settled; what is final keeps its nonce and its fate."""
        self._accounts.start_over(first_lost - 1)
        lost = [sent for number, sent in self._settled if number >= first_lost]
        self._settled = deque((number, sent) for number, sent in self._settled if number < first_lost)
        for sent in lost:
            if sent.trade.status is TradeStatus.MINED:
                self._in_flight[sent.trade.transaction_hash] = sent
                self._engine.retry(sent.trade)
        final = [sent for sent in lost if sent.trade.status in (TradeStatus.FAILED, TradeStatus.CONFIRMED)]
        await asyncio.gather(*map(self._broadcast, [*final, *self._in_flight.values()]))

    def _put_off(self, trade: Trade) -> bool:
        """Send a trade later, but once, when that is its fate; tell whether it is."""
        delay_s = self._fates.retry_delay_s(trade) if trade.status is TradeStatus.MATCHED else None
        if delay_s is None:
            return False
        self._engine.put_off(trade)
        asyncio.get_running_loop().call_later(delay_s, self._queue.put_nowait, trade)
        return True

    def _gas_for(self, trade: Trade) -> int:
        makers = len(trade.fills)
        if self._fates.reverts(trade):
            return _TOO_LITTLE_GAS_BASE + _TOO_LITTLE_GAS_PER_MAKER * makers
        return _GAS_BASE + _GAS_PER_MAKER * makers

    async def _send(self, trades: Sequence[Trade]) -> None:
        sent = [self._signed(trade) for trade in trades]
        # Known before they are sent: the block may be there before the answer.
        self._in_flight.update({each.trade.transaction_hash: each for each in sent})
        taken = await asyncio.gather(*map(self._broadcast, sent))
        if not all(taken):
            self._nonce = await self._next_nonce()
        for trade, is_taken in zip(trades, taken, strict=True):
            if is_taken:
                self._herald.trade_sent(trade)
            else:
                del self._in_flight[trade.transaction_hash]
                await self._fail(trade)

    async def _broadcast(self, sent: _Sent) -> bool:
        """Tell whether the node took the transaction, now or before."""
        try:
            await self._call("eth_sendRawTransaction", sent.raw)
        except Refused:
            return await self._call("eth_getTransactionByHash", sent.trade.transaction_hash) is not None
        return True

    async def _next_nonce(self) -> int:
        return int(await self._call("eth_getTransactionCount", self._operator.address, "pending"), 16)

    def _signed(self, trade: Trade) -> _Sent:
        """Sign a trade's transaction with the next nonce, and note its hash on the trade."""
        signed = self._operator.sign_transaction(
            {
                "chainId": self._chain_id,
                "nonce": self._nonce,
                "to": bytes.fromhex(trade.taker.listing.exchange[2:]),
                "value": 0,
                "gas": self._gas_for(trade),
                "gasPrice": _GAS_PRICE,
                "data": match_orders(trade),
            }
        )
        self._nonce += 1
        trade.transaction_hash = "0x" + signed.hash.hex()
        return _Sent(trade, "0x" + signed.raw_transaction.hex())

    async def _matched_in(self, block: Block) -> set[str]:
        criteria = {"blockHash": block.hash, "address": self._exchanges, "topics": [_ORDERS_MATCHED]}
        logs: list[dict[str, Any]] = await self._call("eth_getLogs", criteria)
        return {log["transactionHash"] for log in logs}

    async def _touched_in(self, block: Block, ours: Collection[str]) -> set[str]:
        """Return the owners that other transactions moved or approved something of: the addresses in their logs."""
        logs = await self._call("eth_getLogs", {"blockHash": block.hash, "address": self._tokens})
        for log in logs:
            if log["topics"][0] == _CONDITION_RESOLUTION:
                self._herald.condition_resolved(log["topics"][1], _payouts(log["data"]))
        foreign = (log["topics"][1:] for log in logs if log["transactionHash"] not in ours)
        return {"0x" + topic[-40:] for topics in foreign for topic in topics}

    def _confirm_up_to(self, number: int) -> None:
        for mined_in, sent in self._settled:
            if mined_in <= number and sent.trade.status is TradeStatus.MINED:
                self._engine.confirm(sent.trade)

    def _forget_up_to(self, number: int) -> None:
        while self._settled and self._settled[0][0] <= number:
            self._settled.popleft()

    async def _fail(self, trade: Trade) -> None:
        purses = [purse_of(order) for order in trade.parties()]
        await _patiently(lambda: self._accounts.ensure(purses))
        self._engine.fail(trade)

    async def _call(self, method: str, *params: Any) -> Any:
        return await _patiently(lambda: self._node.call(method, *params))


def _payouts(data: str) -> tuple[int, ...]:
    """Return the payout numerators of a ConditionResolution: the slot count and a pointer come first."""
    words = [int(data[start : start + 64], 16) for start in range(2, len(data), 64)]
    return tuple(words[3:])


async def _patiently(ask: Callable[[], Awaitable[_T]]) -> _T:
    """Ask the node again until it answers: what is matched must be settled."""
    while True:
        try:
            return await ask()
        except (aiohttp.ClientError, TimeoutError):
            await asyncio.sleep(_RESEND_DELAY_S)
