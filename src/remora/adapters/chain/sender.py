"""Sending signed transactions through a node. Their hash is known beforehand, so sending one twice does no harm."""

from __future__ import annotations

from collections.abc import Sequence

from remora.adapters.chain.endpoint import Endpoint, by_preference
from remora.adapters.chain.jsonrpc import AnswerLost, NodeError
from remora.adapters.chain.rpc import RpcClient
from remora.domain.errors import OperatorError, OutcomeUnknown, Refused, Retryable
from remora.domain.ids import TxHash
from remora.domain.transaction import SignedTransaction

_KNOWN_WORDS = ("already known", "alreadyknown", "already imported", "known transaction")
"""geth and bor, Nethermind, anvil, Besu: the transaction is in the node's pool."""

_FULL_WORDS = ("txpool is full", "transaction pool is full")


class NodeSender:
    """A TxSender."""

    def __init__(self, rpc: RpcClient) -> None:
        self._rpc = rpc

    async def broadcast(self, signed: SignedTransaction) -> None:
        """Hand a signed transaction to the node.

        One that is already pooled or mined is fine, whatever the node calls it: to a mined one it says "nonce too low".
        Raises Retryable when the node did not look at it, Refused with the node's words when it won't have it,
        OutcomeUnknown when the answer is lost or the node fails half-way.
        """
        try:
            await self._rpc.call("eth_sendRawTransaction", f"0x{signed.raw.hex()}")
        except AnswerLost as error:
            raise OutcomeUnknown(f"transaction {signed.tx_hash}: {error}") from None
        except NodeError as error:
            if not error.says(*_KNOWN_WORDS):
                await self._judge(error, signed.tx_hash)

    async def _judge(self, error: NodeError, tx_hash: TxHash) -> None:
        """Raise what the node's error proves, unless the node has the transaction after all."""
        if error.is_rate_limit or error.says(*_FULL_WORDS):
            raise Retryable(f"the node did not take transaction {tx_hash}: {error.reason}")
        if error.is_internal:
            raise OutcomeUnknown(f"transaction {tx_hash}: the node failed: {error.reason}")
        if not await self._has(tx_hash):
            raise Refused(error.reason)

    async def _has(self, tx_hash: TxHash) -> bool:
        try:
            return await self._rpc.call("eth_getTransactionByHash", tx_hash) is not None
        except (NodeError, Retryable) as error:
            raise OutcomeUnknown(f"transaction {tx_hash}: refused, and then: {error}") from None


class PoolSender:
    """A TxSender over several nodes: the best one, and the next while one cannot be reached."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        self._endpoints = endpoints

    async def broadcast(self, signed: SignedTransaction) -> None:
        """Hand a signed transaction to one node. Handing it to a second one is safe: it is the same transaction.

        Raises as NodeSender does. A refusal proves nothing once another node may have taken it: OutcomeUnknown then.
        """
        doubt: OutcomeUnknown | None = None
        trouble: Retryable | None = None
        for endpoint in by_preference(self._endpoints):
            try:
                await endpoint.sender.broadcast(signed)
            except OutcomeUnknown as unknown:
                doubt = unknown
            except Retryable as failed:
                trouble = failed
            except Refused:
                if doubt is None:
                    raise
            else:
                return
        raise doubt or trouble or OperatorError("expected at least one node to send through, found none")
