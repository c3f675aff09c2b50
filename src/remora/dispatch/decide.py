"""The decision: one pass over all policies of a leader, an intent or a denial for each, nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from remora.dispatch.exits import exit_shares
from remora.dispatch.filters import (
    EXIT_MAX_AGE_S,
    US,
    above_max_odds,
    below_minimum,
    beyond_limit,
    exit_too_old,
    in_debt,
    no_price,
    nothing_to_sell,
    too_old,
)
from remora.dispatch.sizing import entry_budget, limit_price
from remora.domain.ids import Address, PolicyId, intent_id
from remora.domain.market import MarketInfo, Quote
from remora.domain.money import ZERO_COLLATERAL, ZERO_SHARES, Collateral, Price, Shares
from remora.domain.order import Denial, Intent
from remora.domain.parties import Policy
from remora.domain.reasons import Because, Reason, because
from remora.domain.signal import Side, Signal


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was true when the decision was made.

    `debts` are what followers owe for earlier copies, for a BUY only. `lots` are the shares held through each policy,
    `balances` the shares each follower has on chain, `leader_left` what the leader still holds: for a SELL only.
    """

    now_us: int
    market: MarketInfo | None
    quote: Quote | None
    debts: Mapping[Address, Collateral]
    lots: Mapping[PolicyId, Shares]
    balances: Mapping[Address, Shares]
    leader_left: Shares


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One signal, decided: each policy is in exactly one of the two."""

    signal: Signal
    intents: tuple[Intent, ...]
    denials: tuple[Denial, ...]


def decide(signal: Signal, policies: Iterable[Policy], facts: Facts) -> Decision:
    """Decide a signal for every policy that follows its leader."""
    verdict = _entry if signal.side is Side.BUY else _exit
    intents, denials = [], []
    for policy in policies:
        answer = verdict(policy, signal, facts)
        if isinstance(answer, Intent):
            intents.append(answer)
        else:
            denials.append(_denial(policy, signal, answer))
    return Decision(signal=signal, intents=tuple(intents), denials=tuple(denials))


def _entry(policy: Policy, signal: Signal, facts: Facts) -> Intent | Because:
    if facts.market is None:
        return because(Reason.MARKET_UNKNOWN, token_id=signal.token_id)
    ask = no_price(signal, facts.quote, buying=True)
    if isinstance(ask, Because):
        return ask
    budget = entry_budget(policy, signal)
    limit = limit_price(policy, signal, facts.market)
    refusal = (
        too_old(policy, signal, facts.now_us)
        or in_debt(policy, facts.debts)
        or above_max_odds(policy, signal, ask)
        or below_minimum(policy, budget)
        or beyond_limit(ask, limit, buying=True)
    )
    if refusal:
        return refusal
    deadline_us = signal.since_us + policy.max_signal_age_s * US
    return _intent(policy, signal, limit, deadline_us, budget=budget, shares=ZERO_SHARES)


def _exit(policy: Policy, signal: Signal, facts: Facts) -> Intent | Because:
    if facts.market is None:
        return because(Reason.MARKET_UNKNOWN, token_id=signal.token_id)
    shares = exit_shares(
        lot=facts.lots.get(policy.policy_id, ZERO_SHARES),
        balance=facts.balances.get(policy.follower, ZERO_SHARES),
        sold=signal.shares,
        left=facts.leader_left,
    )
    refusal = nothing_to_sell(signal, shares) or exit_too_old(signal, facts.now_us)
    if refusal:
        return refusal
    bid = no_price(signal, facts.quote, buying=False)
    if isinstance(bid, Because):
        return bid
    limit = limit_price(policy, signal, facts.market)
    refusal = beyond_limit(bid, limit, buying=False)
    if refusal:
        return refusal
    return _intent(policy, signal, limit, signal.since_us + EXIT_MAX_AGE_S * US, budget=ZERO_COLLATERAL, shares=shares)


def _intent(
    policy: Policy, signal: Signal, limit: Price, deadline_us: int, *, budget: Collateral, shares: Shares
) -> Intent:
    return Intent(
        intent_id=intent_id(signal.signal_id, policy.policy_id),
        signal_id=signal.signal_id,
        policy_id=policy.policy_id,
        follower=policy.follower,
        side=signal.side,
        token_id=signal.token_id,
        limit=limit,
        budget=budget,
        shares=shares,
        deadline_us=deadline_us,
    )


def _denial(policy: Policy, signal: Signal, reason: Because) -> Denial:
    return Denial(signal_id=signal.signal_id, policy_id=policy.policy_id, follower=policy.follower, because=reason)
