"""Filters on the leader's trade itself: its side, its age, its size, and who is to pay for a copy."""

from __future__ import annotations

from remora.dispatch.facts import Leaving, Occasion
from remora.domain.policy import Filters, Policy
from remora.domain.reasons import Because, Reason, because


def side(filters: Filters, seen: Occasion | Leaving) -> Because | None:
    """Refuse a trade of a side that the policy does not copy."""
    if seen.signal.side in filters.sides:
        return None
    return because(Reason.SIDE, side=seen.signal.side, sides=", ".join(sorted(filters.sides)))


def age(filters: Filters, seen: Occasion) -> Because | None:
    """Refuse an entry that is older than the policy allows, in whole seconds since it was mined."""
    most = filters.max_signal_age_s
    return because(Reason.TOO_OLD, age_s=seen.age_s, max_age_s=most) if seen.age_s > most else None


def size(filters: Filters, seen: Occasion) -> Because | None:
    """Refuse a trade in which the leader spent less than the policy asks for."""
    least, traded = filters.min_leader_trade, seen.signal.collateral
    if least is None or traded.units >= least.units:
        return None
    return because(Reason.MIN_LEADER_TRADE, traded=traded, least=least)


def suspended(policy: Policy, seen: Occasion | Leaving) -> Because | None:
    """Refuse entry and exit for a follower whose wallet does not add up."""
    why = seen.facts.suspended.get(policy.follower)
    return None if why is None else because(Reason.SUSPENDED, why=why)


def debt(policy: Policy, seen: Occasion) -> Because | None:
    """Refuse a follower who owes more than the limit for earlier entries: the fleet's float is no loan."""
    due = seen.facts.taken.debts.get(policy.follower)
    return because(Reason.IN_DEBT, due=due) if due is not None and due > seen.facts.debt_limit else None
