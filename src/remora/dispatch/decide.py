"""The decision: one pass over all policies of a leader, an intent or a denial for each, nothing else.

The first reason wins. Entries and exits have lists of their own, so that no rule of an entry can block an exit. What
is the same for all policies is worked out once, in `facts`, and what is for several, in `alike`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from remora.dispatch import cuts, exits
from remora.dispatch.alike import Alike
from remora.dispatch.exits import exit_shares
from remora.dispatch.facts import US, Facts, Leaving, Occasion, leaving, occasion
from remora.dispatch.filters import trade
from remora.dispatch.guards import guarded
from remora.dispatch.halts import entry_halted, exit_halted, halt_of
from remora.dispatch.limit import exit_limit
from remora.dispatch.minimum import VENUE_MINIMUM, Wish, joined, wish
from remora.dispatch.sizing import entry_size
from remora.domain.ids import PolicyId, intent_id
from remora.domain.money import ZERO_COLLATERAL, ZERO_SHARES, Collateral, Price
from remora.domain.order import Cut, Decision, Denial, Intent, OrderKind
from remora.domain.policy import OrderMode, Policy
from remora.domain.reasons import Because, Reason, because
from remora.domain.signal import Side, Signal

Cutting = Callable[[Policy, Occasion, Price, Collateral], Cut | Because | None]
ExitRule = Callable[[Policy, Leaving], Because | None]


def _exit_halted(policy: Policy, seen: Leaving) -> Because | None:
    return exit_halted(halt_of(policy.policy_id, policy.follower, policy.leader, seen.facts.halts))


CUTS: tuple[Cutting, ...] = (cuts.opposite, cuts.means, cuts.limits, cuts.depth)
"""What is left of the size of an entry that passes the filters, is not halted, suspended or in debt, and is protected.

