"""Markets on demand: they are there for everybody at once, trade, and end when they are resolved."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from polymarket import RequestRejectedError
from polymarket.models.clob.market_events import MarketResolvedEvent, NewMarketEvent
from polymarket.streams import MarketSpec

from tests.contract.control.scene import PATIENCE_S, Json, Scene, accepted

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def next_of(kind: type[Any], events: AsyncIterator[Any]) -> Any:
    while not isinstance(event := await anext(events), kind):
        pass
    return event.payload


async def test_a_market_is_announced_found_traded_and_resolved(scene: Scene) -> None:
    (first,) = await scene.accounts(kind="eoa")
    async with scene.trading(first) as client, asyncio.timeout(PATIENCE_S):
        other = await scene.market("Is there another market?")
        spec = MarketSpec(asset_ids=[other["yes_token_id"]], custom_feature_enabled=True)
        async with await client.subscribe(spec) as events:
            market = await scene.market(
                "Will it be told?",
                slug="told",
                tick_size="0.001",
                fee_rate="0.05",
                tags=["Fish", "Big fish"],
                category="Sea",
                end_date="2031-05-01T12:00:00Z",
                liquidity={"mid": "0.4", "levels": 2, "shares": "20"},
            )
            announced = await next_of(NewMarketEvent, events)
        assert (announced.market, announced.question) == (market["condition_id"], "Will it be told?")
        shown = await client.get_market(slug="told")
        assert [tag.label for tag in shown.tags] == ["Fish", "Big fish"]
        assert (shown.category, shown.state.end_date) == ("Sea", datetime(2031, 5, 1, 12, tzinfo=UTC))
        book = await client.get_order_book(token_id=market["yes_token_id"])
        # a tick of 0.001 around 0.4, two levels of 20, and the mirror of NO at the same prices
        assert sorted((level.price, level.size) for level in book.asks) == [
            (Decimal("0.401"), Decimal(40)),
            (Decimal("0.402"), Decimal(40)),
        ]
        accepted(
            await client.place_market_order(token_id=market["yes_token_id"], side="BUY", amount="4", max_price="0.45")
        )
        ended = MarketSpec(asset_ids=[market["no_token_id"]], custom_feature_enabled=True)
        async with await client.subscribe(ended) as events:
            answered = await scene.asked(
                "POST", "/markets/resolve", {"resolutions": [{"market": "told", "payouts": [0, 1]}]}
            )
            resolved = await next_of(MarketResolvedEvent, events)
        assert [each["resolved"] for each in answered["resolved"]] == [True]
        assert (resolved.market, resolved.winning_asset_id) == (market["condition_id"], market["no_token_id"])
        assert (await client.get_market(slug="told")).state.closed
        with pytest.raises(RequestRejectedError, match="No orderbook exists"):
            await client.place_limit_order(token_id=market["yes_token_id"], side="BUY", price="0.3", size="10")


async def test_several_come_and_go_by_one_call(scene: Scene) -> None:
    questions = [f"Is this one of {number}?" for number in range(4)]
    kinds: list[Json] = [
        {},
        {"neg_risk": True, "event": "Which one is it?"},
        {"version": "v2"},
        {"neg_risk": True, "version": "v2"},
    ]
    wanted = [{"question": question, **kind} for question, kind in zip(questions, kinds, strict=True)]
    opened = (await scene.asked("POST", "/markets", {"markets": wanted}))["opened"]
    assert [(market["slug"], market["neg_risk"], market["version"]) for market in opened] == [
        ("is-this-one-of-0", False, "v1"),
        ("is-this-one-of-1", True, "v1"),
        ("is-this-one-of-2", False, "v2"),
        ("is-this-one-of-3", True, "v2"),
    ]
    resolutions = [
        {"market": market["condition_id"], "payouts": [0, 1] if market["neg_risk"] else [1, 1]} for market in opened
    ]
    await scene.asked("POST", "/markets/resolve", {"resolutions": resolutions})
    listed = (await scene.asked("GET", "/markets"))["markets"]
    assert [market["resolved"] for market in listed if market["question"] in questions] == [True] * 4


GOOD = {"question": "Would this be a good question?"}


@pytest.mark.parametrize(
    ("entries", "places"),
    [
        ([], [[]]),
        ([GOOD, GOOD], [["markets", 0, "slug"], ["markets", 1, "slug"]]),
        ([GOOD, {**GOOD, "slug": "other"}], [["markets", 0, "question"], ["markets", 1, "question"]]),
        ([GOOD, {"question": ""}], [["markets", 1, "question"]]),
        ([GOOD, {"question": "?!"}], [["markets", 1, "question"]]),
        ([GOOD, {"question": "A?", "tick_size": "0.02"}], [["markets", 1, "tick_size"]]),
        ([GOOD, {"question": "A?", "slug": "A B"}], [["markets", 1, "slug"]]),
        ([GOOD, {"question": "A?", "version": "v3"}], [["markets", 1, "version"]]),
        ([GOOD, {"question": "A?", "fee_rate": "1.1"}], [["markets", 1, "fee_rate"]]),
        ([GOOD, {"question": "A?", "end_date": "soon"}], [["markets", 1, "end_date"]]),
        ([GOOD, {"question": "A?", "liquidity": {"mid": "0.505"}}], [["markets", 1]]),
        ([GOOD, {"question": "A?", "liquidity": {"shares": "1"}}], [["markets", 1]]),
        ([GOOD, {"question": "A?", "liquidity": {"levels": 0}}], [["markets", 1, "liquidity", "levels"]]),
    ],
)
async def test_a_wrong_market_is_located_and_none_is_opened(
    scene: Scene, entries: list[object], places: list[list[str | int]]
) -> None:
    before = await scene.asked("GET", "/markets")
    assert await scene.places("/markets", {"markets": entries}) == places
    assert await scene.asked("GET", "/markets") == before


@pytest.mark.parametrize(
    ("entry", "place"),
    [
        ({"market": "no-such", "payouts": [1, 0]}, ["resolutions", 1, "market"]),
        ({"market": "stays-open", "payouts": [0, 0]}, ["resolutions", 1, "payouts"]),
        ({"market": "stays-open", "payouts": [1]}, ["resolutions", 1, "payouts", 1]),
        ({"market": "was-resolved", "payouts": [1, 0]}, ["resolutions", 1, "market"]),
    ],
)
async def test_a_wrong_resolution_is_located_and_none_is_carried_out(
    scene: Scene, entry: object, place: list[str | int]
) -> None:
    if "stays-open" not in (slugs := [each["slug"] for each in (await scene.asked("GET", "/markets"))["markets"]]):
        await scene.asked("POST", "/markets", {"markets": [{"question": "Stays open?"}, {"question": "Was resolved?"}]})
        done = {"resolutions": [{"market": "was-resolved", "payouts": [1, 0]}]}
        await scene.asked("POST", "/markets/resolve", done)
    assert "no-such" not in slugs
    good = {"market": "stays-open", "payouts": [1, 0]}
    assert await scene.places("/markets/resolve", {"resolutions": [good, entry]}) == [place]
    listed = (await scene.asked("GET", "/markets"))["markets"]
    assert [each["resolved"] for each in listed if each["slug"] == "stays-open"] == [False]


async def test_a_neg_risk_event_has_one_winner_and_no_draw(scene: Scene) -> None:
    for question in ("Is it the first?", "Is it the second?"):
        await scene.market(question, neg_risk=True, event="Which is it?")
    first, second = "is-it-the-first", "is-it-the-second"

    def resolutions(**payouts: list[int]) -> dict[str, list[dict[str, object]]]:
        names = {"first": first, "second": second}
        return {"resolutions": [{"market": names[name], "payouts": parts} for name, parts in payouts.items()]}

    assert await scene.places("/markets/resolve", resolutions(first=[1, 1])) == [["resolutions", 0, "market"]]
    both = await scene.places("/markets/resolve", resolutions(first=[1, 0], second=[1, 0]))
    assert both == [["resolutions", 0, "market"], ["resolutions", 1, "market"]]
    await scene.asked("POST", "/markets/resolve", resolutions(first=[1, 0]))
    assert await scene.places("/markets/resolve", resolutions(second=[1, 0])) == [["resolutions", 0, "market"]]
    await scene.asked("POST", "/markets/resolve", resolutions(second=[0, 1]))


async def test_a_market_is_not_resolved_twice_by_one_call(scene: Scene) -> None:
    market = await scene.market("Twice in one call?")
    entries = [{"market": name, "payouts": [1, 0]} for name in (market["slug"], market["condition_id"])]
    assert await scene.places("/markets/resolve", {"resolutions": entries}) == [
        ["resolutions", 0, "market"],
        ["resolutions", 1, "market"],
    ]
