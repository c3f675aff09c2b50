"""Leader fills of transactions that no block has yet: what is known of each until it is mined or can't be any more.

An order is one trade while it is unmined, whatever transactions it is in: an operator that raises its fee sends the
same match again under another hash. So a pending fill is identified by exchange and order hash, and bears the hash of
the transaction that was heard first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from remora.domain.chain import PendingTransaction
from remora.domain.ids import Address, OrderHash, TxHash
from remora.domain.signal import Fill

MAX_PENDING = 5_000
"""Pending fills that are followed at most; what is heard beyond is left to be heard from the block."""

MAX_TRANSACTIONS = 8
"""Transactions of one pending fill that are followed at most."""

PATIENCE_BLOCKS = 15
"""A transaction that is in none of so many blocks is given up; it may still be mined."""

DOUBT_BLOCKS = 2
"""A used account nonce says that another transaction was mined, but a node may be late with the receipt of this one."""

KEPT_BLOCKS = 64
"""How long a mined one is remembered: its fill may be heard from the block later than its receipt was read."""

OrderKey = tuple[Address, OrderHash]


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingFill:
    """What a leader's order will trade in a transaction that no block has: provisional, all its fills in it summed.

    `fill` has the hash of the transaction that was heard first, and no place in a block. `heard_us` is the wall clock,
    `heard_block` the head at that time.
    """

    fill: Fill
    heard_us: int
    heard_block: int

    @property
    def key(self) -> OrderKey:
        """Its identity while it is unmined."""
        return self.fill.exchange, self.fill.order_hash


class Vanished(StrEnum):
    """Why a pending fill is none. Only the first two are proofs: what is overdue may still be mined."""

    REVERTED = "reverted"
    REPLACED = "replaced"
    OVERDUE = "overdue"


@dataclass(slots=True, kw_only=True)
class Sent:
    """A transaction that a pending fill is in; `used_block` is when its account nonce was first seen to be used."""

    transaction: PendingTransaction
    heard_block: int
    used_block: int | None = None

    def end(self, block: int, *, nonce_used: bool) -> Vanished | None:
        """Tell what became of it, when there is no receipt of it at this head; None while it may be mined."""
        if not nonce_used:
            self.used_block = None
            return Vanished.OVERDUE if block - self.heard_block >= PATIENCE_BLOCKS else None
        if self.used_block is None:
            self.used_block = block
        return Vanished.REPLACED if block - self.used_block >= DOUBT_BLOCKS else None


@dataclass(slots=True, kw_only=True)
class _Entry:
    pending: PendingFill
    sent: dict[TxHash, Sent] = field(default_factory=dict)


class Unmined:
    """The pending fills of leaders, and the transactions to look for in blocks."""

    def __init__(self) -> None:
        self._entries: dict[OrderKey, _Entry] = {}
        self._mined: OrderedDict[OrderKey, tuple[PendingFill, TxHash, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def is_full(self) -> bool:
        """Whether no more can be followed."""
        return len(self._entries) >= MAX_PENDING

    def add(self, pending: PendingFill, transaction: PendingTransaction) -> bool:
        """Follow a fill; False when its order is already followed, and this is one more transaction of it."""
        if self._is_mined(pending.key, transaction.tx_hash):
            return False
        known = self._entries.get(pending.key)
        entry = known or self._entries.setdefault(pending.key, _Entry(pending=pending))
        if len(entry.sent) < MAX_TRANSACTIONS:
            sent = Sent(transaction=transaction, heard_block=pending.heard_block)
            entry.sent.setdefault(transaction.tx_hash, sent)
        return known is None

    def find(self, key: OrderKey, tx_hash: TxHash) -> PendingFill | None:
        """Return the pending fill that a fill in a block is, if it was heard before: its order, while it is unmined."""
        if self._is_mined(key, tx_hash):
            return self._mined[key][0]
        entry = self._entries.get(key)
        return entry.pending if entry else None

    def transactions(self) -> Iterator[tuple[PendingFill, Sent]]:
        """Yield each followed fill with each of its transactions, as they are now."""
        for entry in list(self._entries.values()):
            for sent in list(entry.sent.values()):
                yield entry.pending, sent

    def mined(self, key: OrderKey, tx_hash: TxHash, block: int) -> None:
        """Note that a block has the fill, in this transaction; what was mined long before is forgotten."""
        if entry := self._entries.pop(key, None):
            self._mined[key] = (entry.pending, tx_hash, block)
        while self._mined and next(iter(self._mined.values()))[2] < block - KEPT_BLOCKS:
            self._mined.popitem(last=False)

    def drop(self, key: OrderKey, tx_hash: TxHash) -> bool:
        """Stop to look for a transaction; True when it was the last of its fill, which is then followed no more."""
        entry = self._entries.get(key)
        if entry is None or entry.sent.pop(tx_hash, None) is None or entry.sent:
            return False
        del self._entries[key]
        return True

    def _is_mined(self, key: OrderKey, tx_hash: TxHash) -> bool:
        return key in self._mined and self._mined[key][1] == tx_hash
