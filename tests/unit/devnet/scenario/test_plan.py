"""The plan follows from the file alone: the same seed, the same steps; and leaders keep to their styles."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path

import pytest

from remora.devnet.scenario.deeds import Happening, Merge, Quote, Redeem, Step, Trade
from remora.devnet.scenario.plan import plan
from remora.devnet.scenario.reading import read_scenario
from remora.devnet.scenario.stage import missing_shares
from remora.devnet.traders.outcome import Outcome
from remora.domain.money import Price
from remora.domain.signal import Side
from tests.unit.devnet.scenario.files import EXAMPLES, scenario

STYLES = ("accumulate", "enter_and_exit", "both_outcomes", "hedge", "merge")


def steps(folder: Path, style: str, more: str = "", *, trades: int = 40, seed: int = 1) -> list[Step]:
    text = f"""\
seed: {seed}
markets: [{{name: coral, count: 2}}]
leaders: [{{style: {style}}}]
until: {{trades: {trades}}}
{more}"""
    return list(plan(scenario(folder, text)))


def trades_of(found: list[Step]) -> list[Trade]:
    return [step.deed for step in found if isinstance(step.deed, Trade)]


@pytest.mark.parametrize("style", STYLES)
def test_the_same_seed_makes_the_same_plan_and_another_one_does_not(tmp_path: Path, style: str) -> None:
    first = steps(tmp_path, style)
    assert steps(tmp_path, style) == first
    assert trades_of(steps(tmp_path, style, seed=2)) != trades_of(first)


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.yaml")), ids=lambda file: file.stem)
def test_steps_come_in_the_order_of_their_times(file: Path) -> None:
    found = list(itertools.islice(plan(read_scenario(file)), 2_000))
    assert found
    assert [step.at_ms for step in found] == sorted(step.at_ms for step in found)


@pytest.mark.parametrize("style", STYLES)
def test_a_trade_happens_at_the_best_price_of_the_last_quote(tmp_path: Path, style: str) -> None:
    mids: dict[str, Price] = {}
    for step in steps(tmp_path, style):
        match step.deed:
            case Quote(market=market, mid=mid):
                mids[market] = mid
            case Trade() as trade:
                distance = 10_000 if trade.side is Side.BUY else -10_000  # half of the spread of 0.02
                assert trade.price.units == trade.outcome.price_at(mids[trade.market]).units + distance
                assert trade.price.units % 10_000 == 0


@pytest.mark.parametrize("style", STYLES)
def test_nobody_sells_or_merges_what_it_does_not_hold(tmp_path: Path, style: str) -> None:
    held = Counter[tuple[str, Outcome]]()
    for step in steps(tmp_path, style, trades=200):
        match step.deed:
            case Trade() as trade:
                held[trade.market, trade.outcome] += trade.shares.units * (1 if trade.side is Side.BUY else -1)
            case Merge(market=market, shares=shares):
                held.subtract({(market, outcome): shares.units for outcome in Outcome})
        assert min(held.values(), default=0) >= 0


def test_to_accumulate_is_to_buy_one_outcome_of_a_market(tmp_path: Path) -> None:
    found = trades_of(steps(tmp_path, "accumulate"))
    assert {trade.side for trade in found} == {Side.BUY}
    assert len({(trade.market, trade.outcome) for trade in found}) == len({trade.market for trade in found}) == 2


def test_to_enter_and_exit_is_to_sell_all_before_buying_again(tmp_path: Path) -> None:
    held = 0
    for trade in trades_of(steps(tmp_path, "enter_and_exit")):
        assert (trade.side is Side.BUY) is (held == 0)
        held += trade.shares.units if trade.side is Side.BUY else -trade.shares.units


def test_to_merge_is_to_buy_pairs_and_never_to_sell(tmp_path: Path) -> None:
    found = steps(tmp_path, "merge")
    pairs = [step.deed for step in found if isinstance(step.deed, Merge)]
    assert {trade.side for trade in trades_of(found)} == {Side.BUY}
    bought = trades_of(found)
    assert [merge.shares for merge in pairs] == [trade.shares for trade in bought[: 2 * len(pairs) : 2]]
    assert all(a.outcome is not b.outcome for a, b in zip(bought[::2], bought[1::2], strict=True))


def test_to_hedge_is_to_cover_a_position_with_the_other_outcome(tmp_path: Path) -> None:
    found = trades_of(steps(tmp_path, "hedge"))
    assert {trade.side for trade in found} == {Side.BUY}
    first, second = found[:2]
    assert (second.market, second.outcome) != (first.market, first.outcome)
    assert second.shares.units <= first.shares.units


def test_who_redeems_holds_until_the_end_of_the_market(tmp_path: Path) -> None:
    end = "events: [{at_s: 30, resolve: {market: coral-1, outcome: YES}}]"
    found = steps(tmp_path, "redeem", end)
    (ended,) = [step.at_ms for step in found if isinstance(step.deed, Happening)]
    (redeemed,) = [step for step in found if isinstance(step.deed, Redeem)]
    after = [step.deed for step in found if step.at_ms > ended]
    assert isinstance(redeemed.deed, Redeem)
    assert (redeemed.deed.market, redeemed.at_ms > ended) == ("coral-1", True)
    assert not [deed for deed in after if isinstance(deed, Trade | Quote) and deed.market == "coral-1"]


def test_a_leader_ends_when_all_its_markets_have(tmp_path: Path) -> None:
    ends = "\n".join(f"  - {{at_s: {n}0, resolve: {{market: coral-{n}, outcome: NO}}}}" for n in (1, 2))
    found = steps(tmp_path, "redeem", f"events:\n{ends}", trades=1_000)
    assert isinstance(found[-1].deed, Redeem)


def test_a_market_that_opens_later_is_not_traded_before(tmp_path: Path) -> None:
    found = steps(tmp_path, "accumulate", "events: [{at_s: 30, open_market: {name: eel}}]")
    times = [step.at_ms for step in found if isinstance(step.deed, Trade | Quote) and step.deed.market == "eel"]
    assert min(times) == 30_000
    assert [step.at_ms for step in found if isinstance(step.deed, Trade) and step.deed.market == "eel"]


def test_a_drift_arrives_and_points_are_met(tmp_path: Path) -> None:
    text = """\
