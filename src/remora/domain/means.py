"""Means: what followers can pay for copies with, what they hold through them, and how the collateral itself is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from remora.domain.ids import Address, TokenId
from remora.domain.money import ZERO_COLLATERAL, Collateral, Price, Shares

US = 1_000_000
"""Microseconds of a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """A follower's terms in the Clearinghouse. `expires_s` is a unix time, 0 for who has not joined, or left."""

    expires_s: int
    paused: bool
    daily_limit: Collateral
    spent_today: Collateral

    @property
    def left_today(self) -> Collateral:
        """What may still be pulled on this UTC day."""
        return max(ZERO_COLLATERAL, self.daily_limit - self.spent_today)


class Means(NamedTuple):
    """A follower's means, as the chain had them lately.

    `allowance` is what the Clearinghouse may take of the collateral. What was settled from `as_of_us` on, when they
    began to be read, may be missing in them.
    """

    collateral: Collateral
    allowance: Collateral
    membership: Membership
    as_of_us: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """Shares of one token that a follower holds through policies, and what they cost with fees."""

    follower: Address
    token_id: TokenId
    shares: Shares
    cost: Collateral


@dataclass(frozen=True, slots=True, kw_only=True)
class Peg:
    """What one unit of collateral is worth by a price feed on chain, and when it was told so."""

    price: Price
    told_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CollateralState:
    """Whether collateral can be moved, and what it is worth. None is unknown."""

    paused: bool | None
    price: Price | None
