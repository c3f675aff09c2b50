"""Fills that chain and books do not agree on yet: not heard so far, or orphaned and not reversed so far.

The detector has heard every fill up to its cursor, and what an orphaned one had booked is reversed some blocks after
the cursor has passed it. Until then they explain why a wallet is not as booked.
"""

from __future__ import annotations

from collections.abc import Collection

from remora.domain.chain import LogFilter
from remora.domain.contracts import ORDER_FILLED
from remora.domain.ids import Address, word
from remora.ports import AuditStore, ChainReader

MOVED_BLOCKS = 128
"""So far back another block may have a fill than the one that it was first heard in: the longest reorganisation."""


class Fills:
    """Compares the fills of a wallet on chain that may still be taken back with those that are booked."""

    def __init__(self, *, exchanges: Collection[Address], chain: ChainReader, store: AuditStore) -> None:
        self._exchanges = tuple(sorted(exchanges))
        self._chain = chain
        self._store = store

    async def open_of(self, wallet: Address) -> list[str]:
        """Return what is known of one side alone, named by its transaction; nothing before the detector ever ran."""
        heard = await self._store.heard_fills(wallet)
        if heard is None:
            return []
        topics = ((ORDER_FILLED,), None, (word(f"0x{wallet[2:]:0>64}"),))
        head = await self._chain.head()
        first = max(0, heard.first - MOVED_BLOCKS)
        places = await self._chain.logs([LogFilter(addresses=self._exchanges, topics=topics)], first, head.number)
        late = {place.tx_hash for place in places if (place.block_number or 0) > heard.cursor}
        unheard = late - heard.transactions
        orphaned = heard.transactions - {place.tx_hash for place in places}
        return [
            *(f"a fill in transaction {tx_hash} that was not heard yet" for tx_hash in sorted(map(str, unheard))),
            *(f"a fill in transaction {tx_hash} that no block has" for tx_hash in sorted(orphaned)),
        ]
