"""What a follower can pay: an entry is cut to it, and what cannot be delivered is not bought."""

from __future__ import annotations

from remora.dispatch.minimum import CENT
from remora.domain.market import MarketInfo
from remora.domain.means import US, Means, Membership
from remora.domain.money import ONE, ZERO_COLLATERAL, Collateral, mul_div_floor
from remora.domain.reasons import Because, Reason, because


def within_means(
    budget: Collateral,
    means: Means | None,
    market: MarketInfo,
    now_us: int,
    *,
    bound: Collateral = ZERO_COLLATERAL,
) -> Collateral | Because:
    """Return the budget, or what the follower can pay of it with the fee, in whole cents rounded down.

    What is `bound`, promised to entries under way or owed for earlier ones, is spent already.
    A follower who can pay nothing is denied for what leaves the least: collateral, allowance, or the day's limit.
    """
    if means is None:
        return because(Reason.MEANS_UNKNOWN)
    refusal = no_member(means.membership, now_us)
    if refusal:
        return refusal
    least = min(means.collateral, means.allowance, means.membership.left_today)
    payable = min(budget, spendable(least - bound, market))
    return payable or scarcest(means, bound)


def scarcest(means: Means, bound: Collateral) -> Because:
    """Name what leaves the least, with what of it is bound."""
    least = min(means.collateral, means.allowance, means.membership.left_today)
    match least:
        case means.collateral:
            return because(Reason.INSUFFICIENT_COLLATERAL, has=least, promised=bound)
        case means.allowance:
            return because(Reason.INSUFFICIENT_ALLOWANCE, has=least, promised=bound)
        case _:
            return because(Reason.MEMBERSHIP_LIMIT, has=least, promised=bound)


def no_member(membership: Membership, now_us: int) -> Because | None:
    """Refuse an entry that the Clearinghouse would not deliver: who has not joined, whose time is over, who paused."""
    if not membership.expires_s:
        return because(Reason.NOT_JOINED)
    if membership.expires_s * US <= now_us:
        return because(Reason.MEMBERSHIP_EXPIRED, late_s=now_us // US - membership.expires_s)
    return because(Reason.MEMBERSHIP_PAUSED) if membership.paused else None


def spendable(purse: Collateral, market: MarketInfo) -> Collateral:
    """Return the largest budget that a purse pays together with the worst fee, in whole cents."""
    units = purse.units
    if market.fee_rate_units:
        units = mul_div_floor(units - market.worst_taker_fee(ZERO_COLLATERAL).units, ONE, ONE + market.fee_rate_units)
    return Collateral(max(0, units) // CENT * CENT)
