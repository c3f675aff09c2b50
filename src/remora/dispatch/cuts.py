"""What makes an entry smaller than the policy would have it, or leaves none of it: one after the other.

Each takes what the one before it left, within a limit price, and returns nothing where it leaves all of that, what it
leaves and why where that is less, or why it leaves nothing.
"""

from __future__ import annotations

from bisect import bisect_right

from remora.dispatch.facts import Occasion
from remora.dispatch.means import scarcest, within_means
from remora.dispatch.minimum import VENUE_MINIMUM
from remora.domain.money import ZERO_COLLATERAL, ZERO_SHARES, Collateral, Price
from remora.domain.order import Cut
from remora.domain.policy import Opposite, Policy
from remora.domain.reasons import Because, Reason, because
from remora.domain.usage import SMALLEST_LOT


def opposite(policy: Policy, seen: Occasion, limit: Price, size: Collateral) -> Cut | Because | None:
    """Mind the shares of the other outcome that the follower holds through other leaders; a speck is no position.

    Netting, only what exceeds them is bought: as many shares more as the size buys at the limit price.
    """
    mode = policy.filters.opposite
    if mode is Opposite.ALLOW:
        return None
    if seen.facts.opposite is None:
        return because(Reason.FACT_UNKNOWN, what="other outcome")
    held = seen.facts.opposite.get(policy.follower, ZERO_SHARES)
    if held < SMALLEST_LOT:
        return None
    more, why = limit.shares_floor(size) - held, because(Reason.OPPOSITE_HELD, held=held)
    if mode is Opposite.REFUSE or more <= ZERO_SHARES:
        return why
    return Cut(left=limit.cost_floor(more), because=why)


def means(policy: Policy, seen: Occasion, limit: Price, size: Collateral) -> Cut | Because | None:  # noqa: ARG001  a cut's
    """Leave what the follower can pay with the fee, besides what is promised and owed."""
    if seen.facts.means is None:
        return None
    taken, follower = seen.facts.taken, policy.follower
    bound = taken.promised.get(follower, ZERO_COLLATERAL) + taken.debts.get(follower, ZERO_COLLATERAL)
    known = seen.facts.means.get(follower)
    payable = within_means(size, known, seen.market, seen.facts.now_us, bound=bound)
    if isinstance(payable, Because):
        return payable
    assert known is not None, "expected a refusal where means are not known"
    return None if payable == size else Cut(left=payable, because=scarcest(known, bound))


def limits(policy: Policy, seen: Occasion, limit: Price, size: Collateral) -> Cut | Because | None:  # noqa: ARG001  a cut's
    """Leave what limits leave; nothing, when that is less than the venue takes."""
    cut = None if seen.facts.room is None else seen.facts.room.cut(policy, size, seen.market)
    return cut.because if cut is not None and cut.left < VENUE_MINIMUM else cut


def depth(policy: Policy, seen: Occasion, limit: Price, size: Collateral) -> Because | None:
    """Leave nothing where the book offers less within the limit than the policy asks for, as a multiple of the size."""
    times = policy.filters.depth
    if times is None:
        return None
    reached = bisect_right(seen.offers.prices, limit.units)
    offered = seen.offers.totals[reached - 1] if reached else 0
    wanted = times.ceil(size.units)
    if offered < wanted:
        return because(Reason.DEPTH, offered=Collateral(offered), limit=limit, wanted=Collateral(wanted))
    return None
