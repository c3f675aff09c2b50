"""Two hundred trades, twenty policies: each result equals an independent computation from the policies' words.

A replay over midnight, UTC, would begin a new day in its middle.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from decimal import Decimal
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

from remora.adapters.store.database import attached
from remora.adapters.store.stories import SqliteStories
from remora.cli.story import as_row
from remora.devnet.demo.performance import Performance
from remora.devnet.demo.stage import Stage
from remora.devnet.launcher import DevnetConfig, running_devnet
from remora.devnet.traders.crew import MAKER_SHARES, market_maker, stock
from remora.domain.money import parse_units
from tests.scenario.copying.recomputed import Copied, Key, Rules, Together, Traded
from tests.scenario.copying.replaying import BUYS, FIRST, PLACES, ROUNDS, SALES, Script
from tests.scenario.copying.twenty import Pairs, Ruled, twenty
from tests.scenario.rehearsal import Rehearsal, rehearsing

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]

SEED = 20

UNIT = Decimal("0.000001")
BOUGHT_WITHIN = {"collateral": 7 * UNIT, "shares": 8 * UNIT, "fee": 7 * UNIT}
"""The venue reckons an order that spends B at a price p in base units. It buys floor(B / p) shares, or, where they are
minted with who bids 1 - p for the other outcome in whole units, a multiple of 1 / (1 - p): less than 1 / 0.19 < 6 units
short, p being 0.81 at most. They cost floor(shares x p): less than 6 x 0.81 + 1 < 6 units short. The fee is rounded to
5 decimals, 5 units off at most. What a follower gets of each is rounded to a unit up or down."""

SOLD_WITHIN = {"collateral": 400 * UNIT, "shares": 400 * UNIT, "fee": 12 * UNIT}
"""A lot is off by those 8 units for each of its purchases, of which no token has 40, and for each of its few sales: by
less than 400. What they bring is off by less, the price being below 1; the fee by 400 x 0.05 x 0.25 = 5 and the 7."""

ROUGHLY = Decimal("0.02")
"""A size in proportion to equity is of the moment. What trading costs the leader and the follower until then, and what
the public history has not learned yet of the leader's trades, is below a hundredth of each of the two."""

EXPECTED_REASONS = {
    "executed",
    "BELOW_TIERS",
    "ACCUMULATED",
    "BELOW_VENUE_MINIMUM",
    "MAX_ODDS",
    "MIN_ODDS",
    "MIN_LEADER_TRADE",
    "MIN_LIQUIDITY",
    "MIN_VOLUME",
    "ENDS_TOO_SOON",
    "ENDS_TOO_LATE",
    "NOT_ALLOWED",
    "REFUSED_WORD",
    "FACT_UNKNOWN",
    "NEG_RISK",
    "OPPOSITE_HELD",
    "SIDE",
    "EXITS_OFF",
    "NO_POSITION",
    "LIMIT_OPEN_POSITIONS",
    "LIMIT_PER_LEADER",
    "LIMIT_PER_MARKET",
    "LIMIT_PER_DAY",
    "LIMIT_EXPOSURE",
}
"""The replay is no proof of what it never met. A limit per trade cuts, and refuses nothing."""


async def test_every_policy_does_what_its_words_say(tmp_path: Path) -> None:
    async with _stage(tmp_path) as stage, _rehearsal(stage) as rehearsal:
        cast = rehearsal.performance.cast
        assert isinstance(cast, Pairs)
        await rehearsal.start()
        trades = await _played(rehearsal)
        assert sum(trade.leader == FIRST for trade in trades) == ROUNDS * (BUYS + SALES) == 200
        found = await rehearsal.performance.audit()
        assert found.balanced, found.differences
        rows = await _rows(stage, cast)
        problems = _compared(cast, rows, trades)
        for follower in cast.ruled:
            problems += _told(follower, rows[follower.name], found.found[follower.wallet])
        assert problems == []
        seen = Counter(row["reason"] or row["fate"] for told in rows.values() for row in told)
        assert set(seen) >= EXPECTED_REASONS, seen
        assert _idle_rules(cast, trades) == []
        said = await rehearsal.command("copies", "--follower", follower.wallet, "--since", "1d", "--json")
        assert json.loads(said) == rows[follower.name]
        assert await rehearsal.stop() == 0


async def _played(rehearsal: Rehearsal) -> list[Traded]:
    """Play the script; what the leaders do at the same time is decided in no certain order, so they take turns."""
    script = Script(
        markets=rehearsal.performance.stage.endpoints.markets, leaders=rehearsal.leaders, random=Random(SEED)
    )
    for turn in range(ROUNDS):
        for act in (partial(script.other_side, turn), script.entries, script.exits):
            await act()
            rehearsal.performance.trades = len(script.done)
            await rehearsal.settled()
    return script.done


