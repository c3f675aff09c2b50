"""Protections that are asked at each entry: of the policy, its follower, its leader and the service."""

from __future__ import annotations

from remora.dispatch.facts import Occasion
from remora.dispatch.protections import depegged, stale_book
from remora.domain.policy import Policy, Protections
from remora.domain.reasons import Because, Reason, because


def guarded(policy: Policy, seen: Occasion) -> Because | None:
    """Refuse an entry by a book that is too old, or while the collateral is worth too much or too little."""
    bounds = seen.facts.bounds
    of_follower, of_leader = bounds.followers.get(policy.follower), bounds.leaders.get(policy.leader)
    if refusal := _refused(policy.protections, seen) or _refused(bounds.service.protections, seen):
        return refusal
    if of_follower and (refusal := _refused(of_follower.protections, seen)):
        return refusal
    return _refused(of_leader.protections, seen) if of_leader else None


def _refused(rules: Protections, seen: Occasion) -> Because | None:
    if refusal := stale_book(rules, seen.book_age_us):
        return refusal
    if rules.max_depeg_bps is None:
        return None
    peg = seen.facts.collateral.price
    return depegged(rules, peg) if peg is not None else because(Reason.PEG_UNKNOWN)
