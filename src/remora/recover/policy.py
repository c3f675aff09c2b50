"""Which debts to try now, what of them can be paid, and when the next try may be. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from remora.domain.ids import Address, part_id
from remora.domain.money import ONE, ZERO_COLLATERAL, Collateral, Shares, mul_div_ceil, mul_div_floor
from remora.domain.order import Leg
from remora.domain.records import Debt, DebtSide

BACK_OFF = (1, 1, 2, 4, 8, 15, 30)
"""How many intervals pass after the first, second, … try that the chain refused: with two minutes, up to an hour."""

SMALLEST_PART = Collateral(ONE)
"""A smaller part is not worth the gas of a settlement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """A leg of a debt that can be paid now: as it was refused, or a part of it, `rest` being what stays owed."""

    debt: Debt
    whole: Leg
    leg: Leg
    rest: Leg | None = None


def next_try_us(tries: int, now_us: int, every_us: int) -> int:
    """Return when a debt may be tried again by itself that is tried now, after so many tries."""
    return now_us + BACK_OFF[min(tries, len(BACK_OFF) - 1)] * every_us


def is_due(debt: Debt, now_us: int, eager: Collection[Address]) -> bool:
    """Tell whether a debt may be tried: it has waited long enough, or its follower is among those with new means."""
    return debt.next_try_us <= now_us or debt.follower in eager


def collectable(debts: Sequence[Debt], means: Mapping[Address, Collateral], *, final_before_us: int) -> list[Try]:
    """Return what can be collected together.

    `means` is what each follower can pay, for what is on its way too: the smaller of balance and allowance. Whole legs
    first, of the oldest debts first, skipping what is too large for what remains; then what remains pays a part of the
    oldest. A leg is divided only if no block with a refusal of it can be taken back any more, so that it cannot settle
    beside its parts: the last try was before `final_before_us`. What operators owe is always tried: they are expected
    to be able to pay.
    """
    left = dict(means)
    for debt in debts:
        left[debt.follower] = left.get(debt.follower, ZERO_COLLATERAL) - debt.moving
    tries, unpaid = [], []
    for debt in debts:
        for leg in debt.legs:
            if debt.side is DebtSide.OPERATOR:
                tries.append(Try(debt=debt, whole=leg, leg=leg))
            elif (remaining := left[debt.follower]) >= leg.collateral:
                left[debt.follower] = remaining - leg.collateral
                tries.append(Try(debt=debt, whole=leg, leg=leg))
            else:
                unpaid.append((debt, leg))
    return [*tries, *_parts(unpaid, left, final_before_us)]


def _parts(
    unpaid: Iterable[tuple[Debt, Leg]], left: Mapping[Address, Collateral], final_before_us: int
) -> Iterator[Try]:
    served = set()
    for debt, leg in unpaid:
        refused_us = debt.opened_us if debt.tried_us is None else debt.tried_us
        if debt.follower in served or refused_us >= final_before_us:
            continue
        if divided := divide(leg, left[debt.follower]):
            served.add(debt.follower)
            yield Try(debt=debt, whole=leg, leg=divided[0], rest=divided[1])


def divide(leg: Leg, means: Collateral) -> tuple[Leg, Leg] | None:
    """Return the part of a delivery that `means` pays, and the rest; None when that is too little, or all of it.

    The shares are rounded down and their price up, by less than one base unit, so that both together cost what the
    whole did, and neither costs more than 1 a share if the whole did not.
    """
    if not SMALLEST_PART <= means < leg.collateral:
        return None
    shares = mul_div_floor(leg.shares.units, means.units, leg.collateral.units)
    if not shares:
        return None
    paid = Collateral(mul_div_ceil(leg.collateral.units, shares, leg.shares.units))
    part = replace(leg, settlement_id=part_id(leg.settlement_id, "paid"), shares=Shares(shares), collateral=paid)
    rest = replace(
        leg,
        settlement_id=part_id(leg.settlement_id, "rest"),
        shares=leg.shares - part.shares,
        collateral=leg.collateral - paid,
    )
    return part, rest
