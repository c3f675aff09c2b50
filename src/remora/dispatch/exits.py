"""How much of a lot an exit sells: what the leader let go, as a fraction of what the leader held, or all of it.

It is never more than the follower really holds, and leaves nothing behind that is too little to be sold.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from remora.dispatch.facts import Leaving
from remora.dispatch.filters import trade
from remora.domain.ids import PolicyId
from remora.domain.money import ZERO_SHARES, Shares, mul_div_floor
from remora.domain.order import Sized
from remora.domain.policy import ExitMode, Policy
from remora.domain.reasons import Because, Reason, because

SMALLEST_SALE = Shares(10_000)
"""Sizes have 2 decimals at the venue: less than 0.01 shares cannot be sold."""


def side(policy: Policy, seen: Leaving) -> Because | None:
    """Refuse to sell where the policy copies purchases only."""
    return trade.side(policy.filters, seen)


def kind(policy: Policy, seen: Leaving) -> Because | None:
    """Refuse a way of leaving that the policy does not follow."""
    if seen.signal.kind in policy.exits.kinds:
        return None
    return because(Reason.EXIT_KIND_NOT_FOLLOWED, kind=seen.signal.kind)


def age(policy: Policy, seen: Leaving) -> Because | None:
    """Refuse an exit older than the policy allows, if it says so."""
    most = policy.exits.max_age_s
    if most is None or seen.age_s <= most:
        return None
    return because(Reason.TOO_OLD, age_s=seen.age_s, max_age_s=most)


def exit_shares(policy: Policy, seen: Leaving) -> Shares | Because:
    """Return the shares of the policy's lot to sell, rounded down and capped by the balance on chain, or why none."""
    lot = seen.facts.lots.get(policy.policy_id, ZERO_SHARES)
    balance = seen.facts.balances.get(policy.follower, ZERO_SHARES)
    if not lot or not balance:
        return because(Reason.NO_POSITION, token_id=seen.signal.token_id)
    if policy.exits.mode is ExitMode.NONE:
        return because(Reason.EXITS_OFF, lot=lot)
    shares = Shares(min(without_dust(lot.units, _wanted(policy.exits.mode, lot.units, seen)), balance.units))
    if shares.units < SMALLEST_SALE.units:
        return because(Reason.BELOW_SMALLEST_SALE, shares=shares, smallest=SMALLEST_SALE)
    return shares


def sized(policies: Iterable[Policy], seen: Leaving) -> dict[PolicyId, Sized]:
    """Return what the shares of exits follow from."""
    let_go, lots = {"gone": str(seen.gone), "before": str(seen.before)}, seen.facts.lots
    return {
        each.policy_id: Sized(facts={"mode": each.exits.mode, "lot": str(lots[each.policy_id]), **let_go})
        for each in policies
    }


def without_dust(lot: int, wanted: int) -> int:
    """Return the whole lot where what would be left of it is too little to be ever sold, in base units."""
    return lot if lot - wanted < SMALLEST_SALE.units else wanted


def _wanted(mode: ExitMode, lot: int, seen: Leaving) -> int:
    match mode:
        case ExitMode.PROPORTIONAL:
            return mul_div_floor(lot, seen.gone.units, seen.before.units) if seen.before else 0
        case ExitMode.ALL:
            return lot
        case ExitMode.NONE:
            return 0
        case _:
            assert_never(mode)
