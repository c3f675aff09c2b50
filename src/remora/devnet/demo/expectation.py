"""What should be copied, worked out from the policies alone, without looking at what the supervisor did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from remora.devnet.demo.cast import Cast, Follower
from remora.devnet.demo.script import Trade
from remora.domain.ids import Address, TokenId
from remora.domain.money import ONE, Collateral, Price
from remora.domain.signal import Side

CENT = 10_000
"""Less than a cent is not spent."""


@dataclass(slots=True, kw_only=True)
class Expectation:
    """Counts the copies and the refusals that the leaders' trades should lead to."""

    cast: Cast
    copies: int = 0
    refusals: int = 0
    _held: set[tuple[Address, TokenId]] = field(default_factory=set)
    _owing: set[Address] = field(default_factory=set)
    _relieved: bool = False

    def add(self, trade: Trade) -> None:
        """Take a leader trade into account."""
        leader = self.cast.leaders[trade.leader]
        followers = [follower for follower in self.cast.followers if follower.leader is leader]
        copies = self._bought(followers, trade) if trade.side is Side.BUY else self._sold(followers, trade)
        self.copies += copies
        self.refusals += len(followers) - copies

    def relieve(self) -> None:
        """Take into account that everybody who owed has paid."""
        self._relieved = True
        self._owing.clear()

    def _bought(self, followers: Sequence[Follower], trade: Trade) -> int:
        """Count the copies: those too small for the venue are joined with the others, if there are any large enough."""
        wanting = [follower for follower in followers if self._wants(follower, trade)]
        together = sum(_size(follower, trade).units for follower in wanting)
        if together < ONE:
            return 0
        for follower in wanting:
            self._held.add((follower.wallet, trade.token_id))
            if not self._relieved and follower in self.cast.underfunded:
                self._owing.add(follower.wallet)
        return len(wanting)

    def _wants(self, follower: Follower, trade: Trade) -> bool:
        affordable = trade.price <= (follower.max_odds or Price(ONE)) and follower.wallet not in self._owing
        return affordable and _size(follower, trade).units >= CENT

    def _sold(self, followers: Sequence[Follower], trade: Trade) -> int:
        return sum((follower.wallet, trade.token_id) in self._held for follower in followers)


def _size(follower: Follower, trade: Trade) -> Collateral:
    return follower.sizing.amount or Collateral(follower.sizing.multiplier.floor(trade.collateral.units))
