"""One leader order in one transaction is one signal, from whatever source and however often it is heard.

So is what else took a leader's shares of one token in one transaction, by its kind.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, assert_never

from remora.detect.blocks import Block
from remora.detect.moves import Move
from remora.detect.positions import Happening
from remora.domain.errors import InvariantBroken, Malformed
from remora.domain.history import PolledTrade
from remora.domain.ids import ZERO_ADDRESS, OrderHash, exit_hash, pending_signal_id, polled_signal_id, signal_id
from remora.domain.money import ZERO_COLLATERAL, Shares
from remora.domain.signal import Fill, Role, Side, Signal, Source

US = 1_000_000


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

    def clear(self) -> None:
        """Let every key be heard again: the chain is no more what it was."""
        self._seen.clear()


def mined_signal(happening: Happening, *, chain_id: int, block: Block, block_us: int) -> Signal:
    """Return the signal of a leader's summed fill or exit. Malformed when it comes from no mined transaction."""
    match happening:
        case Fill():
            return _fill_signal(happening, chain_id, block, block_us)
        case Move():
            return _exit_signal(happening, chain_id, block, block_us)
        case _:
            assert_never(happening)


def _fill_signal(fill: Fill, chain_id: int, block: Block, block_us: int) -> Signal:
    if fill.tx_hash is None or fill.block_number is None or fill.log_index is None:
        raise Malformed(f"expected a fill of a mined transaction, found order {fill.order_hash} without one")
    return Signal(
        signal_id=signal_id(chain_id, fill.exchange, fill.order_hash, fill.tx_hash),
        chain_id=chain_id,
        tx_hash=fill.tx_hash,
        block_number=fill.block_number,
        block_hash=block.hash,
        log_index=fill.log_index,
        heard_us=block.heard_us,
        block_us=block_us,
        source=block.source,
        **_traded(fill),
    )


def _exit_signal(move: Move, chain_id: int, block: Block, block_us: int) -> Signal:
    if move.kind is None:
        raise InvariantBroken(f"expected a move that is an exit, found one of {move.shares} shares in {move.tx_hash}")
    order_hash = exit_hash(move.kind, move.wallet, move.token_id)
    return Signal(
        signal_id=signal_id(chain_id, move.ledger, order_hash, move.tx_hash),
        chain_id=chain_id,
        exchange=move.ledger,
        order_hash=order_hash,
        tx_hash=move.tx_hash,
        leader=move.wallet,
        role=Role.TAKER,  # there was no order
        side=Side.SELL,
        token_id=move.token_id,
        shares=Shares(abs(move.shares.units)),
        collateral=ZERO_COLLATERAL,
        fee=ZERO_COLLATERAL,
        block_number=move.block_number,
        block_hash=block.hash,
        log_index=move.log_index,
        heard_us=block.heard_us,
        block_us=block_us,
        source=block.source,
        kind=move.kind,
    )


def pending_signal(fill: Fill, *, chain_id: int, heard_us: int) -> Signal:
    """Return the signal of a fill that a pending transaction would make. Malformed when it has no transaction.

    Its id is of a kind of its own: the transaction may be replaced by another that fills the same order, and then be
    mined after all.
    """
    if fill.tx_hash is None:
        raise Malformed(f"expected a fill of a pending transaction, found order {fill.order_hash} without one")
    return Signal(
        signal_id=pending_signal_id(chain_id, fill.exchange, fill.order_hash, fill.tx_hash),
        chain_id=chain_id,
        tx_hash=fill.tx_hash,
        block_number=None,
        log_index=None,
        heard_us=heard_us,
        block_us=None,
        source=Source.MEMPOOL,
        **_traded(fill),
    )


def polled_signal(trade: PolledTrade, *, chain_id: int, heard_us: int) -> Signal:
    """Return the signal of a trade that no node tells, only the public history; it counts from when it happened."""
    key = trade.key
    name = polled_signal_id(chain_id, key.leader, key.token_id, key.side, key.tx_hash)
    return Signal(
        signal_id=name,
        chain_id=chain_id,
        exchange=ZERO_ADDRESS,
        order_hash=OrderHash(name),
        tx_hash=key.tx_hash,
        leader=key.leader,
        role=Role.TAKER,  # unknown until a block has it
        side=key.side,
        token_id=key.token_id,
        shares=trade.shares,
        collateral=trade.collateral,
        fee=ZERO_COLLATERAL,
        block_number=None,
        log_index=None,
        heard_us=heard_us,
        block_us=trade.traded_s * US,
        source=Source.POLLING,
    )


def _traded(fill: Fill) -> dict[str, Any]:
    return {
        "exchange": fill.exchange,
        "order_hash": fill.order_hash,
        "leader": fill.wallet,
        "role": fill.role,
        "side": fill.side,
        "token_id": fill.token_id,
        "shares": fill.shares,
        "collateral": fill.collateral,
        "fee": fill.fee,
    }
