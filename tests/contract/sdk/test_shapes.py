"""What the devnet answers has every key that the real venue's answer has, with the same type of JSON value.

The captures are real responses (tests/fixtures/polygon/api). A key that we lack, or have otherwise, is named below with
the reason. More keys than in a capture are no fault: captures are of different years. Not compared, because the devnet
serves nothing of the kind: combos and Protocol V2 terms (there is no V3 exchange), Gamma's profiles, and its markets of
2020, which had no order book. Where a list of ours is empty, its entries are not compared.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.contract.sdk.pit import OpenPit, Pit, Trader, accepted

pytestmark = pytest.mark.asyncio(loop_scope="session")

CAPTURES = Path(__file__).parents[2] / "fixtures" / "polygon" / "api"

SPORTS_ONLY = dict.fromkeys(
    ("eventStartTime", "gameStartTime", "line", "sportsMarketType"), "only markets of sports have it"
)
RESOLVED_ONLY = dict.fromkeys(
    ("automaticallyResolved", "closedTime", "umaEndDate", "umaResolutionStatus"), "only resolved markets have it"
)
METADATA = {"eventMetadata": "notes of who writes the venue's texts"}
EVENTS_OF_SPORTS = METADATA | dict.fromkeys(
    ("ended", "eventDate", "eventWeek", "gameId", "live", "period", "score", "seriesSlug"), "only sports have it"
)
TAGS = dict.fromkeys(
    ("publishedAt", "createdBy", "updatedBy", "forceHide", "isCarousel"), "only some of the venue's tags have it"
)
NO_REWARDS = {"clobRewards": "only markets with rewards have it"}
NO_FEES = {"feeType": "null without fees"}
NO_POOL = {"liquidityAmm": "from the time of the automated market maker"}
TIMES = {
    "game_start_time": "a text for sports, else null",
    "accepting_order_timestamp": "null for markets that were closed before there was one",
}
REWARDS = {"rewards.rates": "null without rewards, as in the other captures"}


def first(answered: Any) -> Any:
    return answered[0]


def itself(answered: Any) -> Any:
    return answered


CASES: Mapping[
    str, tuple[str, Callable[[Any], Any], Callable[[Pit, Trader], str], Callable[[Any], Any], dict[str, str]]
]
CASES = {
    "a book": ("protocol_v2_book_empty", itself, lambda pit, _: f"/book?token_id={pit.yes}", itself, {}),
    "terms": (
        "protocol_v1_clob_markets_btc15m",
        itself,
        lambda pit, _: f"/clob-markets/{pit.market.condition_id}",
        itself,
        {},
    ),
    "a token's market": (
        "athena_market_mapping_cs2",
        lambda captured: captured["markets_by_token"]["response"],
        lambda pit, _: f"/markets-by-token/{pit.yes}",
        itself,
        {},
    ),
    "markets": ("nautilus_clob_markets_first_three", itself, lambda *_: "/markets", itself, TIMES),
    "a market": (
        "nautilus_clob_market_closed_binary_accepting_true",
        itself,
        lambda pit, _: f"/markets/{pit.market.condition_id}",
        itself,
        TIMES | REWARDS,
    ),
    "a market of Gamma": (
        "gamma_market_btc150k_2026-05",
        first,
        lambda pit, _: f"/gamma/markets?clob_token_ids={pit.yes}",
        first,
        METADATA,
    ),
    "a market of Gamma about sports": (
        "nautilus_gamma_market_sports_market_map_handicap",
        itself,
        lambda pit, _: f"/gamma/markets/slug/{pit.market.slug}",
        itself,
        SPORTS_ONLY | EVENTS_OF_SPORTS | RESOLVED_ONLY | NO_POOL,
    ),
    "an event of Gamma": (
        "nautilus_gamma_event",
        first,
        lambda pit, _: f"/gamma/events/slug/{pit.event_slug}",
        itself,
        TAGS | NO_FEES | NO_REWARDS,
    ),
    "events of Gamma": (
        "nautilus_gamma_event",
        itself,
        lambda *_: "/gamma/events",
        lambda answered: [event for event in answered if event["negRisk"]],
        TAGS | NO_FEES | NO_REWARDS,
    ),
    "activity": (
        "data_api_activity_swisstony_2026-08-07",
        itself,
        lambda _, trader: f"/data-api/activity?user={trader.wallet}",
        itself,
        {},
    ),
    "positions": (
        "data_api_positions_2026-08-07",
        itself,
        lambda _, trader: f"/data-api/positions?user={trader.wallet}",
        itself,
        {},
    ),
    "closed positions": (
        "data_api_closed_positions_2026-08-07",
        itself,
        lambda _, trader: f"/data-api/closed-positions?user={trader.wallet}",
        itself,
        {},
    ),
}


def shape(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield the places of a JSON value with the types found there; all entries of a list are one place."""
    yield place, json_type(value)
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from shape(inner, f"{place}.{key}".removeprefix("."))
    elif isinstance(value, list):
        for inner in value:
            yield from shape(inner, f"{place}[]")


