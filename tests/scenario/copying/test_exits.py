"""Followers leave with their leader, by the fraction of what it held before: when it sells, merges or converts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from polymarket import AcceptedOrder

from remora.devnet.abi import calldata
from remora.devnet.balances import shares_of
from remora.devnet.demo.script import Act as Trade
from remora.devnet.endpoints import Market
from remora.devnet.generations import condition_bytes
from remora.devnet.markets import MarketTerms
from remora.devnet.traders.outcome import Outcome
from remora.devnet.transactions import Act, transact
from remora.domain.ids import Address, TokenId
from remora.domain.money import ONE, Collateral, Shares
from remora.domain.signal import Side
from tests.scenario.casts import trio
from tests.scenario.evidence import exits
from tests.scenario.faults.sabotage import Sabotage
from tests.scenario.rehearsal import PATIENCE_S, Rehearsal
from tests.scenario.theatre import Theatre

pytestmark = pytest.mark.asyncio(loop_scope="session")

MARKET = 1
QUESTION = 2
"""The market that is the first question of a neg-risk event."""

STEP = ONE // 100
"""The venue takes shares in hundredths: what a follower's exit is short of a fraction stays in the lot."""

ENOUGH_GAS = 2_000_000
"""A conversion splits shares of every other question."""

QUICK_S, NEVER_S = 0.2, 600
"""Seconds between blocks: usually, and until transactions that shall be in one are all sent."""


@pytest_asyncio.fixture(loop_scope="session")
async def sabotage(theatre: Theatre) -> AsyncIterator[Sabotage]:
    sabotage = Sabotage(theatre.devnet.endpoints.control_url)
    yield sabotage
    await sabotage.end()


@asynccontextmanager
async def one_block(theatre: Theatre, sabotage: Sabotage, transactions: int) -> AsyncIterator[None]:
    """Let no block come until so many transactions are sent, and then one that has them all."""
    await sabotage.inject("block-time", seconds=NEVER_S)
    try:
        yield
        async with asyncio.timeout(PATIENCE_S):
            while await _pooled(theatre) < transactions:  # noqa: ASYNC110  the pool tells nobody
                await asyncio.sleep(0.05)
    finally:
        await sabotage.inject("block-time", seconds=QUICK_S)


async def _pooled(theatre: Theatre) -> int:
    return int((await theatre.devnet.node.call("txpool_status"))["pending"], 16)


async def test_two_sales_in_one_block_and_one_later_leave_the_same_fractions(
    theatre: Theatre, sabotage: Sabotage
) -> None:
    async with theatre.rehearsal(trio) as rehearsal:
        await rehearsal.start()
        await rehearsal.buy(market=MARKET)
        await rehearsal.settled()
        lots, held = await _lots(rehearsal, Outcome.YES), await _leaders(rehearsal, Outcome.YES)
        half, quarter = held // 2 // STEP * STEP, held // 4 // STEP * STEP
        async with one_block(theatre, sabotage, transactions=2):
            await _sell(rehearsal, half)
            await _sell(rehearsal, quarter)
        await rehearsal.settled()
        assert exits(rehearsal.performance) == [("trade", half, held), ("trade", quarter, held - half)]
        assert len(set(_blocks(rehearsal))) == 1
        _assert_left(await _lots(rehearsal, Outcome.YES), lots, held - half - quarter, held)

        rest = held - half - quarter
        eighth = held // 8 // STEP * STEP
        await _sell(rehearsal, eighth)
        await rehearsal.settled()
        assert exits(rehearsal.performance)[2:] == [("trade", eighth, rest)]
        _assert_left(await _lots(rehearsal, Outcome.YES), lots, rest - eighth, held)
        assert await rehearsal.wrong() == []
        assert await rehearsal.stop() == 0


async def test_followers_sell_both_outcomes_when_their_leader_merges(theatre: Theatre) -> None:
    async with theatre.rehearsal(trio) as rehearsal:
        await rehearsal.start()
        for outcome in Outcome:
            await _buy(rehearsal, MARKET, outcome)
        await rehearsal.settled()
        before = {outcome: await _lots(rehearsal, outcome) for outcome in Outcome}
        held = {outcome: await _leaders(rehearsal, outcome) for outcome in Outcome}
        merged = min(held.values()) // 2
        await _merge(rehearsal, merged)
        rehearsal.performance.trades += 2
        rehearsal.performance.expectation.copies += 6
        await rehearsal.settled()

        found = sorted(exits(rehearsal.performance))
        assert found == sorted(("merge", merged, held[outcome]) for outcome in Outcome)
        for outcome in Outcome:
            _assert_left(await _lots(rehearsal, outcome), before[outcome], held[outcome] - merged, held[outcome])
        assert await rehearsal.wrong() == []
        assert await rehearsal.stop() == 0


