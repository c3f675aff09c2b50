"""Price paths: the middle of a market's YES book, step after step, in base units. The same random, the same path."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from random import Random

from remora.devnet.scenario.format import Drift, PathEntry, Point, Walk
from remora.domain.money import ONE, Price

_LOWEST, _HIGHEST = 10_000, ONE - 10_000


def path_prices(path: PathEntry, every_ms: int, random: Random) -> Iterator[Price]:
    """Yield the price at each step, forever; there is one every `every_ms`."""
    if path.walk:
        units = _walk(path.walk, random)
    elif path.drift:
        units = _drift(path.drift, every_ms, random)
    else:
        units = _through(path.points or (), every_ms)
    return (Price(each) for each in units)


def best_bid(mid: Price, spread: Price, tick: int) -> Price:
    """Return the bid on the market's tick, such that bid and ask lie around a middle and between 0 and 1."""
    bid = (mid.units - spread.units // 2) // tick * tick
    return Price(min(max(bid, tick), ONE - tick - spread.units))


def _walk(walk: Walk, random: Random) -> Iterator[int]:
    units, most = walk.start.units, walk.volatility.units
    while True:
        yield units
        units = _within(units + random.randint(-most, most))


def _drift(drift: Drift, every_ms: int, random: Random) -> Iterator[int]:
    start, end, most = drift.start.units, drift.end.units, drift.volatility.units
    for at_ms in itertools.count(0, every_ms):
        passed_ms = min(at_ms, drift.over_ms)
        noise = random.randint(-most, most) if passed_ms < drift.over_ms else 0
        yield _within(start + (end - start) * passed_ms // drift.over_ms + noise)


def _through(points: Sequence[Point], every_ms: int) -> Iterator[int]:
    """Yield straight ways between points; before the first and after the last one the price stays."""
    for at_ms in itertools.count(0, every_ms):
        before = [point for point in points if point.at_ms <= at_ms][-1:] or points[:1]
        after = [point for point in points if point.at_ms > at_ms][:1] or points[-1:]
        (left,), (right,) = before, after
        length_ms = right.at_ms - left.at_ms
        passed_ms = max(at_ms - left.at_ms, 0)
        rise = right.price.units - left.price.units
        yield left.price.units + (rise * passed_ms // length_ms if length_ms > 0 else 0)


def _within(units: int) -> int:
    """Turn back at the bounds."""
    reflected = 2 * _HIGHEST - units if units > _HIGHEST else 2 * _LOWEST - units if units < _LOWEST else units
    return min(max(reflected, _LOWEST), _HIGHEST)
