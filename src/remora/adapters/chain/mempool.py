"""Pending transactions as nodes tell them: all that the node hears of, or with Alchemy those to the exchanges only.

Experimental: how much of the venue's traffic a node's pool sees depends on the provider (polymarket.md 4.4, 8).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping
from enum import StrEnum
from typing import Any, assert_never

import structlog

from remora.adapters.chain.jsonrpc import NodeError, read_error
from remora.adapters.chain.reader import parse_head
from remora.adapters.chain.rpc import RpcClient
from remora.domain.chain import Head, PendingTransaction, parse_pending
from remora.domain.errors import Malformed, OperatorError, Retryable
from remora.domain.ids import Address

log = structlog.get_logger()

_IS_OPERATOR = bytes.fromhex("6d70f7ae")
"""`isOperator(address)`: in the public sources of the first and third generation."""

_HEADS = ("newHeads",)
_YES = 1


class MempoolFeed(StrEnum):
    """How a node is asked for pending transactions."""

    FULL = "full"
    ALCHEMY = "alchemy"


def subscription(feed: MempoolFeed, exchanges: Collection[Address]) -> tuple[Any, ...]:
    """Return the parameters of eth_subscribe: whole transactions, not their hashes only.

    Alchemy's form is filtered by whom a transaction calls, so that it tells no match that is wrapped in another call.
    """
    match feed:
        case MempoolFeed.FULL:
            return ("newPendingTransactions", True)
        case MempoolFeed.ALCHEMY:
            return ("alchemy_pendingTransactions", {"toAddress": sorted(exchanges), "hashesOnly": False})
        case _:
            assert_never(feed)


class NodeMempool:
    """A Mempool. `silence_s` without a new block or transaction counts as a lost connection."""

    def __init__(
        self, rpc: RpcClient, *, feed: MempoolFeed, exchanges: Collection[Address], silence_s: float = 60.0
    ) -> None:
        self._rpc = rpc
        self._subscription = subscription(feed, exchanges)
        self._silence_s = silence_s

    async def stream(self) -> AsyncGenerator[PendingTransaction | Head, None]:
        """Yield transactions and heads in order of arrival; what cannot be read is logged and passed over."""
        try:
            async with self._rpc.subscribed(_HEADS, self._subscription) as feed:
                while True:
                    index, payload = await feed.next(self._silence_s)
                    item = self._transaction(payload) if index else parse_head(payload)
                    if item is not None:
                        yield item
        except TimeoutError:
            raise Retryable(f"the node sent nothing for {self._silence_s} s") from None
        except NodeError as error:
            raise self._refusal(error) from None

    async def may_match(self, account: Address, exchange: Address) -> bool:
        """Ask the exchange. One that does not know the question lets nobody."""
        call: Mapping[str, str] = {"to": exchange, "data": f"0x{_IS_OPERATOR.hex()}{account[2:]:0>64}"}
        try:
            answer = await self._rpc.call("eth_call", call, "latest")
        except NodeError as error:
            failure = read_error(error)
            if isinstance(failure, Retryable):
                raise failure from None
            log.warning("operators_unknown", exchange=exchange, error=str(failure))
            return False
        return isinstance(answer, str) and answer == f"0x{_YES:064x}"

    def _transaction(self, payload: Any) -> PendingTransaction | None:
        if isinstance(payload, str):
            raise OperatorError(
                f"the node at {self._rpc.host} tells only the hashes of pending transactions: mempool detection needs "
                "whole ones; use another node, or set REMORA_MEMPOOL=off"
            )
        try:
            return parse_pending(payload)
        except Malformed as error:
            log.warning("pending_transaction_unreadable", node=self._rpc.host, error=str(error))
            return None

    def _refusal(self, error: NodeError) -> Retryable | OperatorError:
        failure = read_error(error)
        if isinstance(failure, OperatorError):
            return OperatorError(
                f"the node at {self._rpc.host} tells no pending transactions by {self._subscription[0]}: {error.reason}"
            )
        return failure
