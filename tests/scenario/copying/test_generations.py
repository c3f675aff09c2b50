"""Trades of the third exchange generation are copied as those of the older one, in one run and on one set of books."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from remora.devnet.abi import calldata
from remora.devnet.accounts import Role, scripted
from remora.devnet.balances import shares_of
from remora.devnet.endpoints import Contracts, Market
from remora.devnet.generations import condition_bytes
from remora.devnet.markets import ORACLE, MarketTerms
from remora.devnet.transactions import Act, transact
from remora.domain.ids import Address, TokenId
from remora.domain.money import ONE, Shares
from tests.scenario.casts import trio
from tests.scenario.evidence import exits
from tests.scenario.rehearsal import Rehearsal, until
from tests.scenario.theatre import Theatre

pytestmark = pytest.mark.asyncio(loop_scope="session")

EXITS = [("transfer", 50), ("transfer", 49), ("transfer", 50), ("merge", 48), ("merge", 49), ("redemption", 47)]
"""What one share of leaves, of 50 of each outcome, and how many whole shares were held before."""

FRIEND = scripted(Role.FOLLOWER, 99, seed=99).address
_OLDER, _BINARY, _NEG_RISK = 1, 3, 4
"""Markets of the devnet's variety."""


@pytest.mark.parametrize("market", [_BINARY, _NEG_RISK])
async def test_a_purchase_and_a_sale_on_exchange_v3_are_copied_with_exact_books(theatre: Theatre, market: int) -> None:
    async with theatre.rehearsal(trio) as rehearsal:
        await rehearsal.start()
        await rehearsal.buy(market=market)
        await rehearsal.settled()
        held = await _positions(rehearsal, market)
        assert min(held) > 0
        assert await rehearsal.wrong() == []
        await rehearsal.sell(market=market)
        await rehearsal.settled()
        assert all(later < earlier for later, earlier in zip(await _positions(rehearsal, market), held, strict=True))
        assert await rehearsal.wrong() == []
        assert rehearsal.performance.read().intents["settled"] == 6
        assert await rehearsal.stop() == 0


async def test_both_generations_are_copied_side_by_side(theatre: Theatre) -> None:
    async with theatre.rehearsal(trio) as rehearsal:
        await rehearsal.start()
        for market in (_BINARY, _OLDER, _NEG_RISK):
            await rehearsal.buy(market=market)
        await rehearsal.settled()
        assert await rehearsal.wrong() == []
        assert rehearsal.performance.read().intents["settled"] == 9
        assert await rehearsal.stop() == 0


async def test_positions_that_move_without_a_trade_are_no_trades(theatre: Theatre) -> None:
    market = await theatre.devnet.open_market(MarketTerms(question="Will a position move by itself?", version="v2"))
    async with theatre.rehearsal(trio) as rehearsal:
        await rehearsal.start()
        leader = rehearsal.performance.cast.leaders[0].address
        await theatre.devnet.funding.split(leader, market, Shares(50 * ONE))
        for act in _moves(theatre.devnet.endpoints.contracts, leader, market):
            await transact(theatre.devnet.node, [act])
        await until(lambda: len(rehearsal.life.told("no_trade")) == 5)

        kinds = [kind for event in rehearsal.life.told("no_trade") for kind in event["reasons"].split(", ")]
        assert sorted(kind for kind in kinds if kind != "collateral transfer") == [
            *("merge", "redemption", "split", "transfer", "transfer"),
        ]
        await until(lambda: len(exits(rehearsal.performance)) == len(EXITS))
        assert exits(rehearsal.performance) == [(kind, ONE, held * ONE) for kind, held in EXITS]
        assert await rehearsal.stop() == 0


def _moves(contracts: Contracts, leader: Address, market: Market) -> Sequence[Act]:
    """Return a gift, a gift of both outcomes, a merge, the market's resolution, and a redemption."""
    manager, router = Address(contracts.position_manager), Address(contracts.router)
    condition, ids = condition_bytes(market), [market.yes_token_id, market.no_token_id]
    gift = calldata("unsafeTransferFrom(address,address,uint256,uint256)", leader, FRIEND, ids[0], ONE)
    gifts = calldata("unsafeBatchTransferFrom(address,address,uint256[],uint256[])", leader, FRIEND, ids, [ONE, ONE])
    merge = calldata("merge(bytes31,uint256)", condition, ONE)
    resolve = calldata("reportResult(bytes31,uint256[])", condition, [ONE, 0])
    redeem = calldata("redeem(bytes31,uint256,uint256)", condition, 0, ONE)
    return (
        Act(sender=leader, to=manager, data=gift),
        Act(sender=leader, to=manager, data=gifts),
        Act(sender=leader, to=router, data=merge),
        Act(sender=ORACLE, to=Address(contracts.binary_module), data=resolve),
        Act(sender=leader, to=router, data=redeem),
    )


async def _positions(rehearsal: Rehearsal, market: int) -> list[int]:
    """Return what the followers hold of YES in the position manager."""
    stage = rehearsal.performance.stage
    traded: Market = stage.endpoints.markets[market]
    assert traded.version == "v2"
    token = TokenId(traded.yes_token_id)
    return [
        (await shares_of(stage.node, stage.endpoints.contracts, follower.wallet, token)).units
        for follower in rehearsal.performance.cast.followers
    ]
