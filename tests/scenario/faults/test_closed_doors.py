"""Somebody says no: the venue to an account, an exchange to a match, the collateral's price to an entry."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from remora.adapters.store.database import attached
from remora.bootstrap.rules import registry_on
from remora.devnet.balances import shares_of
from remora.dispatch.gathering import STATE_TTL_US
from remora.domain.ids import TokenId
from remora.domain.policy import Protections, Rulebook
from remora.settings.policies.writer import written
from tests.scenario.casts import trio
from tests.scenario.faults.outcome import inexact, reasons
from tests.scenario.faults.sabotage import Sabotage
from tests.scenario.rehearsal import Rehearsal, until
from tests.scenario.theatre import Theatre
from tests.scenario.traps import Moment

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

MEANINGS = {
    "banned": "ACCOUNT_REFUSED",
    "closed-only": "ACCOUNT_REFUSED",
    "not-ready": "MARKET_CLOSED",
    "invalid-nonce": "ORDER_INVALID",
}
SLOWER_S, QUICK_S = 1.0, 0.2
"""Block times: what a devnet of scenarios has, and a slower one."""


async def test_orders_that_the_venue_refuses_cost_nobody_anything(theatre: Theatre, sabotage: Sabotage) -> None:
    async with theatre.rehearsal(trio, fleet_size=1) as rehearsal:
        await rehearsal.start()
        (operator,) = rehearsal.performance.stage.fleet
        for reason in MEANINGS:
            await sabotage.inject("refuse-orders", wallet=operator, reason=reason)
            await _done(rehearsal, rehearsal.buy)
            await sabotage.end()
        expected = Counter(meaning for meaning in MEANINGS.values() for _ in rehearsal.performance.cast.followers)
        assert reasons(rehearsal) == expected
        assert await inexact(rehearsal) == []

        await _done(rehearsal, rehearsal.buy)
        await sabotage.inject("refuse-orders", wallet=operator, reason="banned")
        await _done(rehearsal, rehearsal.sell)
        assert reasons(rehearsal)["ACCOUNT_REFUSED"] == expected["ACCOUNT_REFUSED"] + 3
        assert await inexact(rehearsal, gave_back=True) == []


async def test_a_match_that_a_paused_exchange_refuses_costs_nobody_anything(
    theatre: Theatre, sabotage: Sabotage
) -> None:
    async with theatre.rehearsal(trio, fleet_size=1) as rehearsal:
        await rehearsal.start()
        for failed, trade in enumerate((rehearsal.buy, rehearsal.sell), start=1):
            await _paused_at_order(rehearsal, sabotage, trade)
            assert reasons(rehearsal) == {"MATCH_REVERTED": 3 * failed}
            assert await inexact(rehearsal, gave_back=True) == []
            await _done(rehearsal, rehearsal.buy)
        assert rehearsal.performance.read().settled > 0
        assert await inexact(rehearsal, gave_back=True) == []


async def test_who_may_not_enter_at_this_price_of_collateral_may_leave(theatre: Theatre, sabotage: Sabotage) -> None:
    async with theatre.rehearsal(trio, fleet_size=1) as rehearsal:
        careful = Protections(max_depeg_bps=100)
        policies = rehearsal.performance.cast.rulebook().policies
        with attached(rehearsal.performance.stage.database) as writer:
            book = Rulebook(policies=tuple(replace(each, protections=careful) for each in policies))
            await registry_on(writer).take_in(written(book), "the careful", replace=True, keep_lots=True)
        await rehearsal.start()
        await _done(rehearsal, rehearsal.buy)
        try:
            await sabotage.inject("depeg", price="0.97")
            await asyncio.sleep(STATE_TTL_US / 1_000_000)  # until then the price that was read last counts
            await _done(rehearsal, rehearsal.buy)
            await _done(rehearsal, rehearsal.sell)
        finally:
            await sabotage.inject("depeg", price="1")
        assert rehearsal.performance.read().denials == {"DEPEGGED": 3}
        assert rehearsal.performance.read().intents == {"settled": 6}
        assert await inexact(rehearsal) == []


async def test_a_follower_whose_shares_are_elsewhere_sells_nothing_and_the_others_do(
    theatre: Theatre, sabotage: Sabotage
) -> None:
    async with theatre.rehearsal(trio, fleet_size=1) as rehearsal:
        await rehearsal.start()
        await _done(rehearsal, rehearsal.buy)
        stage, mover = rehearsal.performance.stage, rehearsal.performance.cast.followers[0].wallet
        token = TokenId(stage.endpoints.markets[0].yes_token_id)
        had = await shares_of(stage.node, stage.endpoints.contracts, mover, token)
        await sabotage.inject("set-shares", wallet=mover, token=str(token), amount="0")
        await _done(rehearsal, rehearsal.sell)
        figures = rehearsal.performance.read()
        assert figures.intents["settled"] == 3 + 2
        assert figures.denials.total() + reasons(rehearsal).total() == 1
        await sabotage.inject("set-shares", wallet=mover, token=str(token), amount=str(had))
        assert await inexact(rehearsal) == []


async def test_blocks_come_slower_from_one_trade_to_the_next(theatre: Theatre, sabotage: Sabotage) -> None:
    async with theatre.rehearsal(trio, fleet_size=1) as rehearsal:
        await rehearsal.start()
        try:
            for seconds, trade in ((SLOWER_S, rehearsal.buy), (QUICK_S, rehearsal.sell)):
                await sabotage.inject("block-time", seconds=seconds)
                await _done(rehearsal, trade)
        finally:
            await sabotage.inject("block-time", seconds=QUICK_S)
        assert await rehearsal.wrong() == []


async def _done(rehearsal: Rehearsal, trade: Callable[[], Awaitable[None]]) -> None:
    """Have the leader trade, and wait until all that comes of it is over."""
    await trade()
    await rehearsal.settled()


async def _paused_at_order(rehearsal: Rehearsal, sabotage: Sabotage, trade: Callable[[], Awaitable[None]]) -> None:
    """Pause the exchange after a leader's trade, when the copy is ordered; end the pause when that has failed."""
    before = reasons(rehearsal).total()

    async def pause() -> None:
        await sabotage.inject("pause-exchange")

    trap = rehearsal.trap(Moment.BEFORE, "POST /order", pause)
    await trade()
    await until(trap.sprung.is_set)
    await until(lambda: reasons(rehearsal).total() > before)
    await sabotage.inject("pause-exchange", paused=False)
    await rehearsal.settled()
