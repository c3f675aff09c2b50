"""What moved leaders' shares without being a trade, once per transaction, and which of it is an exit.

A merge, a conversion, a redemption or a transfer that takes shares is an exit of its own kind. What comes is never an
entry, and what the fleet took is a settlement: the leader follows somebody itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from remora.detect.explain import NoTrade, ShareMove
from remora.detect.trades import BesideTrades
from remora.domain.ids import Address, TokenId, TxHash
from remora.domain.money import ZERO_SHARES, Shares
from remora.domain.signal import SignalKind

_KINDS: Mapping[NoTrade, SignalKind] = {
    NoTrade.MERGE: SignalKind.MERGE,
    NoTrade.CONVERSION: SignalKind.CONVERSION,
    NoTrade.REDEMPTION: SignalKind.REDEMPTION,
    NoTrade.TRANSFER: SignalKind.TRANSFER,
}
"""What an exit for a reason is. A split takes no shares."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Shares of one token that came to a leader, or left it (negative), for one reason in one transaction.

    `kind` is that of the exit that it is, None for what is none. `log_index` is that of its first log.
    """

    wallet: Address
    kind: SignalKind | None
    ledger: Address
    token_id: TokenId
    shares: Shares
    tx_hash: TxHash
    block_number: int
    log_index: int | None


def moves_of(besides: Iterable[BesideTrades], fleet: Collection[Address]) -> list[Move]:
    """Return the moves of leaders; exits of one kind, transaction and token are one, what is no exit stands alone.

    What came before an exit and what came after it are told apart by that.
    """
    moves: list[Move] = []
    for beside in besides:
        alike: defaultdict[tuple[Address, TokenId, SignalKind], list[ShareMove]] = defaultdict(list)
        for move in beside.moves:
            if (kind := _kind(move, fleet)) is None:
                moves.append(_summed(beside, None, [move]))
            else:
                alike[move.ledger, move.token_id, kind].append(move)
        moves += [_summed(beside, kind, same) for (_, _, kind), same in alike.items()]
    return moves


def _kind(move: ShareMove, fleet: Collection[Address]) -> SignalKind | None:
    left = move.shares < ZERO_SHARES and move.other not in fleet
    return _KINDS.get(move.reason) if left else None


def _summed(beside: BesideTrades, kind: SignalKind | None, moves: Sequence[ShareMove]) -> Move:
    first = moves[0]
    return Move(
        wallet=beside.leader,
        kind=kind,
        ledger=first.ledger,
        token_id=first.token_id,
        shares=sum((move.shares for move in moves), ZERO_SHARES),
        tx_hash=beside.receipt.tx_hash,
        block_number=beside.receipt.block_number,
        log_index=first.log_index,
    )
