"""How much an entry spends, by the policy's mode and bounds.

A minimum lifts a small copy, but never above the maximum. What earlier copies were too small for is added, up to the
maximum. Limits that depend on what was spent before are not here.
"""

from __future__ import annotations

from typing import assert_never

from remora.dispatch.facts import Occasion
from remora.domain.money import ONE, ZERO_COLLATERAL, Collateral, Ratio, mul_div_floor
from remora.domain.policy import Policy, Sizing, SizingMode, Tier
from remora.domain.reasons import Because, Reason, because

MOST = 10**18
"""Base units of a million millions: whatever the factors, what is stored fits into a database's integer."""


def entry_size(policy: Policy, seen: Occasion) -> Collateral | Because:
    """Return what the policy would spend on an entry, between its bounds and rounded down, or why that is unknown."""
    sizing, plain = policy.sizing, _by_mode(policy, seen)
    if isinstance(plain, Because):
        return plain
    lifted = max(plain, sizing.minimum.units) if sizing.minimum is not None else plain
    if sizing.accumulate:
        lifted += seen.facts.carried.get(policy.policy_id, ZERO_COLLATERAL).units
    return Collateral(min(lifted, MOST if sizing.maximum is None else sizing.maximum.units, MOST))


def _by_mode(policy: Policy, seen: Occasion) -> int | Because:
    sizing, traded = policy.sizing, seen.signal.collateral.units
    match sizing.mode:
        case SizingMode.FIXED:
            return sizing.amount.units if sizing.amount is not None else 0
        case SizingMode.MULTIPLIER:
            return sizing.multiplier.floor(traded)
        case SizingMode.PROPORTIONAL:
            return _proportional(policy, seen)
        case SizingMode.TIERS:
            return _tiered(sizing, seen)
        case _:
            assert_never(sizing.mode)


def _proportional(policy: Policy, seen: Occasion) -> int | Because:
    """Return the follower's equity x the multiplier x the leader's collateral / the leader's equity."""
    equity = seen.facts.equity
    own, leaders = equity.get(policy.follower, ZERO_COLLATERAL), equity.get(policy.leader, ZERO_COLLATERAL)
    if leaders.units <= 0:
        return because(Reason.EQUITY_UNKNOWN, wallet=policy.leader)
    if own.units <= 0:
        return because(Reason.EQUITY_UNKNOWN, wallet=policy.follower)
    return mul_div_floor(own.units * policy.sizing.multiplier.units, seen.signal.collateral.units, leaders.units * ONE)


def _tiered(sizing: Sizing, seen: Occasion) -> int | Because:
    tier = _reached(sizing.tiers, seen.signal.collateral)
    if tier is None:
        return because(Reason.BELOW_TIERS, traded=seen.signal.collateral, lowest=sizing.tiers[0].above)
    return tier.floor(seen.signal.collateral.units)


def _reached(tiers: tuple[Tier, ...], traded: Collateral) -> Ratio | None:
    """Return the multiplier of the highest tier that the trade reaches."""
    return next((tier.multiplier for tier in reversed(tiers) if tier.above.units <= traded.units), None)
