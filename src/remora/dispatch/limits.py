"""How much at most: an entry is cut to what the limits of its policy, follower, leader and of the service leave.

All followers of a signal are decided in one pass, and what one of them was given is used for those after it. Amounts
include the worst fee, so that no fill takes a limit beyond itself; budgets are whole cents.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum, auto
from typing import NamedTuple, assert_never

from remora.dispatch.minimum import CENT
from remora.domain.ids import Address, PolicyId
from remora.domain.market import MarketInfo
from remora.domain.money import Collateral
from remora.domain.order import Cut
from remora.domain.policy import Limits, Policy, Rulebook
from remora.domain.reasons import Because, Reason, because
from remora.domain.signal import Side, Signal
from remora.domain.switches import Scope
from remora.domain.usage import SERVICE, UNUSED, Meter, Subject, Usage, UsageQuestion, Used, whom

NO_LIMITS = Limits()

METERS: Mapping[Meter, frozenset[str]] = {
    Meter.HELD: frozenset({"per_market", "per_leader", "exposure", "open_positions"}),
    Meter.TOKENS: frozenset({"open_positions"}),
    Meter.SPENT: frozenset({"per_day"}),
    Meter.ENTRIES: frozenset({"orders_per_minute"}),
}
"""What must be known for which limits."""

ENDLESS = 10**30
"""More base units than anything costs."""


def question(
    signal: Signal, market: MarketInfo | None, followed: Sequence[Policy], rulebook: Rulebook, now_us: int
) -> UsageQuestion:
    """Return what must be known to decide a signal within limits: nothing for an exit, which they never block."""
    leader = signal.leader
    followers = frozenset(each.follower for each in followed if _limits_of(rulebook, each.follower).given)
    limits = {
        Scope.POLICY: {each.limits.given for each in followed},
        Scope.FOLLOWER: {_limits_of(rulebook, each).given for each in followers},
        Scope.LEADER: {rulebook.leaders[leader].limits.given} if leader in rulebook.leaders else set(),
        Scope.SERVICE: {rulebook.service.limits.given},
    }
    rules = {} if signal.side is Side.SELL else limits
    meters = {scope: frozenset(meter for given in found for meter in _meters(given)) for scope, found in rules.items()}
    return UsageQuestion(
        leader=leader,
        token_id=signal.token_id,
        condition_id=market.condition_id if market else None,
        now_us=now_us,
        meters={scope: needed for scope, needed in meters.items() if needed},
        followers=followers,
    )


class Room:
    """What is left while one signal is decided. `take` what was given before asking for the next policy."""

    def __init__(self, rulebook: Rulebook, usage: Usage) -> None:
        self._rulebook = rulebook
        self._usage = usage
        self._scopes: dict[Subject, _Scope] = {}
        self._concerned: dict[PolicyId, tuple[_Scope, ...]] = {}

    def cut(self, policy: Policy, wanted: Collateral, market: MarketInfo) -> Cut | None:
        """Return the most that all limits leave of a wanted budget, in whole cents, and why; None if all of it."""
        scopes = self._scopes_of(policy)
        if not scopes:
            return None
        cost = wanted.units + market.worst_taker_fee(wanted).units
        tightest: tuple[_Left, Subject] | None = None
        for scope in scopes:
            for each in () if scope.leaves(cost) else scope.tighter(cost):
                if tightest is None or each.left < tightest[0].left:
                    tightest = each, scope.subject
        if tightest is None:
            return None
        tight, subject = tightest
        budget = Collateral(market.affordable(Collateral(tight.left)).units // CENT * CENT)
        return Cut(left=budget, because=_because(tight, whom(subject)))

    def take(self, policy: Policy, budget: Collateral, market: MarketInfo) -> None:
        """Count an entry that may cost so much, and its worst fee beside it."""
        for scope in self._scopes_of(policy):
            scope.cost += budget.units + market.worst_taker_fee(budget).units
            scope.entries += 1

    def _scopes_of(self, policy: Policy) -> tuple[_Scope, ...]:
        found = self._concerned.get(policy.policy_id)
        if found is None:
            rules = _rules(policy, self._rulebook)
            found = self._concerned[policy.policy_id] = tuple(self._scope(whose, limits) for whose, limits in rules)
        return found

    def _scope(self, subject: Subject, limits: Limits) -> _Scope:
        found = self._scopes.get(subject)
        if found is None:
            found = self._scopes[subject] = _Scope(subject, limits, self._usage.get(subject, UNUSED))
        return found


def _limits_of(rulebook: Rulebook, follower: Address) -> Limits:
    bounds = rulebook.followers.get(follower)
    return bounds.limits if bounds else NO_LIMITS


def _rules(policy: Policy, rulebook: Rulebook) -> Iterator[tuple[Subject, Limits]]:
    """Yield the limits that are set, with whom they concern."""
    if policy.limits.given:
        yield (Scope.POLICY, policy.policy_id), policy.limits
    if bounds := rulebook.followers.get(policy.follower):
        yield (Scope.FOLLOWER, policy.follower), bounds.limits
    if bounds := rulebook.leaders.get(policy.leader):
        yield (Scope.LEADER, policy.leader), bounds.limits
    if rulebook.service.limits.given:
        yield SERVICE, rulebook.service.limits


def _meters(given: Iterable[str]) -> Iterator[Meter]:
    """Yield what the limits of these names go by."""
    return (meter for meter, limits in METERS.items() if not limits.isdisjoint(given))


class _Kind(Enum):
    """The limits."""

    PER_TRADE = auto()
    PER_MARKET = auto()
    PER_LEADER = auto()
    PER_DAY = auto()
    EXPOSURE = auto()
    OPEN_POSITIONS = auto()
    ORDERS_PER_MINUTE = auto()


class _Left(NamedTuple):
    """What one limit leaves, in base units: integers, since thousands are compared for one signal."""

    left: int
    kind: _Kind
    limit: Collateral | int
    used: Collateral | int


class _Scope:
    """Whom limits concern, what is used of them, and what this pass gave: `cost` by `entries`.

    Those are entries into one token of one market, through one leader, today. What the limits of sums leave at most is
    worked out once: most entries are well within them, and then no limit is looked at by itself.
    """

    __slots__ = ("_entries_left", "_full", "_left", "_limits", "_per_trade", "_used", "cost", "entries", "subject")

    def __init__(self, subject: Subject, limits: Limits, used: Used) -> None:
        self.subject = subject
        self.cost = self.entries = 0
        self._limits, self._used = limits, used
        self._left = min(
            (limit.units - taken.units for limit, taken, _ in self._sums() if limit is not None), default=ENDLESS
        )
        self._per_trade = ENDLESS if limits.per_trade is None else limits.per_trade.units
        tokens, entries = limits.open_positions, limits.orders_per_minute
        self._full = tokens is not None and not used.holds_token and used.tokens >= tokens
        self._entries_left = ENDLESS if entries is None else entries - used.entries

    def leaves(self, cost: int) -> bool:
        """Tell whether every limit leaves a cost."""
        return (
            cost <= self._left - self.cost
            and cost <= self._per_trade
            and self.entries < self._entries_left
            and (not self._full or self.entries > 0)
        )

    def tighter(self, cost: int) -> Iterator[_Left]:
        """Yield the limits that leave less than a cost."""
        limits, used = self._limits, self._used
        if limits.per_trade is not None and limits.per_trade.units < cost:
            yield _Left(limits.per_trade.units, _Kind.PER_TRADE, limits.per_trade, 0)
        for limit, before, kind in self._sums():
            taken = before.units + self.cost
            if limit is not None and limit.units - taken < cost:
                yield _Left(limit.units - taken, kind, limit, Collateral(taken))
        if limits.open_positions is not None and self._full and not self.entries:
            yield _Left(0, _Kind.OPEN_POSITIONS, limits.open_positions, used.tokens)
        if limits.orders_per_minute is not None and self.entries >= self._entries_left:
            yield _Left(0, _Kind.ORDERS_PER_MINUTE, limits.orders_per_minute, used.entries + self.entries)

    def _sums(self) -> tuple[tuple[Collateral | None, Collateral, _Kind], ...]:
        """Return the limits of sums, with what was used of each before."""
        limits, used = self._limits, self._used
        return (
            (limits.per_market, used.in_market, _Kind.PER_MARKET),
            (limits.per_leader, used.through_leader, _Kind.PER_LEADER),
            (limits.per_day, used.spent_today, _Kind.PER_DAY),
            (limits.exposure, used.held, _Kind.EXPOSURE),
        )


def _because(tight: _Left, who: str) -> Because:
    match tight.kind:
        case _Kind.PER_TRADE:
            why = because(Reason.LIMIT_PER_TRADE, whom=who, limit=tight.limit)
        case _Kind.PER_MARKET:
            why = because(Reason.LIMIT_PER_MARKET, whom=who, limit=tight.limit, used=tight.used)
        case _Kind.PER_LEADER:
            why = because(Reason.LIMIT_PER_LEADER, whom=who, limit=tight.limit, used=tight.used)
        case _Kind.PER_DAY:
            why = because(Reason.LIMIT_PER_DAY, whom=who, limit=tight.limit, used=tight.used)
        case _Kind.EXPOSURE:
            why = because(Reason.LIMIT_EXPOSURE, whom=who, limit=tight.limit, used=tight.used)
        case _Kind.OPEN_POSITIONS:
            why = because(Reason.LIMIT_OPEN_POSITIONS, whom=who, limit=tight.limit, used=tight.used)
        case _Kind.ORDERS_PER_MINUTE:
            why = because(Reason.LIMIT_ORDERS_PER_MINUTE, whom=who, limit=tight.limit, used=tight.used)
        case _:
            assert_never(tight.kind)
    return why
