"""The venue's minimum: copies too small for it are joined with others in a block order, where that reaches it.

Only entries at the same limit, by the same kind of order, can be joined, and so many followers share an order at most.
Execution joins them in the order in which they are decided, so that order is arranged here: every order is headed by an
entry that reaches the minimum by itself, as long as there are any.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from remora.domain.money import ONE, Collateral, Price
from remora.domain.order import Sized
from remora.domain.policy import OrderMode, Policy

VENUE_MINIMUM = Collateral(ONE)
"""The venue takes no marketable BUY of less ("min size: $1")."""

CENT = 10_000
"""The venue takes the collateral of a market BUY in whole cents: 2 decimals."""


class Wish(NamedTuple):
    """What one policy would spend at most at a limit price. Its budget is that in whole cents, rounded down.

    `sized` is what made the size. It is a tuple, since thousands are made for one signal.
    """

    policy: Policy
    limit: Price
    size: Collateral
    budget: Collateral
    sized: Sized


def wish(policy: Policy, limit: Price, size: Collateral, sized: Sized) -> Wish:
    """Return a policy's wish to spend so much."""
    rest = size.units % CENT
    return Wish(policy, limit, size, Collateral(size.units - rest) if rest else size, sized)


def joined(wishes: Iterable[Wish], followers_per_order: int) -> tuple[list[Wish], list[Wish]]:
    """Return the wishes that the venue takes, in the order in which they are to be joined, and those too small."""
    taken: list[Wish] = []
    short: list[Wish] = []
    for alike in _alike(wishes):
        for order in _orders(alike, followers_per_order):
            reaches = sum(each.budget.units for each in order) >= VENUE_MINIMUM.units
            (taken if reaches else short).extend(order)
    return taken, short


def _alike(wishes: Iterable[Wish]) -> Iterable[list[Wish]]:
    groups: defaultdict[tuple[int, OrderMode, int | None], list[Wish]] = defaultdict(list)
    for each in wishes:
        orders = each.policy.orders
        groups[each.limit.units, orders.kind, orders.rest_s].append(each)
    return groups.values()


def _orders(wishes: Sequence[Wish], most: int) -> Iterator[Sequence[Wish]]:
    """Yield wishes at one limit as the orders that they will be joined into, each small one beside a large one.

    The least of the large ones head the orders: the fewer an order spends, the sooner one wallet can promise it.
    """
    small = [each for each in wishes if each.budget.units < VENUE_MINIMUM.units]
    if not small:
        yield wishes
        return
    large = sorted((each for each in wishes if each.budget.units >= VENUE_MINIMUM.units), key=_budget)
    yield from ([each] for each in small if not each.budget)
    small = [each for each in small if each.budget]
    count = -(-(len(large) + len(small)) // most)
    heads, rest = large[:count], small + large[count:]
    for number in range(count):
        order = heads[number : number + 1]
        order += rest[: most - len(order)]
        rest = rest[most - 1 if number < len(heads) else most :]
        yield order


def _budget(each: Wish) -> int:
    return each.budget.units
