"""What is wrong in a scenario although each of its entries is right by itself: names, ticks, sizes, times.

Every check yields all the problems that it finds, each with its place in the file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from remora.devnet.faults.catalogue import Invalid, Place, Problem, read
from remora.devnet.scenario.format import EventEntry, MakerEntry, MarketEntry, ScenarioFile, Style
from remora.domain.money import ONE, Price, Shares

_RESERVED = "replay"


def problems_in(file: ScenarioFile) -> Iterator[Problem]:
    """Yield everything that is wrong, apart from captured trades."""
    opened = dict(_market_entries(file))
    yield from _names(opened)
    names = market_names(file)
    yield from _references(file, names)
    yield from _makers(file, names)
    yield from _leaders(file, names)
    yield from _events(file, names)
    yield from _end(file)


def market_names(file: ScenarioFile) -> dict[str, MarketEntry]:
    """Return the entry of each market by the market's own name."""
    return {name: entry for entry in dict(_market_entries(file)).values() for name in entry.terms()}


def named(file: ScenarioFile, wanted: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the markets that these names mean; all without names."""
    if wanted is None:
        return tuple(market_names(file))
    groups = {entry.name: tuple(entry.terms()) for _, entry in _market_entries(file)}
    return tuple(dict.fromkeys(name for each in wanted for name in groups.get(each, (each,))))


def maker_of(file: ScenarioFile, market: str) -> MakerEntry:
    """Return how a market is quoted: as the entry says that names it, or the entry without names, or as usual."""
    naming = [maker for maker in file.market_makers if maker.markets and market in named(file, maker.markets)]
    rest = [maker for maker in file.market_makers if maker.markets is None]
    return (*naming, *rest, MakerEntry())[0]


def _market_entries(file: ScenarioFile) -> Iterator[tuple[Place, MarketEntry]]:
    for index, entry in enumerate(file.markets):
        yield ("markets", index), entry
    for index, event in enumerate(file.events):
        if event.open_market:
            yield ("events", index, "open_market"), event.open_market


def _names(entries: Mapping[Place, MarketEntry]) -> Iterator[Problem]:
    seen: set[str] = set()
    for place, entry in entries.items():
        taken = seen & {entry.name, *entry.terms()}
        if taken:
            yield Problem(place=(*place, "name"), text=f"expected a name of its own, found {min(taken)!r} again")
        if entry.name.startswith(_RESERVED):
            text = (
                f"expected a name that does not start with {_RESERVED!r}, as replayed markets do; found {entry.name!r}"
            )
            yield Problem(place=(*place, "name"), text=text)
        seen |= {entry.name, *entry.terms()}
    yield from _questions(entries)


def _questions(entries: Mapping[Place, MarketEntry]) -> Iterator[Problem]:
    """Yield questions that are asked twice: a question is a market's identity on chain."""
    asked = Counter(terms.question for entry in entries.values() for terms in entry.terms().values())
    for place, entry in entries.items():
        if any(asked[terms.question] > 1 for terms in entry.terms().values()) and entry.question:
            text = f"expected a question that no other market asks, found {entry.question!r}"
            yield Problem(place=(*place, "question"), text=text)


def _references(file: ScenarioFile, names: Mapping[str, MarketEntry]) -> Iterator[Problem]:
    known = [*names, *(entry.name for _, entry in _market_entries(file))]
    lists = [(("market_makers", i, "markets"), maker.markets) for i, maker in enumerate(file.market_makers)]
    lists += [(("leaders", i, "markets"), leader.markets) for i, leader in enumerate(file.leaders)]
    wanted: list[tuple[Place, str]] = [
        ((*place, n), name) for place, given in lists for n, name in enumerate(given or ())
    ]
    wanted += [
        (("events", i, "resolve", "market"), event.resolve.market)
        for i, event in enumerate(file.events)
        if event.resolve
    ]
    for place, name in wanted:
        is_one = place[-1] != "market" or name in names
        if name not in known or not is_one:
            expected = ", ".join(names if place[-1] == "market" else dict.fromkeys(known)) or "no market, there is none"
            yield Problem(place=place, text=f"expected one of {expected}; found {name!r}")


def _makers(file: ScenarioFile, names: Mapping[str, MarketEntry]) -> Iterator[Problem]:
    served: dict[str, int] = {}
    for index, maker in enumerate(file.market_makers):
        place: Place = ("market_makers", index)
        markets = [name for name in named(file, maker.markets) if name in names] if maker.markets else []
        for name in markets:
            if name in served:
                text = f"expected one maker for a market, found {name!r} also in market_makers[{served[name]}]"
                yield Problem(place=(*place, "markets"), text=text)
            served.setdefault(name, index)
    others = [index for index, maker in enumerate(file.market_makers) if maker.markets is None]
    for index in others[1:]:
        text = f"expected markets: market_makers[{others[0]}] quotes all that have no other maker"
        yield Problem(place=("market_makers", index), text=text)
    yield from _ladders(file, names)


def _ladders(file: ScenarioFile, names: Mapping[str, MarketEntry]) -> Iterator[Problem]:
    told: set[tuple[Place, str]] = set()
    for name, market in names.items():
        maker = maker_of(file, name)
        index = file.market_makers.index(maker) if maker in file.market_makers else None
        place: Place = ("market_makers", index) if index is not None else ("markets",)
        for key, text in _misfits(maker, market, name):
            where: Place = (*place, key) if index is not None else place
            if (where, key) not in told:
                told.add((where, key))
                yield Problem(place=where, text=text)


def _misfits(maker: MakerEntry, market: MarketEntry, name: str) -> Iterator[tuple[str, str]]:
    tick = market.tick
    for key, width in (("spread", maker.spread), ("step", maker.step)):
        if width.units % tick:
            yield key, f"expected a multiple of the tick of {name}, {market.tick_size}; found {width}"
    if maker.spread.units > ONE - 2 * tick:
        widest = Price(ONE - 2 * tick)
        yield "spread", f"expected at most {widest}, so that bid and ask of {name} fit; found {maker.spread}"
    if maker.size < market.min_order_size:
        yield "size", f"expected at least the smallest order of {name}, {market.min_order_size}; found {maker.size}"


def _leaders(file: ScenarioFile, names: Mapping[str, MarketEntry]) -> Iterator[Problem]:
    resolved = {event.resolve.market for event in file.events if event.resolve}
    for index, leader in enumerate(file.leaders):
        place: Place = ("leaders", index)
        markets = [name for name in named(file, leader.markets) if name in names]
        if not markets and leader.markets is None:
            yield Problem(place=place, text="expected markets to trade in, found none in the file")
        for name in markets:
            least, most = names[name].min_order_size, Shares(maker_of(file, name).size.units // 2)
            if leader.size.min < least:
                text = f"expected at least the smallest order of {name}, {least}; found {leader.size.min}"
                yield Problem(place=(*place, "size", "min"), text=text)
                break
            if leader.size.max > most:
                text = f"expected at most half a level of the maker of {name}, {most}; found {leader.size.max}"
                yield Problem(place=(*place, "size", "max"), text=text)
                break
        if leader.style is Style.REDEEM and markets and not resolved & set(markets):
            text = "expected an event that resolves a market of a leader that redeems, found none"
            yield Problem(place=(*place, "style"), text=text)


def _events(file: ScenarioFile, names: Mapping[str, MarketEntry]) -> Iterator[Problem]:
    opens = {name: at_ms for name, at_ms in opening_times(file).items() if name in names}
    resolved: set[str] = set()
    for index, event in enumerate(file.events):
        place: Place = ("events", index)
        if event.faults:
            yield from _faults(event, place)
        if event.resolve and event.resolve.market in names:
            market = event.resolve.market
            if market in resolved:
                yield Problem(place=(*place, "resolve", "market"), text=f"expected one end of {market}, found another")
            if event.at_ms <= opens[market] and opens[market]:
                yield Problem(place=(*place, "at_s"), text=f"expected a time after {market} opens")
            if event.resolve.outcome == "DRAW" and names[market].neg_risk:
                text = f"expected YES or NO: {market} is neg-risk, where one outcome wins; found 'DRAW'"
                yield Problem(place=(*place, "resolve", "outcome"), text=text)
            resolved.add(market)
        if event.move_time_ms and event.move_time_ms % 1000:
            yield Problem(place=(*place, "move_time_s"), text="expected whole seconds, as blocks have them")


def opening_times(file: ScenarioFile) -> dict[str, int]:
    """Return when each market opens, in milliseconds after the start."""
    times = dict.fromkeys((name for entry in file.markets for name in entry.terms()), 0)
    for event in file.events:
        if event.open_market:
            times |= dict.fromkeys(event.open_market.terms(), max(event.at_ms, 1))
    return times


def _faults(event: EventEntry, place: Place) -> Iterator[Problem]:
    try:
        read({"faults": list(event.faults or ())})
    except Invalid as invalid:
        for problem in invalid.problems:
            yield Problem(place=(*place, *problem.place), text=problem.text)


def _end(file: ScenarioFile) -> Iterator[Problem]:
    if file.until is None and file.speed is None:
        yield Problem(place=("speed",), text="expected an end under until, without which max would never pause")
    if not file.leaders and not file.replay and file.until and file.until.trades:
        yield Problem(place=("until", "trades"), text="expected seconds, or leaders or a replay that trade; found none")
    if not file.markets and not file.replay:
        yield Problem(place=(), text="expected markets or a replay, found neither")
