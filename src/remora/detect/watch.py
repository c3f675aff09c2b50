"""Whom and what the detector listens for, and the filters by which nodes are asked for it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from remora.domain.chain import LogFilter
from remora.domain.contracts import ORDER_FILLED, TRANSFER_BATCH, TRANSFER_SINGLE, Contracts
from remora.domain.ids import Address
from remora.domain.signal import Fill

TOPICS_PER_FILTER = 1000
"""Nodes take at most this many alternatives for one topic (polymarket.md, section 6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Leaders whose trades become signals, operator wallets whose fills are ours, and the contracts that are known."""

    chain_id: int
    known: Contracts
    leaders: frozenset[Address]
    fleet: frozenset[Address]

    def filters(self) -> list[LogFilter]:
        """Return the filters: fills of leaders and fleet, position transfers from and to leaders."""
        exchanges, ledgers = tuple(sorted(self.known.exchanges)), tuple(sorted(self.known.ledgers))
        transfers = (TRANSFER_SINGLE, TRANSFER_BATCH)
        fills = [
            LogFilter(addresses=exchanges, topics=((ORDER_FILLED,), None, wallets))
            for wallets in _topics(self.leaders | self.fleet)
        ]
        moves = [
            LogFilter(addresses=ledgers, topics=topics)
            for wallets in _topics(self.leaders)
            for topics in ((transfers, None, wallets), (transfers, None, None, wallets))
        ]
        return fills + moves

    def is_signal(self, fill: Fill) -> bool:
        """Tell a leader's own trade from one in which our order hit the leader's resting order."""
        return fill.wallet in self.leaders and fill.counterparty not in self.fleet and bool(fill.shares)


def _topics(wallets: Collection[Address]) -> list[tuple[str, ...]]:
    """Return the wallets as topics, in as many groups as the nodes' limit needs."""
    topics = sorted("0x" + wallet.removeprefix("0x").rjust(64, "0") for wallet in wallets)
    starts = range(0, len(topics), TOPICS_PER_FILTER)
    return [tuple(topics[start : start + TOPICS_PER_FILTER]) for start in starts]