async def test_followers_sell_no_shares_when_their_leader_converts_them(theatre: Theatre) -> None:
    async with theatre.rehearsal(trio) as rehearsal:
        await rehearsal.start()
        await _buy(rehearsal, QUESTION, Outcome.NO)
        await rehearsal.settled()
        lots = await _lots(rehearsal, Outcome.NO, QUESTION)
        held = await _leaders(rehearsal, Outcome.NO, QUESTION)
        other = await _another_question(theatre)
        converted = held // 2
        await _convert(rehearsal, converted)
        rehearsal.performance.trades += 1
        rehearsal.performance.expectation.copies += 3
        await rehearsal.settled()

        assert exits(rehearsal.performance) == [("conversion", converted, held)]
        assert await _tokens(rehearsal, rehearsal.leaders[0].wallet, other.yes_token_id) == converted
        _assert_left(await _lots(rehearsal, Outcome.NO, QUESTION), lots, held - converted, held)
        assert await rehearsal.wrong() == []  # what the conversion brought is no entry
        assert await rehearsal.stop() == 0


def _assert_left(lots: Sequence[int], before: Sequence[int], held: int, of: int) -> None:
    """Compare what each follower has with the leader's fraction, but for what an order's rounding leaves."""
    for left, lot in zip(lots, before, strict=True):
        assert 0 <= left - lot * held // of <= 4 * STEP


async def _sell(rehearsal: Rehearsal, units: int) -> None:
    """Sell shares of YES, and expect every follower to."""
    sold = await rehearsal.leaders[0].sell(_market(rehearsal), Outcome.YES, Shares(units))
    assert isinstance(sold, AcceptedOrder), sold
    rehearsal.performance.trades += 1
    rehearsal.performance.expectation.copies += 3


async def _buy(rehearsal: Rehearsal, market: int, outcome: Outcome) -> None:
    trade = Trade(leader=0, market=market, outcome=outcome, side=Side.BUY, amount=Collateral(100 * ONE))
    await rehearsal.performance.act(trade, rehearsal.leaders)


async def _merge(rehearsal: Rehearsal, units: int) -> None:
    """Merge the leader's shares of both outcomes."""
    contracts, condition = rehearsal.performance.stage.endpoints.contracts, condition_bytes(_market(rehearsal))
    words = "mergePositions(address,bytes32,bytes32,uint256[],uint256)"
    await _tell_adapter(rehearsal, MARKET, calldata(words, contracts.collateral, bytes(32), condition, [1, 2], units))


async def _another_question(theatre: Theatre) -> Market:
    """Open one more question of the neg-risk event: of a single one nothing can be converted."""
    event = theatre.devnet.endpoints.markets[QUESTION].event
    return await theatre.devnet.open_market(MarketTerms(question="Will no remora?", neg_risk=True, event=event))


async def _convert(rehearsal: Rehearsal, units: int) -> None:
    """Convert the leader's NO shares of the event's first question into YES shares of its others."""
    market_id = bytes.fromhex(_market(rehearsal, QUESTION).neg_risk_market_id[2:])
    words = "convertPositions(bytes32,uint256,uint256)"
    await _tell_adapter(rehearsal, QUESTION, calldata(words, market_id, 0b1, units))


async def _tell_adapter(rehearsal: Rehearsal, market: int, data: bytes) -> None:
    """Have the leader approve and call a market's adapter, as the venue's site does."""
    contracts = rehearsal.performance.stage.endpoints.contracts
    leader, adapter = rehearsal.leaders[0].wallet, Address(contracts.adapter_of(_market(rehearsal, market)))
    approve = calldata("setApprovalForAll(address,bool)", adapter, True)
    acts = [
        Act(sender=leader, to=Address(contracts.conditional_tokens), data=approve),
        Act(sender=leader, to=adapter, data=data, gas=ENOUGH_GAS),
    ]
    await transact(rehearsal.performance.stage.node, acts)


def _market(rehearsal: Rehearsal, market: int = MARKET) -> Market:
    return rehearsal.performance.stage.endpoints.markets[market]


def _blocks(rehearsal: Rehearsal) -> list[int]:
    """Return the blocks of the leader's sales."""
    with rehearsal.performance.database() as connection:
        rows = connection.exec_driver_sql("SELECT block_number FROM signals WHERE side = 'SELL'")
        return [int(row[0]) for row in rows]


async def _lots(rehearsal: Rehearsal, outcome: Outcome, market: int = MARKET) -> list[int]:
    token = outcome.token_of(_market(rehearsal, market))
    return [await _tokens(rehearsal, follower.wallet, token) for follower in rehearsal.performance.cast.followers]


async def _leaders(rehearsal: Rehearsal, outcome: Outcome, market: int = MARKET) -> int:
    return await _tokens(rehearsal, rehearsal.leaders[0].wallet, outcome.token_of(_market(rehearsal, market)))


async def _tokens(rehearsal: Rehearsal, wallet: Address, token: int) -> int:
    stage = rehearsal.performance.stage
    return (await shares_of(stage.node, stage.endpoints.contracts, wallet, TokenId(token))).units