async def _rows(stage: Stage, cast: Pairs) -> dict[str, list[dict[str, Any]]]:
    """Return what `remora copies --json` prints, without a process for each follower."""
    with attached(stage.database) as writer:
        stories = SqliteStories(writer)
        return {each.name: [as_row(story) for story in await stories.since(each.wallet, 0)] for each in cast.ruled}


def _compared(cast: Pairs, rows: Mapping[str, Sequence[dict[str, Any]]], trades: Sequence[Traded]) -> list[str]:
    """Return where copies are not what they should be."""
    expected, found = _expected(cast, trades), {name: iter(told) for name, told in rows.items()}
    roughly = {each.name: ROUGHLY if each.rough else Decimal(0) for each in cast.ruled}
    problems = []
    for number, (trade, answers) in enumerate(zip(trades, expected, strict=True)):
        for (name, _), answer in answers.items():
            row = next(found[name])
            if (row["token_id"], row["side"] == "BUY") != (trade.token, trade.buys) or not _is_as(
                answer, row, roughly[name]
            ):
                told = row["sentence"] or [row[each] for each in ("fate", "shares", "collateral", "fee")]
                problems.append(f"{name}, trade {number}: expected {answer}, found {told}")
    return problems + [f"{name}: has more copies than trades" for name, rest in found.items() if next(rest, None)]


def _expected(cast: Pairs, trades: Sequence[Traded]) -> list[Mapping[Key, Copied | str]]:
    together = Together({key: rules for each in cast.ruled for key, rules in each.all_rules().items()})
    return [together.follow(trade) for trade in trades]


def _is_as(expected: Copied | str, row: dict[str, Any], roughly: Decimal) -> bool:
    if isinstance(expected, str):
        return (row["fate"], row["reason"]) == ("denied", expected)
    within = BOUGHT_WITHIN if row["side"] == "BUY" else SOLD_WITHIN
    return bool(row["fate"] == "executed") and all(
        _is_near(Decimal(row[what]), getattr(expected, what), most, roughly) for what, most in within.items()
    )


def _is_near(found: Decimal, expected: Decimal, most: Decimal, roughly: Decimal) -> bool:
    return abs(found - expected) <= most + roughly * expected


def _told(follower: Ruled, rows: Sequence[dict[str, Any]], chain: Mapping[str, int]) -> list[str]:
    """Return where what was told does not add up to what the chain has, exactly."""
    told: defaultdict[str, int] = defaultdict(int)
    told["collateral"] = follower.collateral.units
    for row in rows:
        sign = 1 if row["side"] == "BUY" else -1
        told["collateral"] -= sign * parse_units(row["total"], 6)
        told[row["token_id"]] += sign * parse_units(row["shares"], 6)
    return [
        f"{follower.name}: copies add up to {told[asset]} of {asset}, the chain has {units}"
        for asset, units in chain.items()
        if told[asset] != units
    ]


def _idle_rules(cast: Pairs, trades: Sequence[Traded]) -> list[str]:
    """Return the rules without which a follower's copies would have been the same: nothing was proven of them."""
    idle = []
    for follower in cast.ruled:
        rules = follower.all_rules()
        key = (follower.name, FIRST)
        whole = _alone(rules, trades)
        without = follower.should.without_one()
        idle += [f"{follower.name}: {what}" for what, less in without if _alone({**rules, key: less}, trades) == whole]
    return idle


def _alone(rules: Mapping[Key, Rules], trades: Sequence[Traded]) -> list[Mapping[Key, Copied | str]]:
    alone = Together(rules)
    return [alone.follow(trade) for trade in trades]


@asynccontextmanager
async def _stage(folder: Path) -> AsyncIterator[Stage]:
    """Set a stage with deep books at different odds."""
    config = DevnetConfig(block_time_s=0.2, markets=tuple(place.opened() for place in PLACES))
    async with running_devnet(config) as devnet, market_maker(devnet.endpoints, devnet.funding) as maker:
        for market, place in zip(devnet.endpoints.markets, PLACES, strict=True):
            await stock(devnet.funding, market, MAKER_SHARES)
            await maker.quote(market, place.ladder)
        stage = Stage.on(devnet.endpoints, devnet.node, folder, fleet_size=8, fleet_start=SEED)
        await stage.admit(_cast(stage))
        yield stage


def _cast(stage: Stage) -> Pairs:
    return twenty(SEED, tuple(market.slug for market in stage.endpoints.markets))


@asynccontextmanager
async def _rehearsal(stage: Stage) -> AsyncIterator[Rehearsal]:
    with closing(Performance(stage=stage, cast=_cast(stage))) as performance:
        settings = {
            # Only the public history tells what the leader's shares are worth.
            "REMORA_DATA_URL": stage.endpoints.data_url,
            # A wallet that is low on gas collects for a few at a time, who then share an order without the rest.
            "REMORA_REFUEL_THRESHOLD": "5",
            "REMORA_REFUEL_AMOUNT": "50",
        }
        async with rehearsing(performance, settings) as rehearsal:
            yield rehearsal
