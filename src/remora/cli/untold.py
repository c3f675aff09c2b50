"""Why a transaction left no signal, in sentences: from what the database knows of it, and from its receipt."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from remora.detect.calldata import SENTENCES as NO_MATCH_SENTENCES
from remora.detect.calldata import NotAMatch
from remora.detect.explain import SENTENCES, Explanation, NoTrade, ShareMove, explain_receipt
from remora.domain.chain import Receipt
from remora.domain.contracts import Contracts
from remora.domain.ids import Address
from remora.domain.money import ZERO_SHARES, Shares
from remora.domain.signal import Fill
from remora.domain.stories import OwnPart


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """What the database knows: our own wallets, the leaders of the registry with what to call them, how far we read."""

    own: OwnPart
    own_wallets: frozenset[Address]
    leaders: Collection[Address]
    read_to: int | None


def own_reasons(own: OwnPart) -> Iterator[str]:
    """Yield what we did ourselves in the transaction."""
    if own.purpose is not None:
        yield f"remora sent it itself, to {own.purpose}: its own transactions are no trades of a leader"
    for order_hash in own.order_hashes:
        yield f"remora's own order {order_hash} filled in it: own orders are never copied"


def reasons(receipt: Receipt, background: Background, known: Contracts) -> list[str]:
    """Say why a mined transaction is no signal of any leader: each sentence is true by itself."""
    if not receipt.succeeded:
        return [SENTENCES[NoTrade.REVERTED]]
    found: dict[str, None] = {}
    for leader in sorted(background.leaders):
        explanation = explain_receipt(receipt, leader, known)
        found |= dict.fromkeys(f"leader {leader}: {why}" for why in _of_leader(explanation, receipt, background))
    if found:
        return list(found)
    count = len(background.leaders)
    return [f"no order of the {count} known leaders filled in it, and none of their shares moved: it is no leader's"]


def _of_leader(explanation: Explanation, receipt: Receipt, background: Background) -> Iterator[str]:
    for fill in explanation.fills:
        yield _fill_reason(fill, receipt, background)
    for move in explanation.moves:
        yield _move_reason(move, receipt, background)
    if explanation.fills or explanation.moves:
        return
    for row in explanation.ignored:
        if row.concerns_wallet:
            yield NO_MATCH_SENTENCES[row.reason] if isinstance(row.reason, NotAMatch) else SENTENCES[row.reason]


def _fill_reason(fill: Fill, receipt: Receipt, background: Background) -> str:
    deed = f"its {fill.side} of {fill.shares} shares at {fill.price}"
    if fill.counterparty in background.own_wallets:
        return f"{deed} is the other side of an order of remora's own: copying it would copy ourselves"
    if not fill.shares:
        return f"{deed} moved nothing"
    return f"{deed} {_missed(receipt, background)}"


def _move_reason(move: ShareMove, receipt: Receipt, background: Background) -> str:
    amount = Shares(abs(move.shares.units))
    if move.shares > ZERO_SHARES:
        return f"{amount} shares came by a {move.reason}: {SENTENCES[move.reason]}, and it is never an entry"
    if move.other in background.own_wallets:
        return f"{amount} shares went to a wallet of remora's own: the leader is a follower too, and settled a copy"
    return f"the exit of {amount} shares by a {move.reason} {_missed(receipt, background)}"


def _missed(receipt: Receipt, background: Background) -> str:
    if background.read_to is None or receipt.block_number > background.read_to:
        read = "none" if background.read_to is None else str(background.read_to)
        return f"is in block {receipt.block_number}, which has not been read yet: the last that was is {read}"
    return f"in block {receipt.block_number} was not heard: the leader was not listened to then"
