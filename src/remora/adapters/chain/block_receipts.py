"""The receipts of one block, by its hash: in one call where the node has it, else through the logs of the block.

A block holds hundreds of transactions and few of them concern us: only those are turned into objects.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from remora.adapters.chain.filters import Interest, bounded, query
from remora.adapters.chain.jsonrpc import NodeError, Request, read_error
from remora.adapters.chain.rpc import RpcClient
from remora.domain.chain import LogFilter, Receipt, parse_receipt
from remora.domain.errors import Malformed

_UNKNOWN_METHOD = frozenset({-32601, -32600})
_MISSING_WORDS = ("not found", "does not exist")
"""Of an answer about receipts, when the method is known: it can only be the block."""


class BlockReceipts:
    """Reads blocks through one node, and remembers what the node can do. `malformed` hears of what cannot be read."""

    def __init__(self, rpc: RpcClient, malformed: Callable[[str, Malformed], None]) -> None:
        self._rpc = rpc
        self._malformed = malformed
        self._has_method = True
        self._filters: Sequence[LogFilter] = ()
        self._interest = Interest.of(())

    async def read(self, block_hash: str, filters: Sequence[LogFilter]) -> list[Receipt] | None:
        """Return the receipts with a log for the filters, in chain order; None when the node does not know the block.

        Raises what `read_error` makes of the node's errors.
        """
        try:
            if self._has_method and (answer := await self._whole(block_hash)) is not NotImplemented:
                return None if answer is None else self._parsed(answer, block_hash, self._interest_in(filters))
            return await self._by_logs(block_hash, filters)
        except NodeError as error:
            if error.is_unknown_block or error.says(*_MISSING_WORDS):
                return None
            raise read_error(error) from None

    async def _whole(self, block_hash: str) -> Any:
        """Ask for all receipts; NotImplemented when the node has no such method."""
        try:
            return await self._rpc.call("eth_getBlockReceipts", block_hash)
        except NodeError as error:
            if error.code not in _UNKNOWN_METHOD:
                raise
            self._has_method = False
            return NotImplemented

    async def _by_logs(self, block_hash: str, filters: Sequence[LogFilter]) -> list[Receipt] | None:
        asked = [bounded(query(each), {"blockHash": block_hash}) for each in filters]
        found = await self._rpc.batch(Request(method="eth_getLogs", params=(each,)) for each in asked)
        if any(logs is None for logs in found):
            return None
        hashes = sorted({str(log.get("transactionHash")) for logs in found for log in logs if isinstance(log, dict)})
        raws = await self._rpc.batch(Request(method="eth_getTransactionReceipt", params=(each,)) for each in hashes)
        # A transaction that is elsewhere by now: the block was orphaned between the two questions.
        if any(not isinstance(raw, dict) or raw.get("blockHash") != block_hash for raw in raws):
            return None
        return self._parsed(raws, block_hash, self._interest_in(filters))

    def _interest_in(self, filters: Sequence[LogFilter]) -> Interest:
        """Return the filters' interest; they stay the same for thousands of blocks."""
        if filters is not self._filters:
            self._filters, self._interest = filters, Interest.of(filters)
        return self._interest

    def _parsed(self, raws: Any, block_hash: str, interest: Interest) -> list[Receipt]:
        if not isinstance(raws, list):
            raise Malformed(f"expected a list of receipts, found {type(raws).__name__}")
        receipts = [receipt for raw in raws if interest.covers(raw) and (receipt := self._receipt(raw)) is not None]
        if any(receipt.block_hash not in {block_hash, None} for receipt in receipts):
            raise Malformed(f"expected the receipts of block {block_hash}, found another block's")
        return sorted(receipts, key=lambda receipt: receipt.tx_index or 0)

    def _receipt(self, raw: Any) -> Receipt | None:
        try:
            return parse_receipt(raw)
        except Malformed as error:
            self._malformed("malformed_receipt", error)
            return None
