"""Which legs go into a transaction together, and how many of them a wallet can pay for. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from remora.domain.ids import Address
from remora.domain.order import Leg, SettlementStep

LEGS_PER_TRANSACTION = 32
"""Bounds the gas that an operator wallet must hold while a settlement is pending, and stays far below a node's cap."""


def groups(legs: Iterable[Leg]) -> Iterator[list[Leg]]:
    """Group legs that can share a transaction, at most LEGS_PER_TRANSACTION in each."""
    alike: defaultdict[tuple[Address, SettlementStep, int], list[Leg]] = defaultdict(list)
    for leg in legs:
        alike[leg.wallet, leg.step, leg.token_id].append(leg)
    for group in alike.values():
        for start in range(0, len(group), LEGS_PER_TRANSACTION):
            yield group[start : start + LEGS_PER_TRANSACTION]


def legs_within(gas: int, wanted: int, settlement_gas: Callable[[int], int]) -> int:
    """Return for how many of the wanted legs, from none to all, the gas is enough; `settlement_gas` grows with them."""
    return next((count for count in range(wanted, 0, -1) if settlement_gas(count) <= gas), 0)
