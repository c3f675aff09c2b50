"""A scenario file is right as a whole, or everything that is wrong in it is told at once, with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from remora.devnet.scenario.reading import read_scenario
from remora.domain.errors import Malformed
from remora.domain.money import Price
from tests.unit.devnet.scenario.files import EXAMPLES, complaints, scenario

MARKET = "markets: [{name: shark}]\n"


def test_all_problems_of_a_file_are_told_with_their_lines(tmp_path: Path) -> None:
    found = complaints(
        tmp_path,
        """\
sped: 3
markets:
  - name: shark
    tick_size: 0.02
market_makers:
  - spread: 1.2
    path: {walk: {start: 1.5}, drift: {start: 0.3, end: 0.4}}
leaders:
  - style: yolo
  - style: hedge
    size: {min: -5, max: 10.123}
  - 5
replay:
  - file: none.json
events:
  - at_s: 3
  - {at_s: -1, clear_faults: all}
until: {trades: 0, seconds: 0.0001}
until: {trades: 0, seconds: 0.0001}
""",
    )
    assert found == [
        (
            "scenario.yaml:1: sped: expected one of seed, block_time_s, speed, markets, market_makers, leaders, replay,"
            " events, until; found an unknown key"
        ),
        (
            "scenario.yaml:4: markets[0].tick_size: expected '0.1', '0.01', '0.005', '0.0025', '0.001' or '0.0001';"
            " found '0.02'"
        ),
        "scenario.yaml:6: market_makers[0].spread: expected a difference of prices above 0 and below 1; found '1.2'",
        "scenario.yaml:7: market_makers[0].path.walk.start: expected a price between 0 and 1; found '1.5'",
        "scenario.yaml:7: market_makers[0].path.drift.over_s: expected this key, found none",
        (
            "scenario.yaml:9: leaders[0].style: expected 'accumulate', 'enter_and_exit', 'both_outcomes', 'hedge',"
            " 'merge' or 'redeem'; found 'yolo'"
        ),
        "scenario.yaml:11: leaders[1].size.min: expected shares above 0, at most 10000000; found '-5'",
        (
            "scenario.yaml:11: leaders[1].size.max: expected shares with at most 2 decimals, as the venue takes them;"
            " found '10.123'"
        ),
        "scenario.yaml:12: leaders[2]: expected keys and values; found '5'",
        "scenario.yaml:14: replay[0].file: expected captured trades in none.json, found No such file or directory",
        (
            "scenario.yaml:16: events[0]: expected one of resolve, faults, clear_faults, open_market, move_time_s;"
            " found none of them"
        ),
        "scenario.yaml:17: events[1].at_s: expected seconds from 0 to a year's; found '-1'",
        "scenario.yaml:19: until: expected the key once, found it twice",
        "scenario.yaml:19: until.trades: expected to be greater than or equal to 1; found '0'",
        "scenario.yaml:19: until.seconds: expected at most 3 decimals; found '0.0001'",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (MARKET + "market_makers: [{markets: [wale]}]", "expected one of shark; found 'wale'"),
        (MARKET + "leaders: [{style: hedge, markets: [wale]}]", "expected one of shark; found 'wale'"),
        (MARKET + "events: [{at_s: 1, resolve: {market: wale, outcome: NO}}]", "expected one of shark; found 'wale'"),
        (MARKET + "market_makers: [{spread: 0.015}]", "expected a multiple of the tick of shark, 0.01; found 0.015"),
        (MARKET + "market_makers: [{spread: 0.99}]", "expected at most 0.98, so that bid and ask of shark fit"),
        (MARKET + "market_makers: [{}, {}]", "market_makers[0] quotes all that have no other maker"),
        (MARKET + "market_makers: [{markets: [shark]}, {markets: [shark]}]", "found 'shark' also in market_makers[0]"),
        (MARKET + "leaders: [{style: hedge, size: {min: 4, max: 9}}]", "expected at least the smallest order of shark"),
        (MARKET + "leaders: [{style: hedge, size: {min: 5, max: 501}}]", "expected at most half a level of the maker"),
        (MARKET + "leaders: [{style: hedge, size: {min: 9, max: 8}}]", "expected a min of at most max, 8"),
        (MARKET + "leaders: [{style: redeem}]", "expected an event that resolves a market of a leader that redeems"),
        (MARKET + "events: [{at_s: 1, faults: [{fault: nope}]}]", "events[0].faults[0].fault: expected one of error-"),
        (MARKET + "events: [{at_s: 1, faults: [{fault: reorg, depth: 99}]}]", "events[0].faults[0].depth: "),
        (MARKET + "events: [{at_s: 1, open_market: {name: shark}}]", "expected a name of its own, found 'shark' again"),
        (MARKET + "speed: max", "expected an end under until, without which max would never pause"),
        (MARKET + "until: {trades: 5}", "expected seconds, or leaders or a replay that trade; found none"),
        ("markets: [{name: replay-1}]", "expected a name that does not start with 'replay'"),
        ("markets: [{name: a, question: Q}, {name: b, question: Q}]", "expected a question that no other market asks"),
        ("markets: [{name: shark, neg_risk: true}]\nevents: [{at_s: 1, resolve: {market: shark, outcome: DRAW}}]",
         "expected YES or NO: shark is neg-risk, where one outcome wins; found 'DRAW'"),
        ("seed: 1", "document: expected markets or a replay, found neither"),
        ("[]", "document: expected keys such as markets and leaders, found none"),
        ("markets: &m [*m]", "expected less nesting, or no alias to itself"),
        ("markets: [", "scenario.yaml:1: "),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(tmp_path: Path, text: str, told: str) -> None:
    found = complaints(tmp_path, text)
    assert any(told in line for line in found), found


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Malformed, match=r"nowhere\.yaml: No such file"):
        read_scenario(tmp_path / "nowhere.yaml")


def test_a_group_has_markets_of_its_own_and_one_maker(tmp_path: Path) -> None:
    found = scenario(
        tmp_path,
        """\
markets: [{name: coral, count: 2}, {name: shark}]
market_makers: [{markets: [coral], spread: 0.04}]
leaders: [{style: hedge, markets: [coral]}]
""",
    )
    spreads = {name: market.maker.spread for name, market in found.markets.items()}
    assert spreads == {"coral-1": Price(40_000), "coral-2": Price(40_000), "shark": Price(20_000)}
    assert found.leaders[0].markets == ("coral-1", "coral-2")


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.yaml")), ids=lambda file: file.stem)
def test_every_example_is_right(file: Path) -> None:
    assert read_scenario(file).markets


def test_there_are_examples() -> None:
    assert {file.stem for file in EXAMPLES.glob("*.yaml")} >= {"calm-market", "busy-leaders", "replay", "fault-storm"}
