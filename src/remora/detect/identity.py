"""One leader order in one transaction is one signal, from whatever source and however often it is heard."""

from __future__ import annotations

from collections import OrderedDict

from remora.domain.errors import Malformed
from remora.domain.ids import TxHash, signal_id
from remora.domain.signal import Fill, Signal


class RecentlySeen:
    """The keys of the last `ttl_us` microseconds: a cheap answer in front of the unique row, never instead of it."""

    def __init__(self, ttl_us: int) -> None:
        self._ttl_us = ttl_us
        self._seen: OrderedDict[str, int] = OrderedDict()

    def add(self, key: str, now_us: int) -> bool:
        """Remember a key; True when it is new within the time to live."""
        while self._seen and next(iter(self._seen.values())) <= now_us - self._ttl_us:
            self._seen.popitem(last=False)
        if key in self._seen:
            return False
        self._seen[key] = now_us
        return True

    def forget(self, key: str) -> None:
        """Let a key be heard again: what it stands for could not be dealt with."""
        self._seen.pop(key, None)


def signal_of(fill: Fill, *, chain_id: int, heard_us: int, block_us: int) -> Signal:
    """Return the signal of a leader's summed fill. Malformed when the fill comes from no mined transaction."""
    if fill.tx_hash is None or fill.block_number is None or fill.log_index is None:
        raise Malformed(f"expected a fill of a mined transaction, found order {fill.order_hash} without one")
    return Signal(
        signal_id=signal_id(chain_id, fill.exchange, fill.order_hash, TxHash(fill.tx_hash)),
        chain_id=chain_id,
        exchange=fill.exchange,
        order_hash=fill.order_hash,
        tx_hash=fill.tx_hash,
        leader=fill.wallet,
        role=fill.role,
        side=fill.side,
        token_id=fill.token_id,
        shares=fill.shares,
        collateral=fill.collateral,
        fee=fill.fee,
        block_number=fill.block_number,
        log_index=fill.log_index,
        heard_us=heard_us,
        block_us=block_us,
    )
