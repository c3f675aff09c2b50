"""Says what a scenario would do, without a devnet: its markets, leaders, replays, events, and the first steps."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from remora.devnet.accounts import Role, scripted
from remora.devnet.scenario.deeds import Quote, Step, Trade
from remora.devnet.scenario.format import LeaderWallet, PathEntry, ScenarioFile
from remora.devnet.scenario.plan import plan
from remora.devnet.scenario.scenario import LeaderSetup, MarketSetup, Scenario

_MOST_COUNTED = 1_000_000
"""Steps; a longer plan is not counted through."""


def forecast(scenario: Scenario, *, steps: int) -> Iterator[str]:
    """Yield what the scenario would do, line by line, with so many of its first steps."""
    file = scenario.file
    yield f"{scenario.source}: seed {file.seed}, a block every {file.block_time_s} s, {_speed(file)}; {_end(file)}"
    replayed = {name for replay in scenario.replays for name in replay.markets}
    for market in scenario.markets.values():
        path = "around each trade" if market.name in replayed else _path(market.maker.path)
        yield f"market {market.name}: {_terms(market)}, {path}"
    yield from (_leader(leader) for leader in scenario.leaders)
    yield from replay_notes(scenario)
    if file.until:
        yield _totals(scenario)
    yield f"the first {steps} steps, without quotes:"
    told = (step for step in _bounded(scenario) if not isinstance(step.deed, Quote))
    for step in itertools.islice(told, steps):
        yield f"{step.at_ms // 1000:>5}.{step.at_ms % 1000 // 100} s  {step.deed}"


def _speed(file: ScenarioFile) -> str:
    return "as fast as possible" if file.speed is None else f"speed {file.speed}"


def _end(file: ScenarioFile) -> str:
    if file.until is None:
        return "it runs until it is stopped"
    until = file.until
    return f"it ends after {f'{until.trades} trades' if until.trades else f'{(until.ms or 0) // 1000} s'}"


def _terms(market: MarketSetup) -> str:
    terms, maker = market.terms, market.maker
    opens = f", opens after {market.opens_at_ms // 1000} s" if market.opens_at_ms else ""
    kind = ", neg-risk" if terms.neg_risk else ""
    return (
        f'"{terms.question}", tick {terms.tick_size}, fee {terms.fee_rate}{kind}{opens}; '
        f"{maker.levels} levels of {maker.size}, spread {maker.spread}"
    )


def _path(path: PathEntry) -> str:
    if path.walk:
        return f"a walk from {path.walk.start}"
    if path.drift:
        return f"a drift from {path.drift.start} to {path.drift.end}"
    return f"through {len(path.points or ())} points"


def _leader(leader: LeaderSetup) -> str:
    account = scripted(Role.LEADER, leader.index).address
    owner = "of " if leader.wallet is LeaderWallet.DEPOSIT else ""
    return f"{leader} ({owner}{account})"


def replay_notes(scenario: Scenario) -> Iterator[str]:
    """Yield what is made again of captured trades, and which rows were left out or made to fit."""
    for replay in scenario.replays:
        yield f"replay {replay.entry.file}: {len(replay.steps)} trades of {len(replay.wallets)} wallets"
        alike: dict[str, list[str]] = {}
        for note in replay.notes:
            alike.setdefault(note.text, []).append(str(note.row))
        yield from (f"  row{'s' * (len(rows) > 1)} {', '.join(rows)}: {text}" for text, rows in alike.items())


def _totals(scenario: Scenario) -> str:
    trades = sum(isinstance(step.deed, Trade) for step in _bounded(scenario))
    return f"planned: {trades} trades"


def _bounded(scenario: Scenario) -> Iterator[Step]:
    return itertools.islice(plan(scenario), _MOST_COUNTED)
