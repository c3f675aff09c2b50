"""Leaders, followers and the policies between them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from remora.domain.ids import Address, PolicyId
from remora.domain.money import ONE, Collateral, Price, Shares


class Sizing(StrEnum):
    """How a copied entry is sized."""

    FIXED = "fixed"
    PERCENTAGE = "percentage"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A follower's rules for one leader.

    `fixed_amount` is collateral per copied entry (sizing `fixed`); `percentage_bps` is the share of the leader's
    collateral (sizing `percentage`). `min_size` is the smallest copy in collateral. `max_slippage_bps` bounds the price
    against the leader's. Exits sell the fraction of the leader's position that the leader sold.
    """

    policy_id: PolicyId
    leader: Address
    follower: Address
    sizing: Sizing
    fixed_amount: Collateral = Collateral(0)
    percentage_bps: int = 0
    max_odds: Price = Price(ONE)
    min_size: Collateral = Collateral(ONE)
    max_slippage_bps: int = 500
    max_signal_age_s: int = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What a follower owns of a token on chain, as read for one decision."""

    follower: Address
    shares: Shares
