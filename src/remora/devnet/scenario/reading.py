"""Reads a scenario: the whole file is checked, and every problem is told at once, with its line; or it is all right."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from remora.devnet.faults.catalogue import Place, Problem
from remora.devnet.places import Placed, read_placed
from remora.devnet.scenario.captured import read_capture
from remora.devnet.scenario.checks import maker_of, market_names, named, opening_times, problems_in
from remora.devnet.scenario.format import ScenarioFile
from remora.devnet.scenario.replay import Replay, replay_of
from remora.devnet.scenario.scenario import LeaderSetup, MarketSetup, Scenario, replayed_markets
from remora.devnet.scenario.wording import problem_of
from remora.domain.errors import Malformed


def read_scenario(source: Path) -> Scenario:
    """Return the scenario of a file; raise Malformed with every problem in it, each on a line with its place."""
    placed = read_placed(source)
    problems = [*placed.twice, *_format_problems(placed.value, placed)]
    if problems:
        raise placed.complaint((*problems, *_problems_beside(problems, placed)))
    file = ScenarioFile.model_validate(placed.value)
    replays, unreadable = _replays(file, source)
    if found := (*problems_in(file), *unreadable):
        raise placed.complaint(found)
    return _scenario(source, file, replays)


def _format_problems(value: Any, placed: Placed) -> list[Problem]:
    if not isinstance(value, dict):
        return [Problem(place=(), text="expected keys such as markets and leaders, found none")]
    try:
        ScenarioFile.model_validate(value)
    except ValidationError as error:
        return [problem_of(found, placed) for found in error.errors()]
    return []


def _problems_beside(known: list[Problem], placed: Placed) -> Iterator[Problem]:
    """Yield what is also wrong, in what is left of the file without the entries that are known to be wrong.

    Where markets, makers or events are wrong, names and sizes that others refer to are not judged.
    """
    wrong = {problem.place[:2] for problem in known}
    sections = {place[0] for place in wrong if place}
    rest, kept = _without(wrong, placed.value if all(wrong) else {})
    if not rest or _format_problems(rest, placed):
        return
    file = ScenarioFile.model_validate(rest)
    found = _replays(file, placed.source)[1]
    if not sections & {"markets", "market_makers", "events"}:
        found += [problem for problem in problems_in(file) if problem.place and problem.place[0] in kept]
    for problem in found:
        section, index, *further = problem.place
        assert isinstance(index, int)
        yield Problem(place=(section, kept[section][index], *further), text=problem.text)


def _without(wrong: set[Place], value: dict[str, Any]) -> tuple[dict[str, Any], dict[str | int, list[int]]]:
    """Return a file's value without wrong entries and wrong keys, and where the entries that are left were before."""
    kept: dict[str | int, list[int]] = {}
    rest: dict[str, Any] = {}
    for key, given in value.items():
        if isinstance(given, list):
            kept[key] = [index for index in range(len(given)) if not {(key,), (key, index)} & wrong]
            rest[key] = [given[index] for index in kept[key]]
        elif not any(place[0] == key for place in wrong):
            rest[key] = given
    return rest, kept


def _replays(file: ScenarioFile, source: Path) -> tuple[list[Replay], list[Problem]]:
    """Read the captured trades, from files relative to the scenario's."""
    replays: list[Replay] = []
    problems: list[Problem] = []
    leader = sum(entry.count for entry in file.leaders)
    for index, entry in enumerate(file.replay):
        try:
            capture = read_capture(source.parent / entry.file)
        except Malformed as error:
            problems.append(Problem(place=("replay", index, "file"), text=str(error)))
            continue
        market = 1 + sum(len(replay.markets) for replay in replays)
        replay = replay_of(entry, capture, first_leader=leader, first_market=market)
        leader += len(replay.wallets)
        replays.append(replay)
        problems += _nothing_to_replay(replay, ("replay", index))
    return replays, problems


def _nothing_to_replay(replay: Replay, place: Place) -> Iterator[Problem]:
    wanted = replay.entry.wallets or ()
    for number, wallet in enumerate(wanted):
        if wallet not in replay.wallets:
            text = f"expected a wallet that trades in the file, found {wallet}, which does not"
            yield Problem(place=(*place, "wallets", number), text=text)
    if not replay.steps and not wanted:
        yield Problem(place=(*place, "file"), text="expected trades that can be made again, found none")


def _scenario(source: Path, file: ScenarioFile, replays: list[Replay]) -> Scenario:
    times = opening_times(file)
    markets = {
        name: MarketSetup(
            name=name,
            terms=entry.terms()[name],
            tick=entry.tick,
            maker=maker_of(file, name),
            opens_at_ms=times[name],
        )
        for name, entry in market_names(file).items()
    }
    markets |= {market.name: market for replay in replays for market in replayed_markets(replay)}
    return Scenario(
        source=source,
        file=file,
        markets=markets,
        leaders=(*_styled(file), *_replayers(replays)),
        replays=tuple(replays),
        events=file.events,
    )


def _styled(file: ScenarioFile) -> Iterator[LeaderSetup]:
    entries = [entry for entry in file.leaders for _ in range(entry.count)]
    for index, entry in enumerate(entries):
        markets = named(file, entry.markets)
        yield LeaderSetup(index=index, wallet=entry.wallet, markets=markets, entry=entry)


def _replayers(replays: list[Replay]) -> Iterator[LeaderSetup]:
    for replay in replays:
        for index, wallet in enumerate(replay.wallets, start=replay.first_leader):
            yield LeaderSetup(index=index, wallet=replay.entry.wallet, stands_for=wallet)
