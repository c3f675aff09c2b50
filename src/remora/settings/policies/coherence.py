"""What a section's fields must not say together, whoever made it: a file, the command line or the API.

Each contradiction is told as the field at fault and what was expected of it, with the other fields that it rests on:
where one of those could not be read, nothing is known to contradict it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from remora.domain.ids import Address
from remora.domain.policy import Filters, Listed, OrderMode, Orders, Policy, Protections, Rulebook, Sizing, SizingMode

MULTIPLYING = frozenset({SizingMode.MULTIPLIER, SizingMode.PROPORTIONAL})


class Contradiction(NamedTuple):
    """What is wrong with a field beside `others` of its section. `says` is "expected …, found …"."""

    field: str
    says: str
    others: tuple[str, ...] = ()

    @property
    def fields(self) -> frozenset[str]:
        """All fields that make it one."""
        return frozenset({self.field, *self.others})


def contradictions(section: Any) -> Iterator[Contradiction]:
    """Yield what the fields of one section, or of one policy, contradict each other in."""
    match section:
        case Sizing():
            yield from _sizing(section)
        case Orders():
            yield from _orders(section)
        case Filters():
            yield from _span(section, "min_odds", "max_odds")
            yield from _span(section, "min_days_to_resolution", "max_days_to_resolution")
        case Listed():
            both = sorted(set(section.allow) & set(section.refuse))
            if both:
                says = f"expected other words than in allow, found {', '.join(both)} in both"
                yield Contradiction("refuse", says, ("allow",))
        case Protections():
            yield from _protections(section)
        case Policy():
            if section.leader == section.follower:
                says = "expected somebody else than the follower, found the same wallet"
                yield Contradiction("leader", says, ("follower",))
        case _:
            pass


def strangers(
    book: Rulebook, named: Mapping[str, Collection[Address]], beside: Iterable[Policy] = ()
) -> Iterator[tuple[str, Address, str]]:
    """Yield whose bounds do nothing, because no policy names them: a mistyped address must not loosen a limit.

    `named` are the followers and leaders of the rules' policies, also of those that are refused for something else;
    policies that stay in force `beside` the rules name wallets too.
    """
    staying = tuple(beside)
    for name, bounds in (("followers", book.followers), ("leaders", book.leaders)):
        party = name.removesuffix("s")
        known = {*named[party], *(getattr(policy, party) for policy in staying)}
        for wallet in bounds:
            if wallet not in known:
                yield name, wallet, f"expected the {party} of a policy, found an address that no policy names"


def _sizing(sizing: Sizing) -> Iterator[Contradiction]:
    yield from _goes_with("amount", SizingMode.FIXED, sizing, given=sizing.amount is not None)
    yield from _goes_with("tiers", SizingMode.TIERS, sizing, given=bool(sizing.tiers))
    if sizing.mode not in MULTIPLYING and sizing.multiplier != Sizing().multiplier:
        says = f"expected none with mode {sizing.mode}, found {sizing.multiplier}"
        yield Contradiction("multiplier", says, ("mode",))
    if any(upper.above <= lower.above for lower, upper in pairwise(sizing.tiers)):
        yield Contradiction("tiers", "expected each `above` to be above the one before")
    yield from _span(sizing, "minimum", "maximum")


def _protections(protections: Protections) -> Iterator[Contradiction]:
    if protections.losses_in_row is None and protections.cool_down_s != Protections().cool_down_s:
        says = "expected losses_in_row with it, found none: nothing would start it"
        yield Contradiction("cool_down_s", says, ("losses_in_row",))


def _orders(orders: Orders) -> Iterator[Contradiction]:
    if orders.kind is OrderMode.GTD and orders.rest_s is None:
        yield Contradiction("rest_s", "expected how long a gtd order rests, found none", ("kind",))
    if orders.kind is not OrderMode.GTD and orders.rest_s is not None:
        says = f"expected none with kind {orders.kind}, found {orders.rest_s}: only gtd orders rest"
        yield Contradiction("rest_s", says, ("kind",))


def _goes_with(name: str, mode: SizingMode, sizing: Sizing, *, given: bool) -> Iterator[Contradiction]:
    if given and sizing.mode is not mode:
        yield Contradiction(name, f"expected none with mode {sizing.mode}: it is for mode {mode}", ("mode",))
    if not given and sizing.mode is mode:
        yield Contradiction(name, f"expected one with mode {mode}, found none", ("mode",))


def _span(section: Any, lower: str, upper: str) -> Iterator[Contradiction]:
    least, most = getattr(section, lower), getattr(section, upper)
    if least is not None and most is not None and least > most:
        yield Contradiction(lower, f"expected at most the {upper} of {most}, found {least}", (upper,))
