"""Which debts to try now: those that their debtor can pay, oldest first. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from remora.domain.ids import Address
from remora.domain.money import Collateral
from remora.domain.records import Debt, DebtSide


def collectable(debts: Iterable[Debt], means: Mapping[Address, Collateral]) -> list[Debt]:
    """Return the debts that can be collected together.

    `means` is what each follower can pay: the smaller of balance and allowance. Oldest first, skipping what is too
    large for what remains. Debts of the operators are always tried: the operator is expected to be able to pay.
    """
    left = dict(means)
    chosen = []
    for debt in debts:
        if debt.side is DebtSide.OPERATOR:
            chosen.append(debt)
            continue
        remaining = left.get(debt.leg.follower, Collateral(0))
        if remaining >= debt.due:
            left[debt.leg.follower] = remaining - debt.due
            chosen.append(debt)
    return chosen
