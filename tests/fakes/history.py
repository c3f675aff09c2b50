"""The venue's public history in memory."""

from __future__ import annotations

from collections import defaultdict, deque

from remora.domain.errors import RemoraError
from remora.domain.history import PublicTrade
from remora.domain.ids import Address
from remora.domain.money import Collateral


class FakeHistory:
    """A PublicHistory of the rows that the test puts there. `troubles` are raised once each, by the next question
    for the wallet."""

    def __init__(self) -> None:
        self.rows: list[PublicTrade] = []
        self.values: defaultdict[Address, Collateral] = defaultdict(lambda: Collateral(0))
        self.asked: list[tuple[Address, int]] = []
        self.troubles: defaultdict[Address, deque[RemoraError]] = defaultdict(deque)

    async def trades(self, wallet: Address, since_s: int) -> list[PublicTrade]:
        self.asked.append((wallet, since_s))
        if self.troubles[wallet]:
            raise self.troubles[wallet].popleft()
        found = [row for row in self.rows if row.wallet == wallet and row.traded_s >= since_s]
        return sorted(found, key=lambda row: row.traded_s)

    async def positions_value(self, wallet: Address) -> Collateral:
        if self.troubles[wallet]:
            raise self.troubles[wallet].popleft()
        return self.values[wallet]

    async def has_traded(self, wallet: Address) -> bool:
        return any(row.wallet == wallet for row in self.rows)