def json_type(value: Any) -> str:
    """Return the JSON type of a value: JSON does not know integers."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return {dict: "object", list: "array", str: "string", type(None): "null"}[type(value)]


def shapes(value: Any) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for place, kind in shape(value):
        found.setdefault(place, set()).add(kind)
    return found


def differences(real: Any, ours: Any, exceptions: Mapping[str, str]) -> list[str]:
    """Return the places of a real answer that ours lacks, or has in types that the real one never has."""
    found, wanted = shapes(ours), shapes(real)
    excepted = tuple(exceptions)
    empty = tuple(place for place, kinds in found.items() if kinds == {"array"} and f"{place}[]" not in found)
    return [
        f"{place}: expected {sorted(kinds)}, found {sorted(found.get(place, set()))}"
        for place, kinds in wanted.items()
        if not any(within.endswith(excepted) for within in places_around(place))
        and not place.startswith(tuple(f"{each}[]" for each in empty))
        and not (found.get(place) and found[place] <= kinds)
    ]


def places_around(place: str) -> Iterator[str]:
    """Yield a place and all that it is in: `a[].b` is in `a[]` and in `a`."""
    yield place
    yield from (place[:end] for end, mark in enumerate(place) if mark in ".[")


async def traded(pit: Pit, alice: Trader, bob: Trader) -> None:
    """Let Bob buy some YES of Alice, and Alice sell all her YES: open positions, and a closed one."""
    accepted(await bob.client.place_limit_order(token_id=pit.yes, price="0.45", size="1000", side="BUY"))
    await alice.settled(
        await alice.client.place_market_order(token_id=pit.yes, side="SELL", shares="1000", min_price="0.45")
    )


async def fetched(url: str) -> Any:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert response.status == 200, await response.text()
        return await response.json()


@pytest.mark.parametrize("case", CASES)
async def test_our_answer_has_the_keys_and_types_of_the_real_one(
    case: str, open_pit: OpenPit, alice: Trader, bob: Trader
) -> None:
    capture, real_part, path, our_part, exceptions = CASES[case]
    pit = await open_pit(fee_rate="0.05", neg_risk=True)
    await traded(pit, alice, bob)
    real = real_part(json.loads((CAPTURES / f"{capture}.json").read_text()))
    ours = our_part(await fetched(pit.devnet.endpoints.clob_url + path(pit, alice)))
    assert ours
    assert differences(real, ours, exceptions) == []


async def test_a_missing_key_and_another_type_are_seen() -> None:
    real = {"a": [{"b": 1, "c": "x"}], "d": None}
    assert differences(real, {"a": [{"b": "1"}], "d": None}, {}) == [
        "a[].b: expected ['number'], found ['string']",
        "a[].c: expected ['string'], found []",
    ]
    assert differences(real, {"a": [{"b": 2.5, "c": ""}], "d": None}, {}) == []
