"""How far the chain is dealt with: the highest block of which nothing is unfinished."""

from __future__ import annotations

from remora.domain.ids import TxHash


class Progress:
    """Tracks the transactions in work and their blocks, to know where a restart must begin to listen again."""

    def __init__(self) -> None:
        self._working: dict[TxHash, int] = {}
        self._head = 0

    def head(self, block_number: int) -> None:
        """Note that the chain has reached a block; its own logs may still arrive."""
        self._head = max(self._head, block_number)

    def start(self, tx_hash: TxHash, block_number: int) -> None:
        """Note that a transaction of a block is being dealt with; one that failed before is taken up again."""
        self._working[tx_hash] = block_number

    def finish(self, tx_hash: TxHash) -> None:
        """Note that a transaction is dealt with durably."""
        self._working.pop(tx_hash, None)

    def safe(self) -> int:
        """Return the last block that a restart may skip; the head is not trusted yet."""
        return min([self._head, *self._working.values()]) - 1
