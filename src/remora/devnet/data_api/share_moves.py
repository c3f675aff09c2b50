"""Moves: what wallets split, merged and redeemed, and NO shares that became YES shares of other questions.

A move is one event of a contract, and the transfers of the wallet's shares that belong to it. An adapter takes
shares before the event and hands them out after it; whoever is in between has an event of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from remora.devnet.clob.listings import Listing, Listings
from remora.devnet.data_api.deals import ROWS_PER_BLOCK
from remora.devnet.data_api.share_logs import BURNED, MOVES, NOBODY, TRANSFERS, MoveEvent, RawLog, Transfer, topic_of
from remora.devnet.endpoints import Contracts
from remora.devnet.rpc import Node, Request
from remora.domain import contracts as events

#: Moves follow a block's deals.
_AFTER_DEALS = ROWS_PER_BLOCK // 2


class MoveKind(StrEnum):
    """What the Data API calls it."""

    SPLIT = "SPLIT"
    MERGE = "MERGE"
    REDEEM = "REDEEM"
    CONVERSION = "CONVERSION"


_KINDS: Mapping[str, MoveKind] = {
    events.POSITION_SPLIT: MoveKind.SPLIT,
    events.POSITIONS_MERGE: MoveKind.MERGE,
    events.PAYOUT_REDEMPTION: MoveKind.REDEEM,
    events.NEG_RISK_CONVERSION: MoveKind.CONVERSION,
}

_BRINGING = frozenset({events.POSITION_SPLIT, events.NEG_RISK_CONVERSION})
_TAKING = frozenset({events.POSITIONS_MERGE, events.PAYOUT_REDEMPTION, events.NEG_RISK_CONVERSION})


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareMove:
    """What a wallet did, in base units; `sequence` orders moves and deals.

    `amount` is what was split, merged or converted, of a redemption the payout. `shares` came (or left, negative), by
    token. A conversion is of a whole neg-risk market: `listing` is one of its questions.
    """

    sequence: int
    wallet: str
    kind: MoveKind
    listing: Listing
    amount: int
    shares: Mapping[int, int]
    at_s: int
    transaction_hash: str

    @property
    def subject(self) -> str:
        """The condition, or the neg-risk market of a conversion."""
        market = self.listing.market
        return market.neg_risk_market_id if self.kind is MoveKind.CONVERSION else market.condition_id


@dataclass(slots=True)
class _Deed:
    """A move with the transfers of the wallet that belong to it."""

    move: MoveEvent
    shares: dict[int, int] = field(default_factory=dict)
    is_wallets: bool = False


class ShareMoves:
    """Reads a wallet's moves from the chain."""

    def __init__(self, node: Node, contracts: Contracts, listings: Listings) -> None:
        self._node = node
        self._contracts = contracts
        self._listings = listings
        self._servants = [
            topic_of(servant)
            for servant in (
                contracts.collateral_adapter,
                contracts.neg_risk_collateral_adapter,
                contracts.neg_risk_adapter,
                contracts.auto_redeemer,
            )
        ]

    async def of(self, wallet: str) -> list[ShareMove]:
        """Return a wallet's moves in the listed markets, oldest first."""
        own, ledger = topic_of(wallet), self._contracts.conditional_tokens
        came, left, moves, converted = await self._node.batch(
            self._logs(address, topics)
            for address, topics in (
                (ledger, [TRANSFERS, None, [*self._servants, NOBODY], own]),
                (ledger, [TRANSFERS, None, own, [*self._servants, NOBODY, topic_of(BURNED)]]),
                (ledger, [MOVES, [*self._servants, own]]),
                (self._contracts.neg_risk_adapter, [events.NEG_RISK_CONVERSION, [*self._servants, own]]),
            )
        )
        deeds = [_Deed(move=MoveEvent.parse(log)) for log in (*moves, *converted)]
        self._attribute(deeds, [Transfer.parse(log, own) for log in (*came, *left)], wallet)
        return await self._told(wallet, [deed for deed in deeds if deed.is_wallets])

    def _attribute(self, deeds: Sequence[_Deed], transfers: Iterable[Transfer], wallet: str) -> None:
        """Give each transfer to the move that it belongs to; a move for the wallet itself needs none to be its own."""
        by_transaction: defaultdict[str, list[_Deed]] = defaultdict(list)
        for deed in deeds:
            deed.is_wallets = deed.move.account == wallet
            by_transaction[deed.move.transaction_hash].append(deed)
        for transfer in transfers:
            nearest = _nearest(by_transaction[transfer.transaction_hash], transfer, self._subject(transfer))
            if nearest is not None:
                nearest.is_wallets = True
                nearest.shares |= transfer.shares

    def _subject(self, transfer: Transfer) -> str | None:
        """Return what a transfer is about: a condition, or a neg-risk market if it is of other tokens than a pair.

        Only who redeems by itself moves one outcome alone, to nobody.
        """
        listings = [self._listings.find_token(token) for token in transfer.shares]
        if not listings or listings[0] is None:
            return None
        market = listings[0].market
        is_pair = listings[1:] == listings[:1]
        return market.condition_id if is_pair or transfer.other == NOBODY else market.neg_risk_market_id

    async def _told(self, wallet: str, deeds: Sequence[_Deed]) -> list[ShareMove]:
        times = await block_times(self._node, (deed.move.block for deed in deeds))
        told = [
            ShareMove(
                sequence=sequence_of(deed.move.block, deed.move.index),
                wallet=wallet,
                kind=_KINDS[deed.move.topic],
                listing=listing,
                amount=deed.move.amount,
                shares=deed.shares,
                at_s=times[deed.move.block],
                transaction_hash=deed.move.transaction_hash,
            )
            for deed in deeds
            if (listing := self._listings.find(deed.move.subject))
        ]
        return sorted(told, key=lambda move: move.sequence)

    def _logs(self, address: str, topics: list[Any]) -> Request:
        criteria = {"address": address, "fromBlock": "0x0", "toBlock": "latest", "topics": topics}
        return Request(method="eth_getLogs", params=(criteria,))


async def block_times(node: Node, numbers: Iterable[str]) -> dict[str, int]:
    """Return the time, in seconds, of blocks by their numbers as the node writes them."""
    ordered = sorted(set(numbers))
    blocks: list[RawLog] = await node.batch(
        Request(method="eth_getBlockByNumber", params=(number, False)) for number in ordered
    )
    return {number: int(block["timestamp"], 16) for number, block in zip(ordered, blocks, strict=True)}


def sequence_of(block: str, log_index: int) -> int:
    """Return where a move stands among moves and deals, from its block's number as the node writes it."""
    return int(block, 16) * ROWS_PER_BLOCK + _AFTER_DEALS + log_index


def _nearest(deeds: Iterable[_Deed], transfer: Transfer, subject: str | None) -> _Deed | None:
    kinds = _BRINGING if transfer.came else _TAKING
    fitting = [deed for deed in deeds if deed.move.subject == subject and deed.move.topic in kinds]
    return min(fitting, key=lambda deed: abs(deed.move.index - transfer.index), default=None)
