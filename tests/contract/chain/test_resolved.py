"""Whether a market is over, and what its shares pay, as its ledger tells it: ConditionalTokens, or V3's own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from remora.adapters.chain.reader import NodeReader
from remora.adapters.chain.tokens import get_collection_id, position_id
from remora.devnet.endpoints import Market
from remora.devnet.generations import ledgers
from remora.devnet.markets import DRAW, NO_WINS, YES_WINS, MarketTerms, open_market, resolve_markets
from remora.domain.contracts import BRIDGED_USDC, WRAPPED_COLLATERAL, Ledgers
from remora.domain.errors import Malformed
from remora.domain.ids import ZERO_ADDRESS, Address, ConditionId, TokenId
from remora.domain.money import ONE, Price
from remora.domain.usage import HeldToken
from tests.contract.chain.world import World

CASES = {
    "standard": (MarketTerms(question="Will the standard one be over?"), NO_WINS),
    "standard, a draw": (MarketTerms(question="Will neither win?"), DRAW),
    "question of an event": (
        MarketTerms(question="Will this be it?", neg_risk=True, event="What will be it?"),
        YES_WINS,
    ),
    "binary of V3": (MarketTerms(question="Will the binary one be over?", version="v2"), NO_WINS),
    "binary of V3, a draw": (MarketTerms(question="Will neither win in V3?", version="v2"), DRAW),
    "question of V3": (MarketTerms(question="Will the last one be over?", version="v2", neg_risk=True), YES_WINS),
}


API = Path(__file__).parents[2] / "fixtures" / "polygon" / "api"


def real_markets() -> list[dict[str, Any]]:
    """Return markets as Gamma told them, standard and neg-risk ones."""
    event = json.loads((API / "nautilus_gamma_event.json").read_text())
    single = json.loads((API / "nautilus_gamma_market_sports_market_map_handicap.json").read_text())
    pair = json.loads((API / "gamma_market_btc150k_2026-05.json").read_text())
    return [*markets_in(event), *markets_in(single), *markets_in(pair)]


def markets_in(document: Any) -> list[dict[str, Any]]:
    """Return all markets in a document, however deep."""
    if isinstance(document, dict):
        if "clobTokenIds" in document:
            return [document]
        return markets_in(list(document.values()))
    return [market for each in document for market in markets_in(each)] if isinstance(document, list) else []


def both(market: Market) -> list[HeldToken]:
    condition = ConditionId(market.condition_id)
    return [HeldToken(TokenId(token), condition) for token in (market.yes_token_id, market.no_token_id)]


def worth(market: Market, payouts: tuple[int, int]) -> dict[TokenId, Price]:
    yes = payouts[0] * ONE // sum(payouts)
    return {TokenId(market.yes_token_id): Price(yes), TokenId(market.no_token_id): Price(ONE - yes)}


@pytest.mark.parametrize("case", CASES)
async def test_both_outcomes_are_over_with_their_market_and_pay_what_it_says(world: World, case: str) -> None:
    terms, payouts = CASES[case]
    market = await open_market(world.node, world.contracts, terms)
    still_open = both(world.market)
    assert await world.reader.payouts([*both(market), *still_open]) == {}
    await resolve_markets(world.node, world.contracts, [(market, payouts)])
    assert await world.reader.payouts([*still_open, *both(market)]) == worth(market, payouts)


async def test_without_its_market_a_token_of_conditional_tokens_counts_as_open(world: World) -> None:
    market = await open_market(world.node, world.contracts, MarketTerms(question="Will anybody know this one?"))
    await resolve_markets(world.node, world.contracts, [(market, YES_WINS)])
    unknown = [each._replace(condition_id=None) for each in both(market)]
    assert await world.reader.payouts([*unknown, *both(market)[:1]]) == {market.yes_token_id: Price(ONE)}
    assert await world.reader.payouts(unknown) == {}
    assert await world.reader.payouts([]) == {}


async def test_shares_of_another_collateral_are_over_but_nobody_knows_what_they_pay(world: World) -> None:
    market = await open_market(world.node, world.contracts, MarketTerms(question="What are these shares made of?"))
    await resolve_markets(world.node, world.contracts, [(market, YES_WINS)])
    for others in ((), (world.collateral, Address(world.contracts.wrapped_collateral))):
        elsewhere = replace(ledgers(world.contracts), share_collaterals=others)
        reader = NodeReader(world.rpc, collateral=world.collateral, ledgers=elsewhere)
        assert await reader.payouts(both(market)) == dict.fromkeys(worth(market, YES_WINS))


@pytest.mark.parametrize("market", real_markets(), ids=lambda market: market["conditionId"][:10])
async def test_tokens_of_real_markets_are_made_of_what_is_known_on_polygon(
    world: World, market: dict[str, Any]
) -> None:
    """The contract is the real one, and its `getCollectionId` depends on nothing but what it is asked."""
    collateral = WRAPPED_COLLATERAL if market["negRisk"] else BRIDGED_USDC
    ledger = Address(world.contracts.conditional_tokens)
    collections = [
        int.from_bytes(await world.node.view(ledger, get_collection_id(market["conditionId"], outcome)))
        for outcome in (0, 1)
    ]
    made = [position_id(collateral, collection_id) for collection_id in collections]
    assert [str(token) for token in made] == json.loads(market["clobTokenIds"])


async def test_an_address_without_a_ledger_is_told_of(world: World) -> None:
    nowhere = Ledgers(conditional_tokens=ZERO_ADDRESS, position_manager=ZERO_ADDRESS)
    lost = NodeReader(world.rpc, collateral=world.collateral, ledgers=nowhere)
    with pytest.raises(Malformed, match=f"from {ZERO_ADDRESS}"):
        await lost.payouts(both(world.market))
