"""Strategies for rules of every kind: what each declared field can hold, but for what its section forbids."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from remora.domain.ids import Address
from remora.domain.money import ONE, Collateral, Ratio
from remora.domain.policy import (
    Bounds,
    Listed,
    OrderMode,
    Orders,
    Policy,
    Protections,
    Rulebook,
    Sizing,
    SizingMode,
    Tier,
)
from remora.settings.policies.forms import LARGEST, Amount, Choice, Choices, Flag, Whole, Words
from remora.settings.policies.reader import policy_id
from remora.settings.policies.sections import Field, declared

wallets = st.integers(1, 2**160 - 1).map(lambda number: Address(f"0x{number:040x}"))
words = st.text(min_size=1, max_size=12).map(lambda word: word.strip().lower()).filter(bool)


def sections(kind: Any) -> st.SearchStrategy[Any]:
    """Return a section of which a few fields hold anything that they can, and the others their default."""
    once: Callable[[Any], st.SearchStrategy[Any]] = _sections
    return once(kind)


@cache  # strategies are checked once, which takes longer than to draw from them
def _sections(kind: type[object]) -> st.SearchStrategy[Any]:
    if kind is Sizing:
        return sizings()
    return _listed() if kind is Listed else _some_fields(kind)


@st.composite
def _some_fields(draw: st.DrawFn, kind: type[object]) -> Any:
    chosen = draw(st.lists(st.sampled_from(list(declared(kind).values())), max_size=4, unique=True))
    return _without_contradictions(kind(**{each.name: draw(_values(each)) for each in chosen}))


@st.composite
def sizings(draw: st.DrawFn) -> Sizing:
    """Return a sizing of any mode, with the fields that it needs."""
    mode = draw(st.sampled_from(SizingMode))
    fields = {name: draw(_values(each)) for name, each in declared(Sizing).items() if name not in {"mode", "tiers"}}
    if mode is not SizingMode.FIXED:
        fields["amount"] = None
    elif fields["amount"] is None:
        fields["amount"] = Collateral(draw(st.integers(1, 10**18)))
    if mode in {SizingMode.FIXED, SizingMode.TIERS}:
        fields["multiplier"] = Sizing().multiplier
    fields["minimum"], fields["maximum"] = _in_order(fields["minimum"], fields["maximum"])
    return Sizing(mode=mode, tiers=draw(_tiers()) if mode is SizingMode.TIERS else (), **fields)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Return a policy of any two wallets."""
    follower, leader = draw(st.lists(wallets, min_size=2, max_size=2, unique=True))
    parts = {name: draw(sections(each.form)) for name, each in declared(Policy).items() if isinstance(each.form, type)}
    return Policy(policy_id=policy_id(follower, leader), follower=follower, leader=leader, **parts)


@st.composite
def rulebooks(draw: st.DrawFn) -> Rulebook:
    """Return rules of a few pairs, with bounds for some of those that they name."""
    found = draw(st.lists(policies(), max_size=3, unique_by=lambda policy: policy.policy_id))
    bounds = sections(Bounds)
    return Rulebook(
        policies=tuple(found),
        followers={policy.follower: draw(bounds) for policy in found if draw(st.booleans())},
        leaders={policy.leader: draw(bounds) for policy in found if draw(st.booleans())},
        service=draw(bounds),
    )


@cache
def _values(which: Field) -> st.SearchStrategy[Any]:
    held = sections(which.form) if isinstance(which.form, type) else _held(which.form)
    return st.just(which.default) | held


def _held(form: Any) -> st.SearchStrategy[Any]:
    match form:
        case Amount(kind, positive):
            return st.integers(int(positive), LARGEST[kind] * ONE).map(kind)
        case Whole(least, most):
            return st.integers(least, most)
        case Flag():
            return st.booleans()
        case Choice(options):
            return st.sampled_from(options)
        case Choices(choice):
            return st.frozensets(st.sampled_from(choice.options), min_size=1)
        case Words():
            return st.lists(words, max_size=3, unique=True).map(tuple)
        case _:
            raise AssertionError(f"expected a form that holds values, found {form}")


@st.composite
def _tiers(draw: st.DrawFn) -> tuple[Tier, ...]:
    starts = sorted(draw(st.sets(st.integers(0, 10**18), min_size=1, max_size=4)))
    factors = st.integers(1, 10**12).map(Ratio)
    return tuple(Tier(above=Collateral(start), multiplier=draw(factors)) for start in starts)


@st.composite
def _listed(draw: st.DrawFn) -> Listed:
    found = draw(st.lists(words, max_size=4, unique=True))
    split = draw(st.integers(0, len(found)))
    return Listed(allow=tuple(found[:split]), refuse=tuple(found[split:]))


def _without_contradictions(section: Any) -> Any:
    """Put bounds in order, leave out a pause that nothing starts, and give a rest to just those orders that rest."""
    names = list(declared(type(section)))
    changes = {name: getattr(section, name) for name in names}
    for lower, upper in pairwise(names):
        if lower.startswith("min_") and upper == f"max_{lower.removeprefix('min_')}":
            changes[lower], changes[upper] = _in_order(changes[lower], changes[upper])
    if isinstance(section, Protections) and section.losses_in_row is None:
        changes["cool_down_s"] = Protections().cool_down_s
    if isinstance(section, Orders):
        changes["rest_s"] = (section.rest_s or 60) if section.kind is OrderMode.GTD else None
    return type(section)(**changes)


def _in_order(lower: Any, upper: Any) -> tuple[Any, Any]:
    return (upper, lower) if lower is not None and upper is not None and lower > upper else (lower, upper)