In this order: what depends on what was spent before stands ahead of the depth.
"""

EXIT_RULES: tuple[ExitRule, ...] = (_exit_halted, trade.suspended, exits.side, exits.kind, exits.age)
"""What an exit must pass. Then come the market, the shares, a price, and the limit price."""

KINDS: Mapping[OrderMode, OrderKind] = {mode: OrderKind[mode.name] for mode in OrderMode}

EXIT_PATIENCE_S = 600
"""How long after the decision an exit may still be sent."""


def decide(signal: Signal, policies: Sequence[Policy], facts: Facts) -> Decision:
    """Decide a signal for every policy that follows its leader."""
    if signal.side is Side.BUY:
        return _entries(signal, policies, facts)
    return _exits(signal, policies, facts)


def _entries(signal: Signal, policies: Sequence[Policy], facts: Facts) -> Decision:
    seen = occasion(signal, facts)
    if isinstance(seen, Because):
        return _denied_to_all(signal, policies, seen)
    alike = Alike(seen)
    wishes: list[Wish] = []
    denials: list[Denial] = []
    for policy in policies:
        limit = alike.limit(policy.filters)
        found = limit if isinstance(limit, Because) else _wish(policy, seen, limit, alike)
        if isinstance(found, Because):
            denials.append(_denial(policy, signal, found))
        else:
            wishes.append(found)
            _take(found, seen)
    taken, short = joined(wishes, facts.followers_per_order)
    return Decision(
        signal=signal,
        intents=tuple(_entry(each, seen) for each in taken),
        denials=(*denials, *(_denial(each.policy, signal, _too_small(each)) for each in short)),
        carried=_carried(taken, short, facts),
        sized={each.policy.policy_id: each.sized for each in taken},
    )


def _wish(policy: Policy, seen: Occasion, limit: Price, alike: Alike) -> Wish | Because:
    """Return what the policy would spend within the limit price, or the first reason why nothing."""
    halt = halt_of(policy.policy_id, policy.follower, policy.leader, seen.facts.halts)
    if (
        refusal := entry_halted(halt)
        or trade.suspended(policy, seen)
        or trade.debt(policy, seen)
        or guarded(policy, seen)
    ):
        return refusal
    wanted = entry_size(policy, seen)
    if isinstance(wanted, Because):
        return wanted
    size = wanted
    made: list[Cut] = []
    for cutting in CUTS:
        cut = cutting(policy, seen, limit, size)
        if isinstance(cut, Because):
            return cut
        if cut is not None:
            size = cut.left
            made.append(cut)
    return wish(policy, limit, size, alike.sized(policy.sizing.mode, wanted, made))


def _too_small(short: Wish) -> Because:
    if short.policy.sizing.accumulate:
        return because(Reason.ACCUMULATED, total=short.size, minimum=VENUE_MINIMUM)
    return because(Reason.BELOW_VENUE_MINIMUM, size=short.budget, minimum=VENUE_MINIMUM)


def _carried(taken: Iterable[Wish], short: Iterable[Wish], facts: Facts) -> dict[PolicyId, Collateral]:
    """Return what changes of what is kept: what was bought is kept no longer, what was too small is."""
    spent = {each.policy.policy_id: ZERO_COLLATERAL for each in taken if each.policy.policy_id in facts.carried}
    return spent | {each.policy.policy_id: each.size for each in short if each.policy.sizing.accumulate}


def _take(wanted: Wish, seen: Occasion) -> None:
    """Count an entry for the limits of those after it, also one that proves too small: less may be left, not more."""
    if seen.facts.room is not None:
        seen.facts.room.take(wanted.policy, wanted.budget, seen.market)


def _entry(wanted: Wish, seen: Occasion) -> Intent:
    policy, signal = wanted.policy, seen.signal
    return Intent(
        intent_id=intent_id(signal.signal_id, policy.policy_id),
        signal_id=signal.signal_id,
        policy_id=policy.policy_id,
        follower=policy.follower,
        side=Side.BUY,
        token_id=signal.token_id,
        limit=wanted.limit,
        budget=wanted.budget,
        shares=ZERO_SHARES,
        deadline_us=signal.since_us + policy.filters.max_signal_age_s * US,
        fee_bound=seen.market.worst_taker_fee(wanted.budget),
        condition_id=seen.market.condition_id,
        kind=KINDS[policy.orders.kind],
        rest_s=policy.orders.rest_s or 0,
    )


def _exits(signal: Signal, policies: Sequence[Policy], facts: Facts) -> Decision:
    seen = leaving(signal, facts)
    intents: list[Intent] = []
    denials: list[Denial] = []
    leaving_too: list[Policy] = []
    for policy in policies:
        answer = _exit(policy, seen)
        if isinstance(answer, Because):
            denials.append(_denial(policy, signal, answer))
        else:
            intents.append(answer)
            leaving_too.append(policy)
    return Decision(
        signal=signal,
        intents=tuple(intents),
        denials=tuple(denials),
        carried=_given_up(policies, facts),
        sized=exits.sized(leaving_too, seen),
    )


def _exit(policy: Policy, seen: Leaving) -> Intent | Because:
    for rule in EXIT_RULES:
        if refusal := rule(policy, seen):
            return refusal
    if seen.market is None:
        return because(Reason.MARKET_UNKNOWN, token_id=seen.signal.token_id)
    shares = exit_shares(policy, seen)
    if isinstance(shares, Because):
        return shares
    if seen.bid is None or seen.price is None:
        return because(Reason.PRICE_UNAVAILABLE, token_id=seen.signal.token_id)
    limit = exit_limit(policy.exits, seen.price, seen.market)
    if seen.bid < limit:
        return because(Reason.SLIPPAGE, price=seen.bid, limit=limit)
    return Intent(
        intent_id=intent_id(seen.signal.signal_id, policy.policy_id),
        signal_id=seen.signal.signal_id,
        policy_id=policy.policy_id,
        follower=policy.follower,
        side=Side.SELL,
        token_id=seen.signal.token_id,
        limit=limit,
        budget=ZERO_COLLATERAL,
        shares=shares,
        deadline_us=seen.facts.now_us + EXIT_PATIENCE_S * US,
        condition_id=seen.market.condition_id,
    )


def _given_up(policies: Iterable[Policy], facts: Facts) -> dict[PolicyId, Collateral]:
    """Return what changes of what is kept when the leader leaves: nothing is bought any more of what it was for."""
    return {each.policy_id: ZERO_COLLATERAL for each in policies if each.policy_id in facts.carried}


def _denied_to_all(signal: Signal, policies: Iterable[Policy], why: Because) -> Decision:
    return Decision(signal=signal, intents=(), denials=tuple(_denial(each, signal, why) for each in policies))


def _denial(policy: Policy, signal: Signal, why: Because) -> Denial:
    return Denial(signal_id=signal.signal_id, policy_id=policy.policy_id, follower=policy.follower, because=why)