markets: [{name: a}, {name: b}]
market_makers:
  - {markets: [a], every_s: 5, path: {drift: {start: 0.20, end: 0.60, over_s: 10}}}
  - {markets: [b], every_s: 5, path: {points: [{at_s: 0, price: 0.50}, {at_s: 10, price: 0.30}]}}
until: {seconds: 15}
"""
    quotes = [step.deed for step in plan(scenario(tmp_path, text)) if isinstance(step.deed, Quote)]
    # Half way after half of the time: 0.20 + 0.40 / 2, and 0.50 - 0.20 / 2.
    assert [str(quote.mid) for quote in quotes if quote.market == "a"] == ["0.2", "0.4", "0.6", "0.6"]
    assert [str(quote.mid) for quote in quotes if quote.market == "b"] == ["0.5", "0.4", "0.3", "0.3"]


def test_who_sells_first_begins_with_what_it_sells() -> None:
    def step(side: Side, units: int) -> Step:
        (trade,) = trades_of(list(plan(read_scenario(EXAMPLES / "replay.yaml"))))[:1]
        values = {name: getattr(trade, name) for name in ("leader", "market", "outcome", "price")}
        return Step(at_ms=0, deed=Trade(**values, side=side, shares=type(trade.shares)(units)))

    found = missing_shares([step(Side.SELL, 5), step(Side.BUY, 3), step(Side.SELL, 4), step(Side.BUY, 9)])
    assert list(found.values()) == [6]  # 5 - 3 + 4
