"""What moves a leader's shares without a trade is never a trade: gifts, splits, merges, redemptions."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from eth_utils.crypto import keccak

from remora.devnet.abi import calldata
from remora.devnet.accounts import Role, scripted
from remora.devnet.endpoints import Market
from remora.devnet.markets import ORACLE, MarketTerms
from remora.devnet.transactions import Act, transact
from remora.domain.ids import Address
from remora.domain.money import ONE, Shares
from tests.scenario.evidence import exits
from tests.scenario.rehearsal import Rehearsal, until
from tests.scenario.theatre import LongRun, Theatre

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUESTION = "Will a leader be copied who does not trade?"
EXITS = [
    ("transfer", 10, 50),  # the gift of YES
    ("transfer", 10, 40),  # and of both
    ("transfer", 10, 50),
    ("merge", 10, 30),
    ("merge", 10, 40),
    ("redemption", 20, 20),
    ("redemption", 30, 30),
]
"""What leaves of 50 of each outcome, and what was held before, in whole shares. Splits bring shares: no exit."""

COLLATERAL_MOVES = {"collateral transfer", "collateral wrap"}
FRIEND = scripted(Role.FOLLOWER, 99, seed=99).address


async def test_gifts_splits_merges_and_redemptions_are_no_trades(run: LongRun, theatre: Theatre) -> None:
    market = await theatre.devnet.open_market(MarketTerms(question=QUESTION))
    async with run.scene() as rehearsal:
        before = len(exits(rehearsal.performance))
        leader = rehearsal.performance.cast.leaders[0].address
        await theatre.devnet.funding.split(leader, market, Shares(50 * ONE))
        for act in _moves(rehearsal, leader, market):
            await transact(theatre.devnet.node, [act])
        await until(lambda: len(rehearsal.life.told("no_trade")) == 5)

        kinds = [kind for event in rehearsal.life.told("no_trade") for kind in event["reasons"].split(", ")]
        assert sorted(set(kinds) - COLLATERAL_MOVES) == ["merge", "redemption", "split", "transfer"]
        assert kinds.count("transfer") == 2
        await until(lambda: len(exits(rehearsal.performance)) == before + len(EXITS))
        assert exits(rehearsal.performance)[before:] == [(kind, left * ONE, held * ONE) for kind, left, held in EXITS]
        refused = rehearsal.performance.read().denials
        assert refused["EXIT_KIND_NOT_FOLLOWED"] == 3 * 5  # three followers, three gifts and two redemptions
        rehearsal.performance.trades += len(EXITS)
        await rehearsal.buy()
        await rehearsal.settled()
        assert await rehearsal.wrong() == []


def _moves(rehearsal: Rehearsal, leader: Address, market: Market) -> Sequence[Act]:
    """Return a gift, a gift of both outcomes, a merge, the market's resolution, and a redemption."""
    contracts = rehearsal.performance.stage.endpoints.contracts
    tokens, adapter = Address(contracts.conditional_tokens), Address(contracts.collateral_adapter)
    condition, both = bytes.fromhex(market.condition_id.removeprefix("0x")), [1, 2]
    ids, ten = [market.yes_token_id, market.no_token_id], 10 * ONE
    gift = calldata(
        "safeTransferFrom(address,address,uint256,uint256,bytes)", leader, FRIEND, market.yes_token_id, ten, b""
    )
    gifts = calldata(
        "safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)", leader, FRIEND, ids, [ten, ten], b""
    )
    pool = "address,bytes32,bytes32,uint256[]"
    merge = calldata(f"mergePositions({pool},uint256)", contracts.collateral, bytes(32), condition, both, ten)
    resolve = calldata("reportPayouts(bytes32,uint256[])", keccak(text=QUESTION), [1, 0])
    redeem = calldata(f"redeemPositions({pool})", contracts.collateral, bytes(32), condition, both)
    return (
        Act(sender=leader, to=tokens, data=gift),
        Act(sender=leader, to=tokens, data=gifts),
        Act(sender=leader, to=adapter, data=merge),
        Act(sender=ORACLE, to=tokens, data=resolve),
        Act(sender=leader, to=adapter, data=redeem),
    )
