"""Moves of the third exchange generation: what wallets split, merged and redeemed through the router.

The modules of the position manager tell of each, and for whom it was done. What a match mints or merges is done for the
exchange.
"""

from __future__ import annotations

from dataclasses import dataclass

from remora.devnet.clob.listings import Listing, Listings
from remora.devnet.data_api.share_logs import RawLog, topic_of
from remora.devnet.data_api.share_moves import MoveKind, ShareMove, block_times, sequence_of
from remora.devnet.endpoints import Contracts
from remora.devnet.rpc import Node
from remora.domain import contracts as events

_WORD = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """How an event tells of a move: which words of its data are the amount and the shares, which came or left."""

    kind: MoveKind
    amount_word: int
    shares_word: int
    sign: int


_FORMS = {
    events.MODULE_SPLIT: _Form(kind=MoveKind.SPLIT, amount_word=1, shares_word=1, sign=1),
    events.MODULE_MERGE: _Form(kind=MoveKind.MERGE, amount_word=0, shares_word=0, sign=-1),
    events.MODULE_REDEMPTION: _Form(kind=MoveKind.REDEEM, amount_word=1, shares_word=0, sign=-1),
}


class RouterMoves:
    """Reads a wallet's moves from the chain."""

    def __init__(self, node: Node, contracts: Contracts, listings: Listings) -> None:
        self._node = node
        self._modules = [contracts.binary_module, contracts.neg_risk_module]
        self._listings = listings

    async def of(self, wallet: str) -> list[ShareMove]:
        """Return a wallet's moves in the listed markets, oldest first."""
        topics = [list(_FORMS), None, None, topic_of(wallet)]
        criteria = {"address": self._modules, "fromBlock": "0x0", "toBlock": "latest", "topics": topics}
        logs: list[RawLog] = await self._node.call("eth_getLogs", criteria)
        times = await block_times(self._node, (log["blockNumber"] for log in logs))
        return [
            _move(log, wallet, listing, times[log["blockNumber"]])
            for log in logs
            if (listing := self._listing(log)) is not None
        ]

    def _listing(self, log: RawLog) -> Listing | None:
        topic, _, subject, _ = log["topics"]
        return (
            self._listings.find_token(int(subject, 16))
            if topic == events.MODULE_REDEMPTION
            else self._listings.find(subject)
        )


def _move(log: RawLog, wallet: str, listing: Listing, at_s: int) -> ShareMove:
    form = _FORMS[log["topics"][0]]
    tokens = (int(log["topics"][2], 16),) if form.kind is MoveKind.REDEEM else listing.tokens
    return ShareMove(
        sequence=sequence_of(log["blockNumber"], int(log["logIndex"], 16)),
        wallet=wallet,
        kind=form.kind,
        listing=listing,
        amount=_word(log, form.amount_word),
        shares=dict.fromkeys(tokens, form.sign * _word(log, form.shares_word)),
        at_s=at_s,
        transaction_hash=log["transactionHash"],
    )


def _word(log: RawLog, place: int) -> int:
    return int.from_bytes(bytes.fromhex(log["data"][2:])[place * _WORD : (place + 1) * _WORD])
