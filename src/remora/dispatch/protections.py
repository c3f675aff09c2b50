"""What stops the copying by itself: losses and gains of a scope, and facts that make an entry unwise.

A result is what exits realised plus what open lots would bring at the best bid, less what they cost, all with the fees
that were paid. What trips is a switch on whom the protection concerns, and the result at that moment is from where it
counts once the switch is lifted: the same loss does not trip twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from remora.domain.ids import TokenId
from remora.domain.money import BPS, ONE, ZERO_COLLATERAL, Collateral, Price, format_units
from remora.domain.policy import Protections, Rulebook
from remora.domain.reasons import Because, Reason, because
from remora.domain.switches import Halt, Scope, Switch
from remora.domain.usage import DAY_US, SERVICE, Baseline, Lot, Result, Subject, midnight_us, whom

US = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a scope stands now. `unpriced` tokens never had a bid and have no payout, and count at cost."""

    subject: Subject
    realised: Collateral
    unrealised: Collateral
    unpriced: int
    losses_in_row: int

    @property
    def result(self) -> Collateral:
        """Realised and not."""
        return self.realised + self.unrealised


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """A protection that tripped, and from where it counts when its switch is lifted."""

    switch: Switch
    baseline: Baseline | None


def standing(subject: Subject, result: Result, lots: Iterable[Lot], bids: Mapping[TokenId, Price]) -> Standing:
    """Return how a scope stands, by what its exits brought and what its lots would bring, rounded down.

    A lot brings the best bid, or, of a resolved market, what its shares pay.
    """
    prices = [(lot, bids.get(lot.token_id) if lot.payout is None else lot.payout) for lot in lots]
    worth = sum((price.cost_floor(lot.shares) - lot.cost).units for lot, price in prices if price is not None)
    return Standing(
        subject=subject,
        realised=result.realised,
        unrealised=Collateral(worth),
        unpriced=len({lot.token_id for lot, price in prices if price is None}),
        losses_in_row=result.losses_in_row,
    )


def watched(rulebook: Rulebook) -> dict[Subject, Protections]:
    """Return the protections by result of everybody who has some."""
    everybody: dict[Subject, Protections] = {
        **{(Scope.POLICY, each.policy_id): each.protections for each in rulebook.policies},
        **{(Scope.FOLLOWER, wallet): bounds.protections for wallet, bounds in rulebook.followers.items()},
        **{(Scope.LEADER, wallet): bounds.protections for wallet, bounds in rulebook.leaders.items()},
        SERVICE: rulebook.service.protections,
    }
    return {subject: rules for subject, rules in everybody.items() if is_watched(rules)}


def is_watched(rules: Protections) -> bool:
    """Tell whether results matter to the rules; the others are asked at each entry."""
    return any(each is not None for each in (rules.stop_loss, rules.take_profit, rules.daily_loss, rules.losses_in_row))


def tripped(rules: Protections, now: Standing, baselines: Mapping[Reason, Baseline], now_us: int) -> Trip | None:
    """Return the strongest protection that trips now: stop-loss, take-profit, daily loss, losses in a row.

    `baselines` are from where each counts; without one, from nothing. That of the daily loss must be today's.
    """
    return (
        _stop_loss(rules, now, baselines, now_us)
        or _take_profit(rules, now, baselines, now_us)
        or _daily_loss(rules, now, baselines, now_us)
        or _losses(rules, now, now_us)
    )


def opening(baseline: Baseline | None, now: Standing, now_us: int) -> Baseline | None:
    """Return the day's baseline if it has none yet: the result when it was first looked at today, UTC."""
    if baseline is not None and baseline.since_us >= midnight_us(now_us):
        return None
    return Baseline(result=now.result, since_us=now_us)


def stale_book(rules: Protections, age_us: int) -> Because | None:
    """Refuse an entry by an order book that is too old; the bound itself is young enough."""
    limit_s = rules.max_book_age_s
    if limit_s is None or age_us <= limit_s * US:
        return None
    return because(Reason.STALE_BOOK, age_s=format_units(age_us, 6), max_age_s=limit_s)


def depegged(rules: Protections, peg: Price) -> Because | None:
    """Refuse an entry while a unit of collateral is worth too much more or less than 1."""
    limit = rules.max_depeg_bps
    if limit is None or abs(peg.units - ONE) * BPS <= limit * ONE:
        return None
    return because(Reason.DEPEGGED, price=peg, max_depeg_bps=limit)


def _stop_loss(rules: Protections, now: Standing, baselines: Mapping[Reason, Baseline], now_us: int) -> Trip | None:
    lost = ZERO_COLLATERAL - _since(now, baselines.get(Reason.STOP_LOSS))
    if rules.stop_loss is None or lost < rules.stop_loss:
        return None
    why = because(Reason.STOP_LOSS, whom=whom(now.subject), loss=lost, limit=rules.stop_loss, unpriced=now.unpriced)
    return _trip(now, Halt.PANIC, why, now_us)


def _take_profit(rules: Protections, now: Standing, baselines: Mapping[Reason, Baseline], now_us: int) -> Trip | None:
    gained = _since(now, baselines.get(Reason.TAKE_PROFIT))
    if rules.take_profit is None or gained < rules.take_profit:
        return None
    why = because(
        Reason.TAKE_PROFIT, whom=whom(now.subject), gain=gained, limit=rules.take_profit, unpriced=now.unpriced
    )
    return _trip(now, Halt.PANIC, why, now_us)


def _daily_loss(rules: Protections, now: Standing, baselines: Mapping[Reason, Baseline], now_us: int) -> Trip | None:
    today = baselines.get(Reason.DAILY_LOSS)
    if rules.daily_loss is None or today is None:
        return None
    lost = ZERO_COLLATERAL - _since(now, today)
    if lost < rules.daily_loss:
        return None
    why = because(Reason.DAILY_LOSS, whom=whom(now.subject), loss=lost, limit=rules.daily_loss, unpriced=now.unpriced)
    return _trip(now, Halt.PAUSE, why, now_us, until_us=midnight_us(now_us) + DAY_US)


def _losses(rules: Protections, now: Standing, now_us: int) -> Trip | None:
    limit = rules.losses_in_row
    if limit is None or now.losses_in_row < limit:
        return None
    why = because(
        Reason.LOSSES_IN_ROW,
        whom=whom(now.subject),
        losses=now.losses_in_row,
        limit=limit,
        cool_down_s=rules.cool_down_s,
    )
    switch = _switch(now.subject, Halt.PAUSE, why, now_us, now_us + rules.cool_down_s * US)
    return Trip(switch=switch, baseline=None)


def _since(now: Standing, baseline: Baseline | None) -> Collateral:
    return now.result - (baseline.result if baseline else ZERO_COLLATERAL)


def _trip(now: Standing, halt: Halt, why: Because, now_us: int, *, until_us: int | None = None) -> Trip:
    switch = _switch(now.subject, halt, why, now_us, until_us)
    return Trip(switch=switch, baseline=Baseline(result=now.result, since_us=now_us))


def _switch(subject: Subject, halt: Halt, why: Because, now_us: int, until_us: int | None) -> Switch:
    return Switch(scope=subject[0], subject=subject[1], halt=halt, because=why, set_us=now_us, until_us=until_us)
