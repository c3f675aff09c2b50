"""What should be copied, worked out from the policies alone, without looking at what the supervisor did."""

from __future__ import annotations

from dataclasses import dataclass, field

from remora.devnet.demo.cast import Cast, Follower
from remora.devnet.demo.script import Trade
from remora.domain.ids import Address, TokenId
from remora.domain.money import BPS, ONE, Collateral, mul_div_floor
from remora.domain.parties import Sizing
from remora.domain.signal import Side


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
        for follower in self.cast.followers:
            if follower.leader is leader:
                copied = self._bought(follower, trade) if trade.side is Side.BUY else self._sold(follower, trade)
                self.copies += copied
                self.refusals += not copied

    def relieve(self) -> None:
        """Take into account that everybody who owed has paid."""
        self._relieved = True
        self._owing.clear()

    def _bought(self, follower: Follower, trade: Trade) -> bool:
        wanted = trade.price <= follower.max_odds and _size(follower, trade) >= Collateral(ONE)
        copied = wanted and follower.wallet not in self._owing
        if copied:
            self._held.add((follower.wallet, trade.token_id))
            if not self._relieved and follower in self.cast.underfunded:
                self._owing.add(follower.wallet)
        return copied

    def _sold(self, follower: Follower, trade: Trade) -> bool:
        return (follower.wallet, trade.token_id) in self._held


def _size(follower: Follower, trade: Trade) -> Collateral:
    if follower.sizing is Sizing.FIXED:
        return follower.fixed_amount
    return Collateral(mul_div_floor(trade.collateral.units, follower.percentage_bps, BPS))
