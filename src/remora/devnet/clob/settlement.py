"""Settles trades on chain: every trade is one `matchOrders` of the operator, sent without waiting for the one before.

The operator's nonces are counted here, so nothing else may send with its key while the server runs. A trade is MINED
with its block, CONFIRMED some blocks later, FAILED when its transaction reverts or is refused; a transaction that a
reorg took out is sent again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import aiohttp

from remora.devnet.clob.accounts import Accounts
from remora.devnet.clob.calldata import match_orders
from remora.devnet.clob.chain import Block
from remora.devnet.clob.engine import Engine
from remora.devnet.clob.funds import purse_of
from remora.devnet.clob.operator import Operator
from remora.devnet.clob.trades import Trade, TradeStatus
from remora.devnet.endpoints import Contracts
from remora.devnet.generations import exchange_versions
from remora.devnet.remembering import Remembering
from remora.devnet.rpc import Node
from remora.devnet.turns import Turns
from remora.domain.errors import Refused

#: OrdersMatched(bytes32,address,uint8,uint256,uint256,uint256): the exchange's last word on a match that went well.
_ORDERS_MATCHED = "0x174b3811690657c217184f89418266767c87e4805d09680c39fc9c031c0cab7c"
#: The oracle's word on a condition, of both generations, and how many words come before the payouts.
#: A condition of a position module has 31 bytes; as a topic it is padded as markets' ids are.
_WORDS_BEFORE_PAYOUTS = {
    # ConditionResolution(bytes32,address,bytes32,uint256,uint256[]): slot count, offset, length
    "0xb44d84d3289691f71497564b85d4233648d9dbae8cbdbb4329f301c3a0185894": 3,
    # ConditionResolved(bytes31,uint256[]): offset, length
    "0xe560c1a2847d4cf2e66de11fe592605556989449f38cc3ab96e2e287daa68caa": 2,
}
_GAS_BASE = 600_000
_GAS_PER_MAKER = 300_000
#: Enough to be mined, at the 40 that a byte of calldata takes at most, and not enough to succeed.
_TOO_LITTLE_GAS_BASE = 31_000
_TOO_LITTLE_GAS_PER_BYTE = 40
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
    """A trade and a transaction that settles it; one that shall revert instead has the same nonce."""

    trade: Trade
    nonce: int
    hash: str
    raw: str


class Settlement(Remembering):
    """The operator's queue, its transactions in flight, and those in blocks that a reorg could still take."""

    remembered = ("_nonce", "_sent", "_in_flight", "_settled", "_is_uprooted")

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
        turns: Turns | None = None,
    ) -> None:
        self._node = node
        self._operator = Operator(operator_key, chain_id)
        self._confirmations_blocks = confirmations_blocks
        self._exchanges = list(exchange_versions(contracts))
        self._modules = [contracts.binary_module, contracts.neg_risk_module]
        self._tokens = [contracts.collateral, contracts.conditional_tokens, contracts.position_manager]
        self._engine = engine
        self._aftermath = engine.aftermath
        self._accounts = accounts
        self._herald = herald
        self._fates = fates or Fortune()
        self._turns = turns or Turns()
        self._queue: asyncio.Queue[Trade] = asyncio.Queue()
        self._nonce = 0
        #: By hash, whatever no reorg is too shallow to take: every later nonce waits for a missing one, final or not.
        self._sent: dict[str, _Sent] = {}
        #: By nonce, what waits for a block that says what becomes of it.
        self._in_flight: dict[int, Trade] = {}
        self._settled: deque[tuple[int, _Sent]] = deque()
        #: From a reorg on until the chain has all: the node drops what its pool had with nonces that come too soon.
        self._is_uprooted = False

    def enqueue(self, trades: Iterable[Trade]) -> None:
        """Settle these trades, in order."""
        for trade in trades:
            self._queue.put_nowait(trade)

    async def run(self) -> None:
        """Send what is queued until cancelled."""
        self._nonce = await self._nonce_at("pending")
        while True:
            trades = [await self._queue.get()]
            async with self._turns.turn():
                while len(trades) < _SENT_TOGETHER and not self._queue.empty():
                    trades.append(self._queue.get_nowait())
                await self._send([trade for trade in trades if self._is_ours(trade) and not self._put_off(trade)])

    def resume(self, state: Mapping[str, Any]) -> None:
        """Go back to what was on its way to the chain, and queue what was not yet; the engine must be back already."""
        super().resume(state)
        sent = set(map(id, self._in_flight.values()))
        waiting = (TradeStatus.MATCHED, TradeStatus.RETRYING)
        self.enqueue(
            trade for trade in self._engine.trades.values() if trade.status in waiting and id(trade) not in sent
        )

    async def send_again(self) -> None:
        """Send once more what the chain does not have: one that was restored, or uprooted, may have lost any of it."""
        first = await self._nonce_at("latest")
        lacking = [sent for sent in self._sent.values() if sent.nonce >= first]
        self._is_uprooted = self._is_uprooted and bool(lacking)
        await asyncio.gather(*map(self._broadcast, lacking))

    def _is_ours(self, trade: Trade) -> bool:
        """Tell whether a queued trade still exists: none does that was made since a snapshot which was restored."""
        return self._engine.trades.get(trade.id) is trade

    async def on_block(self, block: Block) -> None:
        """Advance the trades that the block settles or confirms, and act on balances as of it from now on."""
        ours = [self._sent[tx_hash] for tx_hash in block.transactions if tx_hash in self._sent]
        matched = await self._matched_in(block) if ours else set()
        touched = await self._touched_in(block, ours) if len(ours) < len(block.transactions) else set()
        self._accounts.move_to(block.number, touched)
        self._settled.extend((block.number, sent) for sent in ours)
        news = [sent for sent in ours if self._in_flight.pop(sent.nonce, None)]
        for sent in news:
            sent.trade.transaction_hash = sent.hash
            if sent.hash in matched:
                sent.trade.mined_s, sent.trade.mined_block = block.timestamp_s, block.number
                self._aftermath.mine(sent.trade)
        self._confirm_up_to(block.number - self._confirmations_blocks)
        self._forget_up_to(block.number - _DEEPEST_REORG_BLOCKS)
        for sent in news:
            if sent.hash not in matched:
                await self._fail(sent.trade)
        # A block that has none of them may stand for one that had, and that a reorg replaced before it was seen here.
        if self._is_uprooted or (self._in_flight and not ours):
            await self.send_again()

    async def on_reorg(self, first_lost: int) -> None:
        """Send again what the blocks from this number on had settled; what is final keeps its nonce and its fate."""
        self._accounts.start_over(first_lost - 1)
        self._is_uprooted = True
        lost = [sent for number, sent in self._settled if number >= first_lost]
        self._settled = deque((number, sent) for number, sent in self._settled if number < first_lost)
        for sent in lost:
            if sent.trade.status is TradeStatus.MINED:
                self._in_flight[sent.nonce] = sent.trade
                self._aftermath.retry(sent.trade)
                if self._fates.reverts(sent.trade):
                    # At a higher price: the pool may still have, or be sent again, the one that does not.
                    self._sign(sent.trade, sent.nonce, reverts=True, gas_price=2 * _GAS_PRICE)
        await self.send_again()

    def _put_off(self, trade: Trade) -> bool:
        """Send a trade later, but once, when that is its fate; tell whether it is."""
        delay_s = self._fates.retry_delay_s(trade) if trade.status is TradeStatus.MATCHED else None
        if delay_s is None:
            return False
        self._aftermath.put_off(trade)
        asyncio.get_running_loop().call_later(delay_s, self._queue.put_nowait, trade)
        return True

    def _gas_for(self, trade: Trade, data: bytes, *, reverts: bool) -> int:
        if reverts:
            return _TOO_LITTLE_GAS_BASE + _TOO_LITTLE_GAS_PER_BYTE * len(data)
        return _GAS_BASE + _GAS_PER_MAKER * len(trade.fills)

    async def _send(self, trades: Sequence[Trade]) -> None:
        # Known before they are sent: the block may be there before the answer.
        sent = [self._next(trade) for trade in trades]
        taken = await asyncio.gather(*map(self._broadcast, sent))
        if not all(taken):
            self._nonce = await self._nonce_at("pending")
        for each, is_taken in zip(sent, taken, strict=True):
            if is_taken:
                self._herald.trade_sent(each.trade)
            else:
                del self._sent[each.hash], self._in_flight[each.nonce]
                await self._fail(each.trade)

    async def _broadcast(self, sent: _Sent) -> bool:
        """Tell whether the node took the transaction, now or before."""
        try:
            await self._call("eth_sendRawTransaction", sent.raw)
        except Refused:
            return await self._call("eth_getTransactionByHash", sent.hash) is not None
        return True

    async def _nonce_at(self, block: str) -> int:
        return int(await self._call("eth_getTransactionCount", self._operator.address, block), 16)

    def _next(self, trade: Trade) -> _Sent:
        """Sign a trade's transaction with the next nonce."""
        self._in_flight[self._nonce] = trade
        sent = self._sign(trade, self._nonce, reverts=self._fates.reverts(trade))
        self._nonce += 1
        return sent

    def _sign(self, trade: Trade, nonce: int, *, reverts: bool, gas_price: int = _GAS_PRICE) -> _Sent:
        """Sign a trade's transaction, note its hash on the trade, and remember it as one to be sent."""
        data = match_orders(trade)
        signed = self._operator.sign(
            nonce=nonce,
            gas_price=gas_price,
            gas=self._gas_for(trade, data, reverts=reverts),
            to=trade.taker.listing.exchange,
            data=data,
        )
        trade.transaction_hash = signed.hash
        sent = self._sent[signed.hash] = _Sent(trade, nonce, signed.hash, signed.raw)
        return sent

    async def _matched_in(self, block: Block) -> set[str]:
        logs = await self._logs_of(block, address=self._exchanges, topics=[_ORDERS_MATCHED])
        return {log["transactionHash"] for log in logs}

    async def _touched_in(self, block: Block, ours: Collection[_Sent]) -> set[str]:
        """Return the owners that other transactions moved or approved something of: the addresses in their logs."""
        expected = {sent.hash for sent in ours}
        logs = await self._logs_of(block, address=self._tokens + self._modules)
        for log in logs:
            if (words_before := _WORDS_BEFORE_PAYOUTS.get(log["topics"][0])) is not None:
                self._herald.condition_resolved(log["topics"][1], _payouts(log["data"], words_before))
        foreign = (log["topics"][1:] for log in logs if log["transactionHash"] not in expected)
        return {"0x" + topic[-40:] for topics in foreign for topic in topics}

    async def _logs_of(self, block: Block, **criteria: object) -> list[dict[str, Any]]:
        """Return a block's logs; Refused when it is gone: to a node, a block that it does not know has none."""
        logs: list[dict[str, Any]] = await self._call("eth_getLogs", {"blockHash": block.hash, **criteria})
        if await self._call("eth_getBlockByHash", block.hash, False) is None:
            raise Refused(f"the chain has no block {block.hash} any more")
        return logs

    def _confirm_up_to(self, number: int) -> None:
        for mined_in, sent in self._settled:
            if mined_in <= number and sent.trade.status is TradeStatus.MINED:
                self._aftermath.confirm(sent.trade)

    def _forget_up_to(self, number: int) -> None:
        while self._settled and self._settled[0][0] <= number:
            _, settled = self._settled.popleft()
            self._sent = {key: sent for key, sent in self._sent.items() if sent.nonce > settled.nonce}

    async def _fail(self, trade: Trade) -> None:
        purses = [purse_of(order) for order in trade.parties()]
        await _patiently(lambda: self._accounts.ensure(purses))
        self._aftermath.fail(trade)

    async def _call(self, method: str, *params: Any) -> Any:
        return await _patiently(lambda: self._node.call(method, *params))


def _payouts(data: str, words_before: int) -> tuple[int, ...]:
    """Return the payout numerators that stand at the end of a resolution's data."""
    words = [int(data[start : start + 64], 16) for start in range(2, len(data), 64)]
    return tuple(words[words_before:])


async def _patiently(ask: Callable[[], Awaitable[_T]]) -> _T:
    """Ask the node again until it answers: what is matched must be settled."""
    while True:
        try:
            return await ask()
        except (aiohttp.ClientError, TimeoutError):
            await asyncio.sleep(_RESEND_DELAY_S)
