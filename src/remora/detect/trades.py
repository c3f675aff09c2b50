"""From a block's receipts to what was traded in it, in chain order, and what else it did to leaders that are named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from remora.detect.calldata import NotAMatch
from remora.detect.decode import exact_fills, sum_by_order, topic_address
from remora.detect.explain import NoTrade, ShareMove, explain_receipt
from remora.detect.transfers import TRANSFERS
from remora.detect.watch import Watch
from remora.domain.chain import Receipt
from remora.domain.ids import Address
from remora.domain.signal import Fill


@dataclass(frozen=True, slots=True, kw_only=True)
class BesideTrades:
    """What a receipt says of a leader beside its trades: what moved its shares, and why the rest is no trade."""

    leader: Address
    receipt: Receipt
    traded: bool
    reasons: tuple[NoTrade | NotAMatch, ...]
    moves: tuple[ShareMove, ...]


def fills_of(receipts: Sequence[Receipt], watch: Watch) -> list[Fill]:
    """Return the fills of leaders and fleet, one per order and transaction, in chain order."""
    return [fill for receipt in receipts for fill in _fills(receipt, watch)]


def beside_trades(receipts: Sequence[Receipt], fills: Sequence[Fill], watch: Watch) -> Iterator[BesideTrades]:
    """Yield what receipts say of leaders who did not trade in them, or whose shares also moved otherwise."""
    traded = {(fill.tx_hash, fill.wallet) for fill in fills}
    for receipt in receipts:
        for leader in sorted(_parties(receipt) & watch.leaders):
            has_traded = (receipt.tx_hash, leader) in traded
            if has_traded and not _moves_otherwise(receipt, leader, watch):
                continue
            seen = explain_receipt(receipt, leader, watch.known)
            reasons = sorted({ignored.reason for ignored in seen.ignored if ignored.concerns_wallet})
            yield BesideTrades(
                leader=leader, receipt=receipt, traded=has_traded, reasons=tuple(reasons), moves=seen.moves
            )


def _fills(receipt: Receipt, watch: Watch) -> list[Fill]:
    if not receipt.succeeded:
        return []
    fills = sum_by_order(exact_fills(receipt.logs, watch.known.exchanges, complete=True))
    return [fill for fill in fills if fill.wallet in watch.leaders or fill.wallet in watch.fleet]


def _parties(receipt: Receipt) -> set[Address]:
    named = {topic for log in receipt.logs for topic in log.topics[1:]}  # most of a match are named several times
    return {Address("0x" + topic[-40:]) for topic in named}


def _moves_otherwise(receipt: Receipt, leader: Address, watch: Watch) -> bool:
    """Tell whether somebody else than an exchange transferred shares of the leader."""
    party = "0x" + leader[2:].rjust(64, "0")
    return any(
        log.address in watch.known.ledgers
        and log.topics[0] in TRANSFERS
        and party in log.topics[2:]
        and topic_address(log.topics[1]) not in watch.known.exchanges
        for log in receipt.logs
        if log.topics
    )
