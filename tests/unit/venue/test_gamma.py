"""Gamma's markets, field by field: two that it really described, and what it might say one day."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from remora.adapters.venue.gamma import parse_listings
from remora.adapters.venue.wire import loads
from remora.domain.errors import Malformed
from remora.domain.ids import TokenId
from remora.domain.market import Listing
from remora.domain.money import Collateral

CAPTURES = Path(__file__).parents[2] / "fixtures" / "polygon" / "api"
YES, NO = TokenId(2**255 + 7), TokenId(2**255 + 8)


def captured(name: str) -> Any:
    found = loads((CAPTURES / f"{name}.json").read_bytes())
    return found[0] if isinstance(found, list) else found


def market(**changes: Any) -> dict[str, Any]:
    return {
        "question": "Will it snow?",
        "slug": "will-it-snow",
        "outcomes": '["Yes", "No"]',
        "clobTokenIds": json.dumps([str(YES), str(NO)]),
        **changes,
    }


def test_a_market_of_the_venue() -> None:
    found = parse_listings(captured("gamma_market_btc150k_2026-05"))
    yes = TokenId(13915689317269078219168496739008737517740566192006337297676041270492637394586)
    no = TokenId(13290642914521189871602119663452054126359842904805799115978921503195267156991)
    assert found[yes] == Listing(
        question="Will Bitcoin hit $150k by June 30, 2026?",
        outcome="Yes",
        slug="will-bitcoin-hit-150k-by-june-30-2026",
        event_slug="when-will-bitcoin-hit-150k",
        category=None,
        tags=frozenset(),
        liquidity=Collateral.parse("19822.55555"),
        volume_24h=Collateral.parse("5821652.894196"),
        ends_us=1_782_878_400_000_000,  # 2026-07-01T04:00:00Z
        opposite=no,
    )
    assert (found[no].outcome, found[no].opposite) == ("No", yes)


def test_outcomes_have_names_of_their_own() -> None:
    found = parse_listings(captured("nautilus_gamma_market_sports_market_map_handicap"))
    assert [each.outcome for each in found.values()] == ["FaZe", "illwill"]
    assert {each.liquidity for each in found.values()} == {Collateral(0)}


def test_what_is_not_said_is_none() -> None:
    found = parse_listings(market())[YES]
    assert (found.category, found.liquidity, found.volume_24h, found.ends_us) == (None, None, None, None)
    assert (found.tags, found.event_slug) == (frozenset(), "")


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        ({"category": "US Politics"}, "category", "us politics"),
        ({"events": [{"slug": "snow", "category": "Weather"}]}, "category", "weather"),
        ({"events": [{"slug": "snow"}]}, "event_slug", "snow"),
        ({"tags": [{"label": "US Elections", "slug": "us-elections"}]}, "tags", {"us elections", "us-elections"}),
        ({"liquidity": "12.3456789"}, "liquidity", Collateral(12_345_678)),  # rounded down
        ({"liquidityNum": "1e3", "liquidity": "7"}, "liquidity", Collateral(1_000_000_000)),
        ({"volume24hr": 5}, "volume_24h", Collateral(5_000_000)),
        ({"endDate": "2026-07-01"}, "ends_us", 1_782_864_000_000_000),
        ({"endDate": "2026-07-01T02:00:00+02:00"}, "ends_us", 1_782_864_000_000_000),
        ({"clobTokenIds": None, "positionIds": [str(YES), str(NO)]}, "opposite", NO),
    ],
)
def test_fields(changes: dict[str, Any], field: str, expected: Any) -> None:
    assert getattr(parse_listings(market(**changes))[YES], field) == expected


@pytest.mark.parametrize(
    "raw",
    [
        None,
        [],
        market(question=None),
        market(slug=7),
        market(outcomes='["Yes"]'),
        market(outcomes="Yes"),
        market(outcomes='{"Yes": 1}'),
        market(clobTokenIds=None),
        market(clobTokenIds='["1", "x"]'),
        market(clobTokenIds='["1", "2", "3"]'),
        market(liquidity="much"),
        market(volume24hr="NaN"),
        market(volume24hr=True),
        market(endDate="soon"),
        market(tags=["politics"]),
        market(events=["snow"]),
    ],
)
def test_what_is_not_as_documented_is_malformed(raw: Any) -> None:
    with pytest.raises(Malformed):
        parse_listings(raw)
